"""What model is in a folder, read from its config.json; needs neither TensorFlow nor DVC."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.model_files import CONFIG
from webtoon_genre.data.images import Interpolation


class ModelInfo(BaseModel):
    """config.json of a model's folder; keys that are not named here are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    backbone: str
    side: int
    preprocess: str
    unfreeze: str | int
    head: dict[str, Any]
    classes: list[str]


class Name(BaseModel):
    """The name of a label by language."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    en: str
    ko: str


class ResizeRule(BaseModel):
    """How a picture is fitted into the model's square; max_pixels: of a picture that is decoded."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    interpolation: Interpolation
    max_pixels: int


class Score(BaseModel):
    """An accuracy with its 95% interval over `groups` titles."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    accuracy: float
    accuracy_interval: list[float]
    groups: int


class InferenceConfig(ModelInfo):
    """config.json of a model that was exported for use without TensorFlow.

    names: of each label. temperature: divides logits, so that probabilities are as sure as they are right. unlike_distance: in style, from
    the nearest train title (titles.py); 99 in 100 validation images are nearer. scores: by split, val and test.
    """

    names: dict[str, Name]
    resize: ResizeRule
    temperature: float
    unlike_distance: float
    scores: dict[str, Score]


Info = TypeVar("Info", bound=ModelInfo)


def read_model_info(folder: Path) -> ModelInfo:
    """The model in `folder`, or InputError where its config.json is missing or of another version."""
    return read_config(folder, ModelInfo)


def read_inference_config(folder: Path) -> InferenceConfig:
    """The exported model in `folder`, or InputError where its config.json is missing, of another version, or of a model not exported."""
    return read_config(folder, InferenceConfig)


def read_config(folder: Path, schema: type[Info]) -> Info:
    """config.json by a schema."""
    path = folder / CONFIG
    try:
        return schema.model_validate_json(path.read_text(encoding="utf-8"))
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
