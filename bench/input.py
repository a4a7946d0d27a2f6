"""Compare input pipelines without a model, and measure which share of a step waits for its input, and the memory that features take.

Reads:  nothing: images and features are noise
Writes: temporary folders only; tables in Markdown on stdout
bench/README.md explains the tables.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
import psutil
import typer

from bench.fit import LR, write_noise
from bench.ways import BATCH, GENRES, SEED, Case, new_extractor
from webtoon_genre.core.command import run
from webtoon_genre.core.prefetch import prefetch
from webtoon_genre.data.tables import INDEX, ThumbnailStore, write_table
from webtoon_genre.features import extraction
from webtoon_genre.features.engines import tensorflow
from webtoon_genre.reproducibility.runtime import start_keras
from webtoon_genre.training import batches as batches_module
from webtoon_genre.training import stack as stack_module
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.freezing import split_model
from webtoon_genre.training.stack import HeadStack, HeadTask
from webtoon_genre.training.trainer import Trainer, TrainingData, TrainingParams

if TYPE_CHECKING:
    import keras

SIDE, WIDTH, IN_A_TITLE, HEADS = 112, 2048, 118, 8
BASE = Case(backbone="mobilenet_v2", unfreeze=0, images=BATCH, epochs=1, pool="average", side=SIDE)


def write_store(images: np.ndarray, folder: Path) -> tuple[ThumbnailStore, pd.DataFrame]:
    """The images as the stage `resize` leaves them, an array a title, and the rows of the dataset."""
    folder.mkdir()
    numbers = np.arange(len(images))
    rows = pd.DataFrame({"title_id": numbers // IN_A_TITLE, "no": numbers % IN_A_TITLE + 1})
    for title in rows["title_id"].unique():
        np.save(folder / f"{title}.npy", images[title * IN_A_TITLE : (title + 1) * IN_A_TITLE])
    described = rows.assign(
        file=rows["title_id"].astype(str),
        row=numbers % IN_A_TITLE,
        sha256="",
        width=SIDE,
        height=SIDE,
        perceptual_hash="",
    )
    write_table(described[INDEX.names], INDEX, folder / "index.parquet")
    return ThumbnailStore(folder), rows


def by_tf_data(images: np.ndarray, labels: np.ndarray, order: np.ndarray) -> Iterable[Any]:
    """tf.data over shuffled row numbers, with parallel reads and prefetching."""
    import tensorflow as tf

    def read(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return images[rows], labels[rows]

    dataset = tf.data.Dataset.from_tensor_slices(order).batch(BATCH)
    types = (tf.uint8, tf.int64)
    return dataset.map(lambda rows: tf.numpy_function(read, [rows], types), tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def by_py_dataset(images: np.ndarray, labels: np.ndarray, order: np.ndarray) -> Iterable[Any]:
    """Keras's PyDataset, read batch by batch."""
    import keras

    class Rows(keras.utils.PyDataset):
        def __len__(self) -> int:
            return -(-len(order) // BATCH)

        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            rows = order[index * BATCH : (index + 1) * BATCH]
            return images[rows], labels[rows]

    dataset = Rows()
    return (dataset[index] for index in range(len(dataset)))


def pipelines(images: np.ndarray, folder: Path) -> dict[str, Callable[[], Iterable[Any]]]:
    """Each way to read all images once in batches; all but the first in random order."""
    store, rows = write_store(images, folder / "store")
    labels = np.arange(len(images)) % GENRES
    order = np.random.default_rng(SEED).permutation(len(images))
    starts = range(0, len(images), BATCH)
    return {
        "`features`: files a title, in the dataset's order": lambda: prefetch(
            lambda start: store.take(rows.iloc[start : start + BATCH]), starts
        ),
        "`Batches`: a memory map, shuffled": lambda: Batches([images], labels, order, BATCH, SEED).epoch(0),
        "tf.data on the same memory map": partial(by_tf_data, images, labels, order),
        "Keras's PyDataset on the same memory map": partial(by_py_dataset, images, labels, order),
        "floor: NumPy's gather, nothing else": lambda: (images[order[start : start + BATCH]] for start in starts),
    }


def seconds(work: Callable[[], Iterable[Any]]) -> float:
    """The time to use up an iterable."""
    start = time.perf_counter()
    for _ in work():
        pass
    return time.perf_counter() - start


class Waiting:
    """Seconds that a loop waits for its next batch, in place of `prefetch` in the modules that read ahead."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def prefetch(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        """`prefetch`, with its caller's waits measured."""
        results = prefetch(function, items)
        while True:
            start = time.perf_counter()
            try:
                result = next(results)
            except StopIteration:
                return
            finally:
                self.seconds += time.perf_counter() - start
            yield result


@contextmanager
def measured_waits() -> Iterator[Waiting]:
    """Measure the waits of all loops in the block."""
    waiting, modules = Waiting(), (extraction, batches_module, stack_module)
    for module in modules:
        module.prefetch = waiting.prefetch  # type: ignore[attr-defined]
    try:
        yield waiting
    finally:
        for module in modules:
            module.prefetch = prefetch  # type: ignore[attr-defined]


def extract(images: np.ndarray, folder: Path) -> Callable[[], None]:
    """The stage `features` on files a title."""
    extractor = new_extractor(BASE)
    forward = tensorflow.compile_extractor(extractor, BASE.runtime)
    store, rows = write_store(images, folder / "features")
    out = np.empty((len(images), extractor.output_shape[-1]), np.float32)
    mean = np.full((SIDE, SIDE, 3), 127.5, np.float32)
    return lambda: extraction.extract_features(forward, store, rows, mean, [out], BATCH, "features")


def train(tail: "keras.Model | None", inputs: np.ndarray, features: np.ndarray, epochs: int) -> Callable[[], None]:
    """Training of a head, and of a tail on images if there is one."""
    rows = np.arange(len(inputs))
    data = TrainingData([inputs], features, rows % GENRES, rows, rows, rows[:BATCH])
    head = BASE.head.model_copy(update={"units": 256, "standardise": True})
    params = TrainingParams(batch=BATCH, epochs=epochs, patience=epochs)
    trainer = Trainer(tail, data, GENRES, head, params, BASE.runtime, SEED)
    return lambda: void(trainer.fit(LR))


def train_stack(features: np.ndarray, epochs: int) -> Callable[[], None]:
    """Training of several heads at once, as experiments do."""
    rows = np.arange(len(features))
    params = TrainingParams(batch=BATCH, epochs=epochs, patience=epochs)
    head = BASE.head.model_copy(update={"units": 64, "standardise": True})
    stack = HeadStack(HEADS, features.shape[1], GENRES, head, params, BASE.runtime)
    tasks = [HeadTask(rows % GENRES, rows, rows[:BATCH], GENRES, seed) for seed in range(HEADS)]
    return lambda: void(stack.fit(features, tasks, LR))


def void(_: Any) -> None:
    """Drop a result."""


@contextmanager
def anonymous_memory() -> Iterator[list[int]]:
    """Sample this process's memory without that of files, in bytes; the list holds its largest growth in the block."""
    process, largest, stop = psutil.Process(), [0], threading.Event()

    def anonymous() -> int:
        memory = process.memory_info()
        return memory.rss - memory.shared

    def sample() -> None:
        while not stop.wait(0.02):
            largest[0] = max(largest[0], anonymous() - before)

    before = anonymous()
    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield largest
    finally:
        stop.set()
        thread.join()


def write_features(path: Path, count: int) -> np.ndarray:
    """Noise features, float32 (count, WIDTH), as a memory map."""
    generator = np.random.default_rng(0)
    table = np.lib.format.open_memmap(path, "w+", np.float32, (count, WIDTH))
    for start in range(0, count, 4096):
        table[start : start + 4096] = generator.random((len(table[start : start + 4096]), WIDTH), np.float32)
    table.flush()
    return np.load(path, mmap_mode="r")


def measure_pipelines(images: np.ndarray, folder: Path, rounds: int) -> None:
    """Print images a second of all pipelines."""
    ways = pipelines(images, folder)
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, work in ways.items():
            best[way] = min(best[way], seconds(work))
    floor = best[list(ways)[-1]]
    typer.echo("| input pipeline | images a second | times NumPy's gather |\n|---|--:|--:|")
    for way, duration in best.items():
        typer.echo(f"| {way} | {len(images) / duration:,.0f} | {floor / duration:.2f} |")


def measure_waits(images: np.ndarray, features: np.ndarray, folder: Path) -> None:
    """Print the share of a step that waits, after an epoch that traces, and the memory of training."""
    mean = np.full((SIDE, SIDE, 3), 127.5, np.float32)
    tail = split_model(new_extractor(BASE), mean, BASE.backbone, "average", "backbone", "all").tail
    few = np.zeros((len(images), tail.output_shape[-1]), np.float32)  # only their width counts
    ways: dict[str, tuple[Callable[[], None], int, np.ndarray]] = {
        "`features`, MobileNetV2": (extract(images, folder), len(images), images),
        "`finetune`, MobileNetV2, all layers": (train(tail, images, few, 1), len(images), images),
        "`train`, a head": (train(None, features, features, 2), 2 * len(features), features),
        f"experiments, {HEADS} heads at once": (train_stack(features, 1), HEADS * len(features), features),
    }
    typer.echo("\n| step | rows a second | share that waits | memory beside files, MB | features or images, MB |")
    typer.echo("|---|--:|--:|--:|--:|")
    for way, (work, rows, data) in ways.items():
        work()  # traces
        with measured_waits() as waiting, anonymous_memory() as memory:
            start = time.perf_counter()
            work()
            duration = time.perf_counter() - start
        share = f"{waiting.seconds / duration:.1%}"
        typer.echo(f"| {way} | {rows / duration:,.0f} | {share} | {memory[0] / 1e6:,.0f} | {data.nbytes / 1e6:,.0f} |")


def main(
    images: Annotated[int, typer.Option(min=IN_A_TITLE, help="of the pipelines")] = 20_000,
    trained: Annotated[int, typer.Option(min=BATCH, help="images through a model")] = 2_000,
    features: Annotated[int, typer.Option(min=BATCH, help=f"rows of {WIDTH} features for the heads")] = 82_549,
    rounds: Annotated[int, typer.Option(min=1, help="of the pipelines, of which the quickest counts")] = 3,
) -> None:
    """Measure input pipelines, then training steps."""
    start_keras(BASE.runtime)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = write_noise(folder / "images.npy", (images, SIDE, SIDE, 3))
        measure_pipelines(noise, folder, rounds)
        measure_waits(noise[:trained], write_features(folder / "features.npy", features), folder)


if __name__ == "__main__":
    run(main, "input", "bench")
