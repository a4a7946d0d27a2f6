"""Compare the speed of `runtime.instructions: portable` and `native`, and print digests that show whether machines compute equal bits.

Reads:  nothing: images are noise, weights random.
Writes: a table in Markdown on stdout.
bench/README.md explains the results.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import md5
from typing import Annotated, Any

import numpy as np
import typer

from bench.ways import GENRES, Case, new_extractor
from webtoon_genre.reproducibility.runtime import start_keras

WAYS = ("portable", "native")
RATES, DIGESTS = ("inference", "training"), ("outputs", "weights")
IMAGES = 8  # in a batch
STEPS = 3  # timed, after one that traces
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compare(
    backbone: Annotated[
        list[str] | None, typer.Option(help="some of webtoon_genre/backbones; default: the study's")
    ] = None,
    side: Annotated[int, typer.Option(help="pixels")] = 112,
    rounds: Annotated[int, typer.Option(help="of both, in turn; the quickest counts")] = 2,
) -> None:
    """Run both in turn, each in a new process."""
    typer.echo("| backbone | instructions | inference, images/s | training, images/s | outputs | weights |")
    typer.echo("|---|---|--:|--:|---|---|")
    for name in backbone or ["resnet50", "inception_v3", "vgg16", "vgg19"]:
        best = quickest(Case(backbone=name, unfreeze=0, images=IMAGES, epochs=1, pool="average", side=side), rounds)
        for way, result in best.items():
            rates = f"{result['inference']:.1f} | {result['training']:.1f}"
            typer.echo(f"| {name} | {way} | {rates} | `{result['outputs']}` | `{result['weights']}` |")
        ratios = [f"{best['portable'][key] / best['native'][key]:.2f}" for key in RATES]
        typer.echo(f"| {name} | ratio | {' | '.join(ratios)} | | |")


def quickest(case: Case, rounds: int) -> dict[str, dict[str, Any]]:
    """By way: the highest rates of all rounds, and the digests, or `unequal` where rounds differ."""
    results: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, way_results in results.items():
            way_results.append(measure(way, case))
    return {way: {**highest_rates(way_results), **common_digests(way_results)} for way, way_results in results.items()}


def highest_rates(results: list[dict[str, Any]]) -> dict[str, float]:
    """The highest of each rate."""
    return {key: max(result[key] for result in results) for key in RATES}


def common_digests(results: list[dict[str, Any]]) -> dict[str, str]:
    """Each digest, or `unequal`."""
    digests = {key: {result[key] for result in results} for key in DIGESTS}
    return {key: values.pop() if len(values) == 1 else "unequal" for key, values in digests.items()}


def measure(way: str, case: Case) -> dict[str, Any]:
    """Measure one way in a new process."""
    command = [sys.executable, "-m", "bench.instructions", "one", way, case.model_dump_json()]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


@app.command(hidden=True)
def one(way: str, case_json: str) -> None:
    """Measure one way in this process: images a second, and digests of a batch's outputs and of the weights after training steps."""
    case = Case.model_validate_json(case_json)
    start_keras(case.runtime.model_copy(update={"instructions": way}))
    import keras

    extractor = new_extractor(case)
    images = np.random.default_rng(0).normal(size=(IMAGES, case.side, case.side, 3)).astype(np.float32)
    outputs = extractor.predict_on_batch(images)
    inference = images_per_second(lambda: extractor.predict_on_batch(images))
    model = keras.Sequential([extractor, keras.layers.Dense(GENRES, activation="softmax")])
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")
    labels = np.arange(IMAGES) % GENRES
    model.train_on_batch(images, labels)
    training = images_per_second(lambda: model.train_on_batch(images, labels))
    rates = {"inference": inference, "training": training}
    digests = {"outputs": digest([outputs]), "weights": digest(model.get_weights())}
    sys.stdout.write(json.dumps({**rates, **digests}) + "\n")


def images_per_second(step: Callable[[], Any]) -> float:
    """Images a second of a step of one batch."""
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    return STEPS * IMAGES / (time.perf_counter() - start)


def digest(arrays: list[np.ndarray]) -> str:
    """Eight digits that differ if a bit differs."""
    return md5(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:8]


if __name__ == "__main__":
    app()
