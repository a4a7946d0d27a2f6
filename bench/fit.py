"""Compare training steps a second, and memory, of this project's loop and of a bare Keras `fit` on an array in memory.

Reads:  nothing: images are noise.
Writes: a table in Markdown on stdout; scratch files.
bench/README.md explains the results.
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
from bench.ways import BATCH, GENRES, SEED, Case, new_extractor
from webtoon_genre.reproducibility.runtime import start_keras
from webtoon_genre.training.freezing import split_model, unfreeze_layers
from webtoon_genre.training.trainer import Trainer, TrainingData, TrainingParams

UNITS, LR = 256, 1e-4
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def compare(
    backbone: Annotated[str, typer.Option(help="one of webtoon_genre/backbones")] = "mobilenet_v2",
    what: Annotated[str, typer.Option(help="head: on features in memory; all: every layer, on images")] = "head",
    images: Annotated[int, typer.Option(help="train images")] = 2000,
    epochs: Annotated[int, typer.Option(help="timed; one more precedes them")] = 2,
    side: Annotated[int, typer.Option(help="pixels")] = 112,
    precision: Annotated[str, typer.Option(help="as runtime.precision")] = "float32",
    xla: Annotated[bool, typer.Option(help="as runtime.xla")] = False,
    rounds: Annotated[int, typer.Option(help="of both, in turn")] = 2,
) -> None:
    """Run both ways in turn, each in a new process."""
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
            process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            result = json.loads(process.stdout.splitlines()[-1])
            rates[way].append(result["steps"])
            typer.echo(
                f"| {way} | {result['steps']:,.2f} | {result['images']:,.0f} | {result['peak'] / 2**20:,.0f} "
                f"| {result['data'] / 2**20:,.0f} |"
            )
    ratio = np.mean(rates["ours"]) / np.mean(rates["bare"])
    typer.echo(
        f"\nours makes {ratio:.2f} times the steps a second of a bare fit: {backbone}, {what}, {precision}, batches of {BATCH}"
    )


@app.command(hidden=True)
def one(way: str, what: str, case_json: str) -> None:
    """Measure one way in this process."""
    case = Case.model_validate_json(case_json)
    start_keras(case.runtime)
    with tempfile.TemporaryDirectory() as folder:
        measure = {"head": train_head, "all": train_all_layers}[what]
        seconds, data = measure(case, way == "ours", Path(folder))
    result: dict[str, Any] = {
        "steps": case.epochs * -(-case.images // BATCH) / seconds,
        "images": case.epochs * case.images / seconds,
        "peak": peak(),
        "data": data,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def train_head(case: Case, ours: bool, _: Path) -> tuple[float, int]:
    """Train a head on features as wide as ResNet50's; returns seconds, and bytes of data."""
    features = np.random.default_rng(0).normal(size=(case.images, 2048)).astype(np.float32)
    return training_seconds(case, ours, None, [features], features), features.nbytes


def train_all_layers(case: Case, ours: bool, folder: Path) -> tuple[float, int]:
    """Train all layers: ours on uint8 images in a memory map, the bare way on centred float32 in memory, as in the study."""
    import keras

    extractor, mean = new_extractor(case), np.full((case.side, case.side, 3), 127.5, np.float32)
    features = np.zeros((case.images, extractor.output_shape[-1]), np.float32)
    images = write_noise(folder / "images.npy", (case.images, case.side, case.side, 3))
    if ours:
        model = split_model(extractor, mean, case.backbone, "average", "backbone", "all")
        return training_seconds(case, True, model.tail, [images], features), images.nbytes
    unfreeze_layers(extractor, "all")
    centred = np.empty(images.shape, np.float32)
    for start in range(0, case.images, BATCH):
        centred[start : start + BATCH] = images[start : start + BATCH] - mean
    inputs = keras.Input(mean.shape)
    tail = keras.Model([inputs], extractor(inputs))
    return training_seconds(case, False, tail, [centred], features), centred.nbytes


def write_noise(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A memory map of noise images, uint8 of that shape."""
    generator = np.random.default_rng(0)
    table = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    for start in range(0, len(table), BATCH):
        table[start : start + BATCH] = generator.integers(0, 256, table[start : start + BATCH].shape, np.uint8)
    table.flush()
    return np.load(path, mmap_mode="r")


def training_seconds(case: Case, ours: bool, tail: Any, inputs: list[np.ndarray], features: np.ndarray) -> float:
    """Seconds of the timed epochs, after one that traces."""
    labels, rows = np.arange(case.images) % GENRES, np.arange(case.images)
    data = TrainingData(inputs, features, labels, rows, rows, rows[:BATCH])
    head = case.head.model_copy(update={"units": UNITS})
    epochs = case.epochs + 1
    training = TrainingParams(batch=BATCH, epochs=epochs, patience=epochs)
    trainer = Trainer(tail, data, GENRES, head, training, case.runtime, SEED)
    ends: list[float] = []
    if ours:
        trainer.fit(LR, lambda *_: ends.append(time.perf_counter()))
        return ends[-1] - ends[0]
    import keras

    trainer.model.optimizer.learning_rate = LR
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.perf_counter()))
    trainer.model.fit(
        inputs[0],
        labels,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(inputs[0][:BATCH], labels[:BATCH]),
        callbacks=[clock],
        verbose=0,
    )
    return ends[-1] - ends[0]


if __name__ == "__main__":
    app()
