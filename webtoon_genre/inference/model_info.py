"""What model is in a folder, read from its config.json; needs neither TensorFlow nor DVC."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from webtoon_genre.core.errors import InputError

CONFIG = "config.json"


class ModelInfo(BaseModel):
    """config.json of a model's folder; keys that are not named here are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    backbone: str
    side: int
    preprocess: str
    unfreeze: str | int
    head: dict[str, Any]
    classes: list[str]


def read_model_info(folder: Path) -> ModelInfo:
    """The model in `folder`, or InputError where its config.json is missing or of another version."""
    path = folder / CONFIG
    try:
        return ModelInfo.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{path} is not there; name a model's folder, or get one with `dvc pull models/best`"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text ({error.reason}); get the model anew with `dvc pull`") from None
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, detail["loc"])) or detail["msg"] for detail in error.errors())
        raise InputError(
            f"{path} is not a model's config of this version ({keys}); get the model anew with `dvc pull`"
        ) from None


def describe(info: ModelInfo, folder: Path) -> str:
    """The model in a few lines of text."""
    head = info.head
    pool = head.get("pool", "unknown")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    lines = {
        "model": str(folder),
        "backbone": f"{info.backbone}, layers trained: {info.unfreeze}, pooling: {pool}, Dense units: {head.get('units', 'unknown')}",
        "input": f"uint8 (n, {info.side}, {info.side}, 3), RGB",
        "classes": f"{len(info.classes)}: {', '.join(info.classes)}",
        "files": f"{', '.join(path.name for path in files)} ({megabytes:.1f} MB)",
    }
    width = max(map(len, lines))
    return "\n".join(f"{name:{width}}  {value}" for name, value in lines.items())
