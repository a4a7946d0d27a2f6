"""How a module becomes a command: Typer's arguments, a log on stderr, one line and exit code 1 for bad input."""

import logging
import sys
from collections.abc import Callable

import typer

from stages.lib.errors import InputError


def run(main: Callable[..., None] | typer.Typer, name: str) -> None:
    """Run `main` with the process's arguments; `name` (the stage's) begins each line of the log and the error line."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=f"{name}: %(message)s")
    app = main if isinstance(main, typer.Typer) else as_app(main)
    try:
        app(prog_name=f"python -m stages.{name}")
    except InputError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(1)


def as_app(main: Callable[..., None]) -> typer.Typer:
    """A one-command Typer app; bugs keep Python's own traceback."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    return app
