"""Arrays of an earlier run and the input files that they come from: a stage reuses those of files that did not change.

The folder holds a hard link to each array of that run, which takes no space while the array itself exists, and entries.json: the
fingerprint of params and code, and of each input file the digest of its bytes, and size and time of its array. A run reuses an array
only where fingerprint, input and array are all unchanged, so its bytes are those that a new computation gives. The folder is in no version;
without it everything is computed.
"""

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from webtoon_genre.core.files import replacing_folder, write_text
from webtoon_genre.core.fingerprint import digest_of

ENTRIES = "entries.json"


class Computed(NamedTuple):
    """What an input file gave. array: a .npy file, None where the input holds no usable row; rows: a JSON value that describes it."""

    array: Path | None
    rows: Any


class EarlierArrays:
    """The arrays in `folder`, unless they have another fingerprint."""

    def __init__(self, folder: Path, fingerprint: str):
        self.folder, self.fingerprint = folder, fingerprint
        self.entries: dict[str, dict[str, Any]] = {}
        if (path := folder / ENTRIES).is_file():
            stored = json.loads(path.read_text(encoding="utf-8"))
            self.entries = stored["entries"] if stored["fingerprint"] == fingerprint else {}

    def reuse(self, targets: Mapping[Path, Path]) -> dict[Path, Computed]:
        """By input file, what unchanged ones gave; their arrays are linked to `targets`, by input file too."""
        with ThreadPoolExecutor() as pool:
            results = pool.map(self._reuse, targets, targets.values())
            return {source: result for source, result in zip(targets, results, strict=True) if result is not None}

    def _reuse(self, source: Path, target: Path) -> Computed | None:
        entry = self.entries.get(source.name)
        if entry is None or entry["source"] != digest_of(source):
            return None
        if entry["array"] is None:
            return Computed(None, entry["rows"])
        array = self.folder / target.name
        if not array.is_file() or state_of(array) != entry["array"] or not link(array, target):
            return None
        return Computed(target, entry["rows"])

    def replace(self, computed: Mapping[Path, Computed]) -> None:
        """Replace all arrays by those of this run, by input file."""
        with ThreadPoolExecutor() as pool:
            entries = dict(pool.map(entry_of, computed.items()))
        with replacing_folder(self.folder) as folder:
            for result in computed.values():
                if result.array is not None:
                    link(result.array, folder / result.array.name)
            content = {"fingerprint": self.fingerprint, "entries": entries}
            write_text(folder / ENTRIES, json.dumps(content, sort_keys=True))


def entry_of(item: tuple[Path, Computed]) -> tuple[str, dict[str, Any]]:
    """The name of an input file and its entry."""
    source, result = item
    array = None if result.array is None else state_of(result.array)
    return source.name, {"source": digest_of(source), "array": array, "rows": result.rows}


def state_of(path: Path) -> list[int]:
    """Size in bytes and time of the last change in nanoseconds, by which DVC too tells whether a file was edited."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def link(source: Path, target: Path) -> bool:
    """Make `target` a hard link to `source`; false where the file system has none or `source` does not exist."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
