"""Measure training steps a second, and memory, of this project's loop beside a bare Keras `fit` on an array in memory.

Reads:  nothing: images are noise.
Writes: a table in Markdown on stdout; scratch files.
bench/README.md tells how to read it.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from bench.gauge import peak
from bench.ways import BATCH, GENRES, Case, body
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.freezing import split_model, unfreeze_layers
from webtoon_genre.training.trainer import Trainer, TrainingData, TrainingParams

UNITS, LR = 256, 1e-4
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compare(
    backbone: Annotated[str, typer.Option(help="one of stages/backbones")] = "mobilenet_v2",
    what: Annotated[str, typer.Option(help="head: on features in memory; all: every layer, on images")] = "head",
    images: Annotated[int, typer.Option(help="train images")] = 2000,
    epochs: Annotated[int, typer.Option(help="timed; one more comes before them")] = 2,
    side: Annotated[int, typer.Option(help="pixels")] = 112,
    precision: Annotated[str, typer.Option(help="as runtime.precision")] = "float32",
    xla: Annotated[bool, typer.Option(help="as runtime.xla")] = False,
    rounds: Annotated[int, typer.Option(help="of both, in turn")] = 2,
) -> None:
    """Both ways in turn, each in a process of its own."""
    case = Case(
        backbone=backbone,
        unfreeze=0,
        images=images,
        epochs=epochs,
        pool="average",
        side=side,
        precision=precision,
        xla=xla,
    )
    typer.echo("| way | steps/s | images/s | peak RSS, MiB | of it data, MiB |\n|---|--:|--:|--:|--:|")
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(rounds):
        for way in rates:
            command = [sys.executable, "-m", "bench.fit", "one", way, what, case.model_dump_json()]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            told = json.loads(done.stdout.splitlines()[-1])
            rates[way].append(told["steps"])
            typer.echo(
                f"| {way} | {told['steps']:,.2f} | {told['images']:,.0f} | {told['peak'] / 2**20:,.0f} | {told['data'] / 2**20:,.0f} |"
            )
    ratio = np.mean(rates["ours"]) / np.mean(rates["bare"])
    typer.echo(
        f"\nours makes {ratio:.2f} of the steps a second of a bare fit: {backbone}, {what}, {precision}, batches of {BATCH}"
    )


@app.command(hidden=True)
def one(way: str, what: str, told: str) -> None:
    """Measure one way in this process."""
    case = Case.model_validate_json(told)
    runtime.start_keras(case.machine)
    with tempfile.TemporaryDirectory() as folder:
        measure = {"head": head, "all": images_of}[what]
        seconds, data = measure(case, way == "ours", Path(folder))
    steps = case.epochs * -(-case.images // BATCH) / seconds
    answer: dict[str, Any] = {
        "steps": steps,
        "images": case.epochs * case.images / seconds,
        "peak": peak(),
        "data": data,
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def head(case: Case, ours: bool, _: Path) -> tuple[float, int]:
    """A head on features as wide as ResNet50's; seconds, and bytes of data."""
    features = np.random.default_rng(0).normal(size=(case.images, 2048)).astype(np.float32)
    return timed(case, ours, None, [features], features), features.nbytes


def images_of(case: Case, ours: bool, folder: Path) -> tuple[float, int]:
    """The whole model; ours maps uint8 images from a file, the bare way holds them as centred float32, as the study did."""
    import keras

    base, mean = body(case), np.full((case.side, case.side, 3), 127.5, np.float32)
    wide = np.zeros((case.images, base.output_shape[-1]), np.float32)
    path, generator = folder / "images.npy", np.random.default_rng(0)
    shape = (case.images, case.side, case.side, 3)
    table = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    for place in range(0, case.images, BATCH):
        table[place : place + BATCH] = generator.integers(0, 256, table[place : place + BATCH].shape, np.uint8)
    table.flush()
    mapped = np.load(path, mmap_mode="r")
    if ours:
        half = split_model(base, mean, case.backbone, "average", "backbone", "all")
        return timed(case, True, half.tail, [mapped], wide), mapped.nbytes
    unfreeze_layers(base, "all")
    held = np.empty(shape, np.float32)
    for place in range(0, case.images, BATCH):
        held[place : place + BATCH] = mapped[place : place + BATCH] - mean
    centred = keras.Input(mean.shape)
    return timed(case, False, keras.Model([centred], base(centred)), [held], wide), held.nbytes


def timed(case: Case, ours: bool, tail: Any, inputs: list[np.ndarray], wide: np.ndarray) -> float:
    """Seconds of the timed epochs, after one that traces."""
    labels, rows = np.arange(case.images) % GENRES, np.arange(case.images)
    examples = TrainingData(inputs, wide, labels, rows, rows[:BATCH])
    shape = case.head.model_copy(update={"units": UNITS})
    ends: list[float] = []
    schedule = TrainingParams(batch=BATCH, epochs=case.epochs + 1, patience=case.epochs + 1)
    learner = Trainer(tail, examples, GENRES, shape, schedule, case.machine)
    if ours:
        learner.learn(LR, lambda *_: ends.append(time.perf_counter()))
        return ends[-1] - ends[0]
    import keras

    learner.model.optimizer.learning_rate = LR
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    learner.model.fit(
        inputs[0],
        labels,
        batch_size=BATCH,
        epochs=case.epochs + 1,
        validation_data=(inputs[0][:BATCH], labels[:BATCH]),
        callbacks=[watch],
        verbose=0,
    )
    return ends[-1] - ends[0]


if __name__ == "__main__":
    app()
