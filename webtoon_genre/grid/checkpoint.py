"""Checkpoints of finished trials, so that a killed stage resumes.

A checkpoint belongs to a fingerprint of everything that its results depend on; results of another fingerprint are deleted.
"""

import json
import shutil
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from webtoon_genre.core.files import write_text

PACKAGE = Path(__file__).parents[1]


def fingerprint(params: Any, files: Iterable[Path]) -> str:
    """sha256 of `params`, a JSON value, of the bytes of `files`, and of this package's code."""
    digest = sha256(json.dumps(params, sort_keys=True).encode())
    for path in [*files, *sorted(PACKAGE.rglob("*.py"))]:
        with path.open("rb") as stream:
            digest.update(file_digest(stream, "sha256").digest())
    return digest.hexdigest()


class Checkpoint:
    """Results by name, as JSON files in a folder; those of another fingerprint are deleted at once."""

    def __init__(self, folder: Path, fingerprint: str):
        self.folder, self.current = folder, folder / fingerprint
        if folder.exists():
            for other in folder.iterdir():
                if other != self.current:
                    shutil.rmtree(other)

    def read(self, name: str) -> Any | None:
        """The result of that name, or None."""
        path = self.current / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def write(self, name: str, result: Any) -> None:
        """Write a JSON value exactly: floats are not rounded."""
        write_text(self.current / f"{name}.json", json.dumps(result))

    def clear(self) -> None:
        """Delete all results: the stage has finished and written them elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)
