"""Run one stage in the working directory, and print the seconds of its work without the imports: wall-clock and CPU."""

import sys
import time
from importlib import import_module

import typer

from webtoon_genre.core.command import single_command_app
from webtoon_genre.data.expectations import great_expectations


def main(name: str) -> None:
    """Run the stage `name`."""
    stage = import_module(f"stages.{name}")
    if name == "validate":
        great_expectations()  # it is imported when it is needed, and takes seconds
    app = getattr(stage, "app", None) or single_command_app(stage.main)
    start, cpu = time.perf_counter(), time.process_time()
    app([], standalone_mode=False)
    typer.echo(f"{time.perf_counter() - start} {time.process_time() - cpu}")


if __name__ == "__main__":
    main(sys.argv[1])
