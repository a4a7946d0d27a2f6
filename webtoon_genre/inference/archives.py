"""Dataclasses of arrays as .npz files; equal arrays give equal bytes."""

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np

from webtoon_genre.core.errors import InputError

T = TypeVar("T")


def save_archive(arrays: Any, path: Path) -> None:
    """Write the fields of a dataclass, all arrays."""
    np.savez_compressed(path, **{field.name: getattr(arrays, field.name) for field in fields(arrays)})


def load_archive(path: Path, kind: type[T]) -> T:
    """Read a dataclass of arrays; InputError where the file is missing or has other fields."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return kind(**{name: archive[name] for name in names})
    except FileNotFoundError:
        raise InputError(f"{path} is not there; get the model anew with `dvc pull`") from None
    except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path} is not of this version ({reason}); get the model anew with `dvc pull`") from None
