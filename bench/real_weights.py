"""Run the default study with random and with real weights, all experiments, and print both beside each other.

Reads:  params.yaml and the code, as they are in the working tree
Writes: a temporary copy of the repository; a table in Markdown for each backbone on stdout, progress on stderr
bench/README.md explains the table.
"""

from typing import Annotated

import typer

from bench.study import WEIGHTS_HELP, Backbones, Hashes, Study, Targets, default_backbones, run_study, weights_columns
from webtoon_genre.core.command import run

TARGETS = ["summary"]  # it needs every model and every experiment


def main(
    weights: Annotated[str, typer.Option(help=WEIGHTS_HELP)],
    backbones: Backbones = None,
    hashes: Hashes = None,
    targets: Targets = None,
) -> None:
    """Run the default study with random weights and with --weights."""
    columns = weights_columns(backbones or default_backbones(), weights, hashes or [])
    for table in run_study(Study("default study", {}, targets or TARGETS), columns):
        typer.echo(f"{table}\n")


if __name__ == "__main__":
    run(main, "real_weights", package="bench")
