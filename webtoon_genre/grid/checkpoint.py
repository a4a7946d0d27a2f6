"""Finished parts of long work, kept until all of it is done, so that a killed stage goes on where it was.

They are kept under a fingerprint of all that they depend on, and are forgotten where that is another one.
"""

import json
import shutil
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from webtoon_genre.core.files import write_text

STAGES = Path(__file__).parent.parent


def fingerprint(settings: Any, files: Iterable[Path]) -> str:
    """sha256 of `settings`, which JSON can hold, of the bytes of `files`, and of this project's code."""
    whole = sha256(json.dumps(settings, sort_keys=True).encode())
    for path in [*files, *sorted(STAGES.rglob("*.py"))]:
        with path.open("rb") as stream:
            whole.update(file_digest(stream, "sha256").digest())
    return whole.hexdigest()


class Checkpoint:
    """Parts by name, as JSON files in a folder; those of another fingerprint are removed at once."""

    def __init__(self, folder: Path, whole: str):
        self.folder, self.current = folder, folder / whole
        if folder.exists():
            for other in folder.iterdir():
                if other != self.current:
                    shutil.rmtree(other)

    def read(self, name: str) -> Any | None:
        """What was kept under `name`, or None."""
        path = self.current / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def write(self, name: str, value: Any) -> None:
        """Keep `value`, exactly: floats as they are."""
        write_text(self.current / f"{name}.json", json.dumps(value))

    def forget(self) -> None:
        """All of it is done, and stands elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)
