"""Compare the cost of all 45 binary models of genre pairs with one model of ten genres, on the same features.

Reads:  nothing: features are noise, since speed does not depend on their values.
Writes: a table in Markdown on stdout.
bench/README.md explains the results.
"""

import time
from itertools import combinations
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from bench.ways import GENRES, runtime_params
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Backbones, ExperimentParams, Probe, ProbeParams, ProbeTask
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.head import SharedHeadParams


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
    """Train both in turn in one process, after an untimed model; the time includes tracing."""
    params, pair_params = experiment_params(units, epochs), experiment_params(pair_units, epochs)
    runtime.start_keras(params.runtime)
    dataset, task = noise_task(images, width)
    Probe(params).fit_predict(task)
    typer.echo("| what | seconds |\n|---|--:|")
    times: dict[str, list[float]] = {"ten-way": [], "45 pairs": []}
    for _ in range(rounds):
        start = time.perf_counter()
        Probe(params).fit_predict(task)
        times["ten-way"].append(time.perf_counter() - start)
        start = time.perf_counter()
        train_pairs(dataset, task, pair_params)
        times["45 pairs"].append(time.perf_counter() - start)
        for name, seconds in times.items():
            typer.echo(f"| {name} | {seconds[-1]:.1f} |")
    ratio = float(np.median(np.divide(times["45 pairs"], times["ten-way"])))
    typer.echo(f"\nAll 45 pairs cost {ratio:.1f} times one ten-way model: {images} train images, {epochs} epochs each")


def train_pairs(dataset: pd.DataFrame, task: ProbeTask, params: ExperimentParams) -> None:
    """Train the models of all pairs."""
    heads = Probe(params)
    for pair in combinations(task.classes, 2):
        heads.fit_predict(probe.subset(dataset, task, list(pair)))


def experiment_params(units: int, epochs: int) -> ExperimentParams:
    """Params as in params.yaml, with one seed and without early stopping."""
    return ExperimentParams(
        experiments=ProbeParams(seeds=[77], units=units, lr=1e-4, batch=32, epochs=epochs, patience=epochs),
        train=Backbones(backbones=["none"]),
        head=SharedHeadParams(pool="style", standardise=True, dropout=0.5),
        runtime=runtime_params(),
        seed=77,
    )


def noise_task(images: int, width: int) -> tuple[pd.DataFrame, ProbeTask]:
    """A dataset of genres of equal size, in which each image is a title, and its task."""
    count = images + images // 4 * 2
    names = [f"genre {number}" for number in range(GENRES)]
    labels = np.arange(count) % GENRES
    sides = np.repeat(["train", "val", "test"], [images, images // 4, images // 4])
    dataset = pd.DataFrame(
        {"genre": np.asarray(names)[labels], "label": labels, "split": sides, "group": np.arange(count)}
    )
    features = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    return dataset, probe.probe_task(dataset, features, names)


if __name__ == "__main__":
    typer.run(main)
