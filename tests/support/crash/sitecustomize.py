"""On PYTHONPATH, makes a stage end itself by SIGKILL while it writes a file.

KILLED_STAGE: the stage's process, and no other (DVC is Python too). KILLED_AT: the file or folder that the stage writes; a file is
cut in half first, as if the kill had come during the write. KILLED_WITH_DVC: if set, the whole process group is killed.
"""

import os
import signal
import sys
from pathlib import Path


def truncate(part: Path) -> None:
    """Cut a file in half."""
    if part.is_file():
        os.truncate(part, part.stat().st_size // 2)


def kill() -> None:
    """Kill this process, or its process group."""
    if "KILLED_WITH_DVC" in os.environ:
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def kill_on_rename(name: str) -> None:
    """Replace an operation of `os` that renames files: it kills instead of giving a file the name KILLED_AT."""
    operation = getattr(os, name)

    def rename(source, target, **options):
        if os.fspath(target) == os.environ["KILLED_AT"]:
            truncate(Path(source))
            kill()
        return operation(source, target, **options)

    setattr(os, name, rename)


if sys.orig_argv[1:3] == ["-m", f"stages.{os.environ.get('KILLED_STAGE')}"]:
    kill_on_rename("replace")
    kill_on_rename("rename")
