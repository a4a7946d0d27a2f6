"""Compare the cost of all 45 binary models of genre pairs, trained at once and one by one, with one model of ten genres.

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
from webtoon_genre.cluster.params import LOCAL
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Backbones, ExperimentParams, ProbeParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
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
    pairs = [probe.subset(dataset, task, list(pair)) for pair in combinations(task.classes, 2)]
    ways = {
        "one ten-way model": lambda: Probe(params).fit_predict(task),
        "45 pairs at once": lambda: train_at_once(pairs, pair_params),
        "45 pairs one by one": lambda: train_one_by_one(pairs, pair_params),
    }
    ways["one ten-way model"]()
    typer.echo("| what | seconds |\n|---|--:|")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
            typer.echo(f"| {name} | {times[name][-1]:.1f} |")
    ten_way, at_once, one_by_one = (np.median(seconds) for seconds in times.values())
    typer.echo(
        f"\n45 pairs at once cost {at_once / ten_way:.1f} times one ten-way model and {at_once / one_by_one:.2f} times 45 pairs one by "
        f"one: {images} train images, {epochs} epochs each"
    )


def train_at_once(pairs: list[ProbeTask], params: ExperimentParams) -> None:
    """Train all pairs with one batched matrix product for all."""
    Probe(params).fit_predict_all([ProbeRun(task) for task in pairs])


def train_one_by_one(pairs: list[ProbeTask], params: ExperimentParams) -> None:
    """Train each pair with the same code alone."""
    heads = Probe(params)
    for task in pairs:
        heads.fit_predict(task)


def experiment_params(units: int, epochs: int) -> ExperimentParams:
    """Params as in params.yaml, with one seed and without early stopping."""
    return ExperimentParams(
        experiments=ProbeParams(seeds=[77], units=units, lr=1e-4, batch=32, epochs=epochs, patience=epochs),
        train=Backbones(backbones=["none"]),
        head=SharedHeadParams(pool="style", standardise=True, dropout=0.5),
        runtime=runtime_params(),
        cluster=LOCAL,
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
