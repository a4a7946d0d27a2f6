"""Compare trials of the grid on activations that are computed once with images that pass through the backbone in every epoch and trial.

Reads:  nothing: images are noise, since speed does not depend on what they show, and weights are random.
Writes: a table in Markdown on stdout, and progress on stderr.
bench/README.md explains the results.
"""

from typing import Annotated

import typer

from bench.ways import Case, measure

LEGEND = (
    "plain: each trial is a Keras model of images, fitted on an array in memory. trials: the code of the stage `handling`. "
    "floor: the frozen base once, and the tails' training and validation steps alone, compiled and warm. "
    "Each way ran in a new process; seconds without imports."
)


def main(
    backbone: Annotated[str, typer.Option(help="one of webtoon_genre/backbones")] = "resnet50",
    unfreeze: Annotated[int, typer.Option(help="layers trained, from the top of the backbone")] = 0,
    images: Annotated[int, typer.Option(help="train images; a quarter as many again are for validation")] = 240,
    epochs: Annotated[int, typer.Option(help="of each trial; none stops early")] = 20,
    pool: Annotated[str, typer.Option(help="average or flatten; the study's is flatten")] = "average",
    side: Annotated[int, typer.Option(help="pixels")] = 112,
) -> None:
    """Run nine trials: 128, 256, 512 Dense units at three learning rates."""
    case = Case(backbone=backbone, unfreeze=unfreeze, images=images, epochs=epochs, pool=pool, side=side)
    typer.echo(
        f"{backbone}, {unfreeze} layers unfrozen, {images} train images, 9 trials of {epochs} epochs, pool {pool}\n"
    )
    typer.echo(
        "| way | frozen base, s | building and tracing, s | the rest, s | all, s | peak RSS, MiB |\n|---|--:|--:|--:|--:|--:|"
    )
    results = {}
    for way in ("trials", "floor", "plain"):
        results[way] = result = measure(way, case)
        rest = result["seconds"] - result["frozen"] - result["building"]
        parts = [result["frozen"], result["building"], rest, result["seconds"]]
        typer.echo(f"| {way} | {' | '.join(f'{part:,.1f}' for part in parts)} | {result['peak'] / 2**20:,.0f} |")
    plain, trials, floor = (results[way]["seconds"] for way in ("plain", "trials", "floor"))
    typer.echo(
        f"\nThe nine trials take the plain way {plain / trials:.1f} times as long. The floor would be {plain / floor:.1f} times; "
        f"of our time {results['trials']['frozen'] / trials:.0%} is the frozen base, "
        f"{results['trials']['building'] / trials:.0%} building and tracing, "
        f"{(floor - results['floor']['frozen']) / trials:.0%} the tails' steps.\n{LEGEND}"
    )


if __name__ == "__main__":
    typer.run(main)
