"""The command `webtoon-genre`; `python -m webtoon_genre.cli` is the same."""

from pathlib import Path
from typing import Annotated

import typer

from webtoon_genre.core import paths
from webtoon_genre.core.command import run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def webtoon_genre() -> None:
    """Use a trained model that classifies thumbnails of webtoons by genre."""


@app.command()
def info(model: Annotated[Path, typer.Argument(help="A model's folder.")] = paths.BEST) -> None:
    """Tell what model is in a folder: backbone, input, classes, files."""
    from webtoon_genre.inference.model_info import describe, read_model_info

    typer.echo(describe(read_model_info(model), model))


def main() -> None:
    """Run the command with the process's arguments."""
    run(app, "webtoon-genre", prog="webtoon-genre")


if __name__ == "__main__":
    main()
