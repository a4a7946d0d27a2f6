"""The ways of training cells that are measured, each a process of its own: `python -m bench.ways WAY CASE`, CASE as JSON."""

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from bench.gauge import peak
from webtoon_genre.data.augmentation import AugmentedThumbnails
from webtoon_genre.features.backbone import build_extractor
from webtoon_genre.grid.trials import Trial, TrialRunner
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.activations import cached_activations
from webtoon_genre.training.freezing import as_list, split_model, unfreeze_layers
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import HeadParams, TrainingData, TrainingParams, build_head

if TYPE_CHECKING:
    import keras

GENRES = 10
CELLS = [Trial(units, lr) for units in (128, 256, 512) for lr in (1e-3, 1e-4, 1e-5)]
BATCH = 32
WARM = 3  # steps before a measurement


def machine(memory: int = 1000, precision: str = "float32", xla: bool = False) -> runtime.Runtime:
    """As params.yaml has it, but for what is given."""
    fixed = {"seed": 77, "deterministic": True, "instructions": "portable", "inter_op": 1, "intra_op": 2}
    return runtime.Runtime.model_validate({**fixed, "memory": memory, "precision": precision, "xla": xla})


class Case(BaseModel):
    """What is measured; images: train images, of side × side pixels."""

    backbone: str
    unfreeze: int
    images: int
    epochs: int
    pool: str
    side: int
    precision: str = "float32"
    xla: bool = False

    @property
    def machine(self) -> runtime.Runtime:
        """Threads as in params.yaml."""
        return machine(memory=10_000, precision=self.precision, xla=self.xla)

    @property
    def head(self) -> HeadParams:
        """Of the study; the units are the cell's."""
        return HeadParams.model_validate({"pool": self.pool, "standardise": False, "units": 1, "dropout": 0.5})

    @property
    def schedule(self) -> TrainingParams:
        """No cell stops early."""
        return TrainingParams(batch=BATCH, epochs=self.epochs, patience=self.epochs)


class Data(AugmentedThumbnails):
    """Noise in memory, in place of thumbnails on disk."""

    def __init__(self, case: Case):
        count, generator = case.images + case.images // 4, np.random.default_rng(0)
        self.images = generator.integers(0, 256, (count, case.side, case.side, 3), np.uint8)
        self.labels = np.arange(count) % GENRES
        self.train, self.val = np.arange(case.images), np.arange(case.images, count)
        self.mean = np.full((case.side, case.side, 3), 127.5, np.float32)

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        """uint8 (len(rows), side, side, 3)."""
        return self.images[rows.index.to_numpy()]


def apart(way: str, case: Case) -> dict[str, float]:
    """Run one way in a process of its own; its seconds (all, of the frozen half, of building) and its peak of memory, bytes."""
    command = [sys.executable, "-m", "bench.ways", way, case.model_dump_json()]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def body(case: Case) -> "keras.Model":
    """The whole backbone, randomly initialised."""
    runtime.set_seed(1)
    return build_extractor(case.backbone, case.side, case.head.pool, "backbone", None)


def plain(case: Case, data: Data) -> dict[str, float]:
    """Each cell a model of images in Keras's own words."""
    import keras

    building, begun = 0.0, time.perf_counter()
    for cell in CELLS:
        started = time.perf_counter()
        base = body(case)
        unfreeze_layers(base, case.unfreeze)
        head = build_head(base.output_shape[-1], GENRES, case.head.model_copy(update={"units": cell.units}), None)
        model = classifier.compose(base, head, data.mean)
        model.compile(keras.optimizers.Adam(cell.lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
        watch = Watch()
        model.fit(
            data.images[data.train],
            data.labels[data.train],
            batch_size=BATCH,
            epochs=case.epochs,
            validation_data=(data.images[data.val], data.labels[data.val]),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=watch)],
            verbose=0,
        )
        building += watch.building(started, case.epochs)
        sys.stderr.write(f"plain: {cell.name}: {time.perf_counter() - started:.1f} s\n")
    return {"seconds": time.perf_counter() - begun, "frozen": 0.0, "building": building}


