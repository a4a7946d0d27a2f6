"""How a module becomes a command: Typer's arguments, a log on stderr, one line and exit code 1 for bad input or a disk that fails."""

import errno
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable

import typer

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import PART

REMEDIES = {  # what is wrong with a disk, and what a person does about it
    errno.ENOSPC: "free some",
    errno.EDQUOT: "free some",
    errno.EROFS: "make it writable",
    errno.EACCES: "give this user access",
    errno.EPERM: "give this user access",
    errno.EIO: "check the disk",
}
NUMPY_DISK_FULL = re.compile(r"\d+ requested and \d+ written")  # all that NumPy says of a full disk
ERRNO = re.compile(r"\[Errno (\d+)\]")


def run(main: Callable[..., None] | typer.Typer, name: str, package: str = "stages") -> None:
    """Run `main` with the process's arguments; `name` (its module's in `package`) begins each line of the log and the error line."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"{name}: %(message)s")
    app = main if isinstance(main, typer.Typer) else single_command_app(main)
    try:
        app(prog_name=f"python -m {package}.{name}")
    except (InputError, OSError) as error:
        line = str(error) if isinstance(error, InputError) else describe_disk_error(error)
        if line is None:
            raise
        sys.stderr.write(f"{name}: {line}\n")
        sys.exit(1)


def describe_disk_error(error: OSError) -> str | None:
    """What is wrong with a disk, where, and what to do; None for any other error, which is a bug."""
    number = error_number(error)
    if number not in REMEDIES:
        return None
    name = error.filename if error.filename2 is None else error.filename2  # a copy's target
    where = f"{str(name).replace(PART, '')}: " if name is not None else ""
    return f"{where}{os.strerror(number).lower()}; {REMEDIES[number]} and run again"


def error_number(error: OSError) -> int | None:
    """The number of an error; some libraries give it in words alone."""
    words = str(error.args)
    if error.errno is None and NUMPY_DISK_FULL.search(words):
        return errno.ENOSPC
    if isinstance(error, shutil.Error) and (found := ERRNO.search(words)):  # of copying a folder
        return int(found[1])
    return error.errno


def single_command_app(main: Callable[..., None]) -> typer.Typer:
    """A one-command Typer app; bugs keep Python's own traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    return app
