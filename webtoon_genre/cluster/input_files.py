"""Input files by content, and where a worker of the cluster gets them: from its disk, from the storage, or from the driver by Ray.

A worker takes the file of the repository if its size and md5 are right, then a copy that a worker of this machine got earlier, in a folder
for temporary files; otherwise it gets the file and checks the md5. The driver is the process of the stage.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from webtoon_genre.cluster.digests import InputFile, content_md5
from webtoon_genre.cluster.storage import Storage
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import PART

Locate = Callable[[Path], Path]  # of a file's path in the repository: where its content is on this machine


@dataclass
class FileReader:
    """Gives a worker the content of input files. root: the driver's working directory.

    storage: where files are that this machine lacks; None: `read` gets their bytes from the driver.
    """

    files: dict[Path, InputFile]
    root: Path
    storage: Storage | None
    read: Callable[[Path], bytes] | None
    located: dict[Path, Path] = field(default_factory=dict)

    def locate(self, path: Path) -> Path:
        """Where the content of `path` is on this machine."""
        located = self.located.get(path)
        if located is None or not located.is_file():
            located = self.located[path] = self._locate(self.files[path])
        return located

    def _locate(self, file: InputFile) -> Path:
        copy = cache_folder() / file.md5[:2] / file.md5[2:]
        for candidate in (self.root / file.path, Path.cwd() / file.path, copy):
            if file.matches(candidate):
                return candidate
        save(self._content(file), copy)
        return copy

    def _content(self, file: InputFile) -> bytes:
        """The bytes of a file that this machine lacks."""
        if self.storage:
            return self.storage.read(file)
        assert self.read is not None
        content = self.read(file.path)
        if content_md5(content) != file.md5:
            raise InputError(f"{file.path} was changed during the run; run the stage again")
        return content


def cache_folder() -> Path:
    """Where workers of this machine and user keep files that they got; it may be removed at any time."""
    user = os.getuid() if hasattr(os, "getuid") else os.getlogin()
    folder = Path(tempfile.gettempdir()) / f"webtoon-genre-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def save(content: bytes, path: Path) -> None:
    """Write a file whole; other workers of this machine may write the same one at the same time."""
    path.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=PART, delete=False) as part:
        part.write(content)
    Path(part.name).replace(path)
