"""Measure what `runtime.instructions: portable` costs beside `native`, and whether another machine computes the same bits.

Reads:  nothing: images are noise, weights random.
Writes: a table in Markdown on stdout.
bench/README.md tells how to read it.
"""

import json
import subprocess
import sys
import time
from hashlib import md5
from typing import Annotated, Any

import numpy as np
import typer

from bench.ways import GENRES, Case, body
from webtoon_genre.reproducibility import runtime

WAYS = ("portable", "native")
RATES, DIGESTS = ("inference", "training"), ("outputs", "weights")
IMAGES = 8  # in a batch
STEPS = 3  # timed, after one that traces
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compare(
    backbone: Annotated[list[str] | None, typer.Option(help="some of stages/backbones; default: the study's")] = None,
    side: Annotated[int, typer.Option(help="pixels")] = 112,
    rounds: Annotated[int, typer.Option(help="of both, in turn; the quickest counts")] = 2,
) -> None:
    """Both in turn, each in a process of its own."""
    typer.echo("| backbone | instructions | inference, images/s | training, images/s | outputs | weights |")
    typer.echo("|---|---|--:|--:|---|---|")
    for name in backbone or ["resnet50", "inception_v3", "vgg16", "vgg19"]:
        best = quickest(Case(backbone=name, unfreeze=0, images=IMAGES, epochs=1, pool="average", side=side), rounds)
        for way, each in best.items():
            rates = f"{each['inference']:.1f} | {each['training']:.1f}"
            typer.echo(f"| {name} | {way} | {rates} | `{each['outputs']}` | `{each['weights']}` |")
        ratios = [f"{best['portable'][key] / best['native'][key]:.2f}" for key in RATES]
        typer.echo(f"| {name} | ratio | {' | '.join(ratios)} | | |")


def quickest(case: Case, rounds: int) -> dict[str, dict[str, Any]]:
    """By way: the highest rates of all rounds, and the digests, or `unequal` where they are not the same in each."""
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, told in found.items():
            told.append(apart(way, case))
    best = {}
    for way, told in found.items():
        digests = {key: told[0][key] if len({each[key] for each in told}) == 1 else "unequal" for key in DIGESTS}
        best[way] = {key: max(each[key] for each in told) for key in RATES} | digests
    return best


def apart(way: str, case: Case) -> dict[str, Any]:
    """Run one way in a process of its own."""
    command = [sys.executable, "-m", "bench.instructions", "one", way, case.model_dump_json()]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@app.command(hidden=True)
def one(way: str, told: str) -> None:
    """Measure one way in this process: images a second, and digests of a batch's outputs and of the weights after training steps."""
    case = Case.model_validate_json(told)
    runtime.start_keras(case.machine.model_copy(update={"instructions": way}))
    import keras

    base = body(case)
    images = np.random.default_rng(0).normal(size=(IMAGES, case.side, case.side, 3)).astype(np.float32)
    outputs = base.predict_on_batch(images)
    inference = rate(lambda: base.predict_on_batch(images))
    model = keras.Sequential([base, keras.layers.Dense(GENRES, activation="softmax")])
    model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")
    labels = np.arange(IMAGES) % GENRES
    model.train_on_batch(images, labels)
    training = rate(lambda: model.train_on_batch(images, labels))
    answer = {"inference": inference, "training": training}
    digests = {"outputs": digest([outputs]), "weights": digest(model.get_weights())}
    sys.stdout.write(json.dumps({**answer, **digests}) + "\n")


def rate(step: Any) -> float:
    """Images a second."""
    begun = time.perf_counter()
    for _ in range(STEPS):
        step()
    return STEPS * IMAGES / (time.perf_counter() - begun)


def digest(arrays: list[np.ndarray]) -> str:
    """Eight digits that differ where a bit does."""
    return md5(b"".join(np.ascontiguousarray(each).tobytes() for each in arrays)).hexdigest()[:8]


if __name__ == "__main__":
    app()
