"""Run a function as a command: Typer's arguments, a log on stderr, one line and exit code 1 for bad input or a disk error.

The process starts anew without the environment variables that could change a result (machine.py).
"""

import errno
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable

import typer

from webtoon_genre.core import machine
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import PART

REMEDIES = {  # what a person does about a disk error, by its number
    errno.ENOSPC: "free some",
    errno.EDQUOT: "free some",
    errno.EROFS: "make it writable",
    errno.EACCES: "give this user access",
    errno.EPERM: "give this user access",
    errno.EIO: "check the disk",
}
NUMPY_DISK_FULL = re.compile(r"\d+ requested and \d+ written")  # NumPy's message on a full disk; it has no number
ERRNO = re.compile(r"\[Errno (\d+)\]")


def run(main: Callable[..., None] | typer.Typer, name: str, package: str = "stages", prog: str | None = None) -> None:
    """Run `main` with the process's arguments; `name`, its module in `package`, begins every line of the log and the error line."""
    machine.restart_in_neutral_environment(f"{package}.{name}")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"{name}: %(message)s")
    app = main if isinstance(main, typer.Typer) else single_command_app(main)
    try:
        app(prog_name=prog or f"python -m {package}.{name}")
    except (InputError, OSError) as error:
        line = str(error) if isinstance(error, InputError) else describe_disk_error(error)
        if line is None:
            raise
        sys.stderr.write(f"{name}: {line}\n")
        sys.exit(1)


def describe_disk_error(error: OSError) -> str | None:
    """Return the path, the disk error and its remedy on one line; None for any other error, which is a bug."""
    number = error_number(error)
    if number not in REMEDIES:
        return None
    path = error.filename if error.filename2 is None else error.filename2  # a copy's target
    prefix = f"{str(path).replace(PART, '')}: " if path is not None else ""
    return f"{prefix}{os.strerror(number).lower()}; {REMEDIES[number]} and run again"


def error_number(error: OSError) -> int | None:
    """Return an error's number, which some libraries put into the message alone."""
    message = str(error.args)
    if error.errno is None and NUMPY_DISK_FULL.search(message):
        return errno.ENOSPC
    if isinstance(error, shutil.Error) and (match := ERRNO.search(message)):  # of copying a folder
        return int(match[1])
    return error.errno


def single_command_app(main: Callable[..., None]) -> typer.Typer:
    """Return a Typer app with one command; bugs keep Python's traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    return app
