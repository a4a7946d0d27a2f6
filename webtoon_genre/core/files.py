"""Files that are whole or absent: written under a temporary name beside the target, then renamed; and room for them on the disk."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

DECIMALS = 6
PART = ".part-"  # how the name of what is being written begins


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target` (its suffixes kept); on success it becomes `target`, on error it is removed."""
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
    """Yield a new empty folder beside `target`; on success it takes the place of `target`, on error it is removed."""
    part = target.with_name(f"{PART}{target.name}")
    remove_folder(part)  # of a run that was killed
    part.mkdir(parents=True)
    try:
        with name_in_errors(target):
            yield part
            remove_folder(target)
            part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder, if there is one; an error names it, and not a file in it without its folder, as rmtree does."""
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            error.filename = str(folder)
            raise


@contextmanager
def name_in_errors(target: Path) -> Iterator[None]:
    """What fails in the block is told of `target`: C libraries say that a disk is full, and not where."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(target)
        raise


def reserve(path: Path, size: int) -> None:
    """Take `size` bytes of the disk for `path`, which may be there; OSError where it has fewer.

    For what is written by HDF5 or through a memory map: on a disk that turns out to be full, these end the process by a signal.
    """
    if hasattr(os, "posix_fallocate"):  # macOS has none
        path.touch()
        with name_in_errors(path), path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, size)


def create_memmap(path: Path, dtype: np.dtype | type, shape: tuple[int, ...]) -> np.memmap:
    """A new .npy file as a memory map to fill; all its room is taken at once."""
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    reserve(path, path.stat().st_size)
    return array


def write_json(target: Path, value: Any) -> None:
    """Write metrics: keys sorted, floats rounded to 6 places, a newline at the end, so that equal runs give equal bytes."""
    text = json.dumps(round_floats(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(target, text + "\n")


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def round_floats(value: Any) -> Any:
    """Nested dicts and lists with each float rounded to 6 places (numpy scalars become Python's)."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    if isinstance(value, dict):
        return {str(key): round_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [round_floats(item) for item in value]
    return value
