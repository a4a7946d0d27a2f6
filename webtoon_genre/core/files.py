"""Atomic writes: a temporary file beside the target is renamed when it is complete; and disk space reserved in advance."""

import json
import math
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from webtoon_genre.core.errors import InputError

DECIMALS = 6
PART = ".part-"  # prefix of a temporary file or folder


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`, with its suffixes; on success it replaces `target`, on error it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{PART}{target.name}")
    try:
        with name_in_errors(target):
            yield part
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a new empty folder beside `target`; on success it replaces `target`, on error it is removed."""
    part = target.with_name(f"{PART}{target.name}")
    remove_folder(part)  # left by a killed run
    part.mkdir(parents=True)
    try:
        with name_in_errors(target):
            yield part
            remove_folder(target)
            part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder if it exists; an error names its path, where rmtree names only a file in it."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            error.filename = str(folder)
            raise


def keep_only(products: Collection[Path]) -> None:
    """Remove the other files and folders beside `products`, except hidden ones: a matrix stage leaves those of earlier params."""
    folders = {product.parent for product in products if product.parent.is_dir()}
    others = {path for folder in folders for path in folder.iterdir() if not path.name.startswith(".")}
    for path in sorted(others - set(products)):
        if path.is_dir() and not path.is_symlink():
            remove_folder(path)
        else:
            path.unlink()


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """The files below `folder` that match a glob pattern, sorted, without hidden ones: a killed stage leaves a temporary file there."""
    return sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))


@contextmanager
def name_in_errors(target: Path) -> Iterator[None]:
    """Put `target` into an OSError that names no file: C libraries report a full disk without a path."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(target)
        raise


def reserve(path: Path, size: int) -> None:
    """Reserve `size` bytes on the disk for `path`, which may exist; OSError where fewer are free.

    For files written by HDF5 or through a memory map: when the disk is full, these end the process by a signal.
    """
    if hasattr(os, "posix_fallocate"):  # macOS has none
        path.touch()
        with name_in_errors(path), path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, size)


def create_memmap(path: Path, dtype: np.dtype | type, shape: tuple[int, ...]) -> np.memmap:
    """Create a .npy file as a writable memory map, with all its disk space reserved."""
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    reserve(path, path.stat().st_size)
    return array


def write_json(target: Path, value: Any) -> None:
    """Write metrics: keys sorted, floats rounded to 6 places, a newline at the end, so that equal runs write equal bytes.

    InputError with the key of a number that is NaN or infinite, which JSON does not have.
    """
    value = round_floats(value)
    for key, number in non_finite_numbers(value):
        raise InputError(f"{target}: {key} is {number}, which JSON does not have; nothing was written")
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(target, text + "\n")


def non_finite_numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Every NaN and infinity in nested dicts and lists, with its key: "test.recalls.0"."""
    if isinstance(value, float) and not math.isfinite(value):
        yield key, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    for name, item in items:
        yield from non_finite_numbers(item, f"{key}.{name}".lstrip("."))


def read_json(path: Path, stage: str) -> Any:
    """Read the JSON that `stage` wrote to `path`, or raise InputError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there; `dvc repro {stage}` makes it") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is no JSON ({error}); make it anew with `dvc repro {stage}`") from None


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def round_floats(value: Any) -> Any:
    """Round every float in nested dicts and lists to 6 places; numpy scalars become Python's."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    if isinstance(value, dict):
        return {str(key): round_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [round_floats(item) for item in value]
    return value
