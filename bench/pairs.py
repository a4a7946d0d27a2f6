"""Measure all 45 binary models of genre pairs beside one model of ten genres, on the same frozen outputs.

Reads:  nothing: features are noise, since speed does not depend on what they show.
Writes: a table in Markdown on stdout.
bench/README.md tells how to read it.
"""

import time
from itertools import combinations
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from bench.ways import GENRES, machine
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentParams, Probe, ProbeParams, ProbeTask
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.trainer import SharedHeadParams


def main(
    images: Annotated[
        int, typer.Option(help="train images; a quarter as many are for validation, as many for test")
    ] = 20000,
    width: Annotated[int, typer.Option(help="of the features")] = 896,
    epochs: Annotated[int, typer.Option(help="none stops early")] = 5,
    units: Annotated[int, typer.Option(help="of the ten-way model's Dense layer, as head.units")] = 256,
    pair_units: Annotated[int, typer.Option(help="of a pair's, as pairs.units")] = 32,
    rounds: Annotated[int, typer.Option(help="of both, in turn")] = 3,
) -> None:
    """Both in turn, in one process, after a model that is not timed; tracing is part of what is timed."""
    settings, of_pairs = common(units, epochs), common(pair_units, epochs)
    runtime.start_keras(settings.runtime)
    dataset, everything = noise(images, width)
    Probe(settings).answers(everything)
    typer.echo("| what | seconds |\n|---|--:|")
    spent: dict[str, list[float]] = {"ten-way": [], "45 pairs": []}
    for _ in range(rounds):
        begun = time.perf_counter()
        Probe(settings).answers(everything)
        spent["ten-way"].append(time.perf_counter() - begun)
        begun, trials = time.perf_counter(), Probe(of_pairs)
        for pair in combinations(everything.classes, 2):
            task = probe.subset(dataset, everything, list(pair))
            trials.answers(task)
        spent["45 pairs"].append(time.perf_counter() - begun)
        for what, seconds in spent.items():
            typer.echo(f"| {what} | {seconds[-1]:.1f} |")
    ratio = float(np.median(np.divide(spent["45 pairs"], spent["ten-way"])))
    typer.echo(f"\nAll 45 pairs cost {ratio:.1f} times one ten-way model: {images} train images, {epochs} epochs each")


def common(units: int, epochs: int) -> ExperimentParams:
    """As params.yaml, with one seed, and no model stopping early."""
    return ExperimentParams(
        experiments=ProbeParams(
            backbone="none", seeds=[77], units=units, lr=1e-4, batch=32, epochs=epochs, patience=epochs
        ),
        head=SharedHeadParams(pool="style", standardise=True, dropout=0.5),
        runtime=machine(),
    )


def noise(images: int, width: int) -> tuple[pd.DataFrame, ProbeTask]:
    """A dataset of genres of equal size, each image a title of its own, and its task."""
    count = images + images // 4 * 2
    names = [f"genre {place}" for place in range(GENRES)]
    labels = np.arange(count) % GENRES
    sides = np.repeat(["train", "val", "test"], [images, images // 4, images // 4])
    dataset = pd.DataFrame(
        {"genre": np.asarray(names)[labels], "label": labels, "split": sides, "group": np.arange(count)}
    )
    features = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    return dataset, probe.probe_task(dataset, features, names)


if __name__ == "__main__":
    typer.run(main)
