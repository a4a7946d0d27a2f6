"""Checkpoints of finished trials, so that a killed stage resumes.

A checkpoint belongs to a fingerprint of everything that its results depend on; results of another fingerprint are deleted.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from webtoon_genre.core.files import write_text


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