class Watch:
    """When epochs ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, *_: Any) -> None:
        self.ends.append(time.perf_counter())

    def building(self, started: float, epochs: int) -> float:
        """What came before the first epoch's steps: all that is not an epoch as long as the median one."""
        return max(0.0, self.ends[-1] - started - epochs * float(np.median(np.diff(self.ends))))


def cells(case: Case, data: Data) -> dict[str, float]:
    """The stage's own code: what crosses the cut once, then the cells."""
    begun = time.perf_counter()
    base = body(case)
    half = split_model(base, data.mean, case.backbone, case.head.pool, "backbone", case.unfreeze)
    rows = pd.DataFrame(index=np.arange(len(data.images)))
    with cached_activations(half, data, rows, BATCH, case.machine.memory, "frozen half,") as inputs:
        frozen = time.perf_counter() - begun
        trainer = TrialRunner(start(case, data, base, half.tail, inputs), case.head, case.schedule, case.machine)
        building = 0.0
        for cell in CELLS:
            started, watch = time.perf_counter(), Watch()
            trainer.train(cell, watch)
            building += watch.building(started, case.epochs)
            sys.stderr.write(f"cells: {cell.name}: {time.perf_counter() - started:.1f} s\n")
    return {"seconds": time.perf_counter() - begun, "frozen": frozen, "building": building}


def start(case: Case, data: Data, base: "keras.Model", tail: "keras.Model", inputs: list[np.ndarray]) -> TransferSetup:
    """What `handling` trains on; with nothing unfrozen the features themselves."""
    wide = np.zeros((len(data.images), base.output_shape[-1]), np.float32) if case.unfreeze else inputs[0]
    return TransferSetup(
        backbone=case.backbone,
        unfreeze=case.unfreeze,
        preprocess="backbone",
        classes=[str(genre) for genre in range(GENRES)],
        mean=data.mean,
        body=base,
        weights=base.get_weights(),
        tail=tail if case.unfreeze else None,
        examples=TrainingData(inputs, wide, data.labels, data.train, data.val),
    )


def floor(case: Case, data: Data) -> dict[str, float]:
    """The frozen half once, warm, and the tails' steps alone."""
    base = body(case)
    half = split_model(base, data.mean, case.backbone, case.head.pool, "backbone", case.unfreeze)
    half.frozen.predict_on_batch(data.images[:BATCH])
    begun = time.perf_counter()
    answers = [as_list(half.frozen.predict_on_batch(data.images[at])) for at in batches(np.arange(len(data.images)))]
    frozen = time.perf_counter() - begun
    inputs = [np.concatenate(parts) for parts in zip(*answers, strict=True)]
    trainer = TrialRunner(start(case, data, base, half.tail, inputs), case.head, case.schedule, case.machine)
    train, val = ([gathered(inputs, data.labels, at) for at in batches(rows)] for rows in (data.train, data.val))
    seconds = 0.0
    for units in sorted({cell.units for cell in CELLS}):
        model = trainer.learner(units).model
        for _ in range(WARM):
            model.train_on_batch(*train[0])
            model.test_on_batch(*val[0])
        model.train_on_batch(*train[-1])
        model.test_on_batch(*val[-1])
        started = time.perf_counter()
        for _ in range(case.epochs):
            for batch in train:
                model.train_on_batch(*batch)
            for batch in val:
                model.test_on_batch(*batch)
        seconds += (time.perf_counter() - started) * sum(cell.units == units for cell in CELLS)
    return {"seconds": frozen + seconds, "frozen": frozen, "building": 0.0}


def batches(rows: np.ndarray) -> list[np.ndarray]:
    """`rows`, a batch at a time."""
    return [rows[place : place + BATCH] for place in range(0, len(rows), BATCH)]


def gathered(
    inputs: list[np.ndarray], labels: np.ndarray, rows: np.ndarray
) -> tuple[list[np.ndarray] | np.ndarray, np.ndarray]:
    """One batch."""
    taken = [array[rows] for array in inputs]
    return taken if len(taken) > 1 else taken[0], labels[rows]


if __name__ == "__main__":
    told = Case.model_validate_json(sys.argv[2])
    runtime.start_keras(told.machine)
    result = {"plain": plain, "cells": cells, "floor": floor}[sys.argv[1]](told, Data(told))
    sys.stdout.write(json.dumps({**result, "peak": peak()}) + "\n")
