"""Files that are whole or absent: written under a temporary name beside the target, then renamed."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DECIMALS = 6


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target` (its suffixes kept); on success it becomes `target`, on error it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".part-{target.name}")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Yield a new empty folder beside `target`; on success it takes the place of `target`, on error it is removed."""
    part = target.with_name(f".part-{target.name}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_json(target: Path, value: Any) -> None:
    """Write metrics: keys sorted, floats rounded to 6 places, a newline at the end, so that equal runs give equal bytes."""
    text = json.dumps(rounded(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(target, text + "\n")


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def rounded(value: Any) -> Any:
    """Nested dicts and lists with each float rounded to 6 places (numpy scalars become Python's)."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no negative zero
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
