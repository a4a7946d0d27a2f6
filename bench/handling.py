"""Measure cells of the grid on what crosses the cut, computed once, beside images that go through the backbone in every epoch and cell.

Reads:  nothing: images are noise, since speed does not depend on what they show, and weights are random.
Writes: a table in Markdown on stdout, and progress on stderr.
bench/README.md tells how to read it.
"""

from typing import Annotated

import typer

from bench.ways import Case, apart

LEGEND = (
    "plain: each cell is a Keras model of images, fitted on an array in memory. cells: the stage `handling`'s own code. "
    "floor: the frozen half once, and the tails' training and validation steps alone, compiled and warm. "
    "Each way ran in a process of its own; seconds without imports."
)


def main(
    backbone: Annotated[str, typer.Option(help="one of stages/backbones")] = "resnet50",
    unfreeze: Annotated[int, typer.Option(help="layers trained, from the top of the whole backbone")] = 0,
    images: Annotated[int, typer.Option(help="train images; a quarter as many again are for validation")] = 240,
    epochs: Annotated[int, typer.Option(help="of each cell; none stops early")] = 20,
    pool: Annotated[str, typer.Option(help="average or flatten; the study's is flatten")] = "average",
    side: Annotated[int, typer.Option(help="pixels")] = 112,
) -> None:
    """Nine cells: 128, 256, 512 Dense units at three learning rates."""
    case = Case(backbone=backbone, unfreeze=unfreeze, images=images, epochs=epochs, pool=pool, side=side)
    typer.echo(
        f"{backbone}, {unfreeze} layers unfrozen, {images} train images, 9 cells of {epochs} epochs, pool {pool}\n"
    )
    typer.echo(
        "| way | frozen half, s | building and tracing, s | the rest, s | all, s | peak RSS, MiB |\n|---|--:|--:|--:|--:|--:|"
    )
    found = {}
    for way in ("cells", "floor", "plain"):
        found[way] = told = apart(way, case)
        rest = told["seconds"] - told["frozen"] - told["building"]
        parts = [told["frozen"], told["building"], rest, told["seconds"]]
        typer.echo(f"| {way} | {' | '.join(f'{part:,.1f}' for part in parts)} | {told['peak'] / 2**20:,.0f} |")
    plain, cells, floor = (found[way]["seconds"] for way in ("plain", "cells", "floor"))
    typer.echo(
        f"\nThe nine cells cost the plain way {plain / cells:.1f} times as much. The floor would be {plain / floor:.1f} times; "
        f"of our time {found['cells']['frozen'] / cells:.0%} is the frozen half, {found['cells']['building'] / cells:.0%} building "
        f"and tracing, {(floor - found['floor']['frozen']) / cells:.0%} the tails' own steps.\n{LEGEND}"
    )


if __name__ == "__main__":
    typer.run(main)
