"""Files by content: size and md5, which DVC names files by."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InputFile:
    """A file of the driver. path: relative to the repository. size: in bytes."""

    path: Path
    size: int
    md5: str

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` exists and has this content."""
        return path.is_file() and path.stat().st_size == self.size and md5(path) == self.md5


def md5(path: Path) -> str:
    """The md5 of a file, hexadecimal: what DVC names files by."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, new_md5).hexdigest()


def content_md5(content: bytes) -> str:
    """The same of bytes in memory."""
    return new_md5(content).hexdigest()


def new_md5(content: bytes = b"") -> "hashlib._Hash":
    """An md5 that machines in FIPS mode allow too: it names content and protects nothing."""
    return hashlib.md5(content, usedforsecurity=False)


def describe(paths: Iterable[Path]) -> dict[Path, InputFile]:
    """The files of this machine at `paths`, relative to the working directory."""
    return {path: InputFile(path, path.stat().st_size, md5(path)) for path in paths}
