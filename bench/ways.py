"""The ways of running trials that bench/handling.py compares, each in a process: `python -m bench.ways WAY CASE`, CASE as JSON."""

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
from webtoon_genre.reproducibility.runtime import Runtime, set_seed, start_keras
from webtoon_genre.training.activations import cached_activations
from webtoon_genre.training.classifier import compose
from webtoon_genre.training.freezing import SplitModel, as_list, split_model, unfreeze_layers
from webtoon_genre.training.head import HeadParams, build_head
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import TrainingData, TrainingParams

if TYPE_CHECKING:
    import keras

GENRES = 10
TRIALS = [Trial(units, lr) for units in (128, 256, 512) for lr in (1e-3, 1e-4, 1e-5)]
BATCH = 32
SEED = 77
MEMORY = 10_000  # megabytes of activations in memory
WARM_UP = 3  # steps before a measurement


def runtime_params(precision: str = "float32", xla: bool = False) -> Runtime:
    """Params as in params.yaml: runtime, except for the arguments."""
    fixed = {"deterministic": True, "instructions": "portable", "inter_op": 1, "intra_op": 2, "backend": "tensorflow"}
    return Runtime.model_validate({**fixed, "precision": precision, "xla": xla})


class Case(BaseModel):
    """The model and data of a measurement; images: train images, of side × side pixels."""

    backbone: str
    unfreeze: int
    images: int
    epochs: int
    pool: str
    side: int
    precision: str = "float32"
    xla: bool = False

    @property
    def runtime(self) -> Runtime:
        """Threads as in params.yaml."""
        return runtime_params(self.precision, self.xla)

    @property
    def head(self) -> HeadParams:
        """The study's head; a trial sets its units."""
        return HeadParams.model_validate({"pool": self.pool, "standardise": False, "units": 1, "dropout": 0.5})

    @property
    def training(self) -> TrainingParams:
        """Batches and epochs; no trial stops early."""
        return TrainingParams(batch=BATCH, epochs=self.epochs, patience=self.epochs)


class NoiseImages(AugmentedThumbnails):
    """Noise in memory, in place of thumbnails on disk."""

    def __init__(self, case: Case):
        count, generator = case.images + case.images // 4, np.random.default_rng(0)
        self.images = generator.integers(0, 256, (count, case.side, case.side, 3), np.uint8)
        self.labels = np.arange(count) % GENRES
        self.train, self.val = np.arange(case.images), np.arange(case.images, count)
        self.mean = np.full((case.side, case.side, 3), 127.5, np.float32)

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        """Return uint8 (len(rows), side, side, 3)."""
        return self.images[rows.index.to_numpy()]


def measure(way: str, case: Case) -> dict[str, float]:
    """Measure one way in a new process: seconds in all, of the frozen base and of building, and its peak memory in bytes."""
    command = [sys.executable, "-m", "bench.ways", way, case.model_dump_json()]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


def new_extractor(case: Case) -> "keras.Model":
    """The extractor with random weights."""
    set_seed(1)
    return build_extractor(case.backbone, case.side, case.head.pool, "backbone", None)


def split_extractor(case: Case, data: NoiseImages) -> tuple["keras.Model", SplitModel]:
    """The extractor, and its base and tail."""
    extractor = new_extractor(case)
    return extractor, split_model(extractor, data.mean, case.backbone, case.head.pool, "backbone", case.unfreeze)


def plain(case: Case, data: NoiseImages) -> dict[str, float]:
    """Fit each trial as a Keras model of images."""
    import keras

    building, start = 0.0, time.perf_counter()
    for trial in TRIALS:
        trial_start = time.perf_counter()
        extractor = new_extractor(case)
        unfreeze_layers(extractor, case.unfreeze)
        head_params = case.head.model_copy(update={"units": trial.units})
        head = build_head(extractor.output_shape[-1], GENRES, head_params, None)
        model = compose(extractor, head, data.mean)
        model.compile(keras.optimizers.Adam(trial.lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
        clock = EpochClock()
        model.fit(
            data.images[data.train],
            data.labels[data.train],
            batch_size=BATCH,
            epochs=case.epochs,
            validation_data=(data.images[data.val], data.labels[data.val]),
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=clock)],
            verbose=0,
        )
        building += clock.building(trial_start, case.epochs)
        sys.stderr.write(f"plain: {trial.name}: {time.perf_counter() - trial_start:.1f} s\n")
    return {"seconds": time.perf_counter() - start, "frozen": 0.0, "building": building}


class EpochClock:
    """A callback that notes when epochs end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def __call__(self, *_: Any) -> None:
        self.ends.append(time.perf_counter())

    def building(self, start: float, epochs: int) -> float:
        """Seconds before the first epoch's steps: all that remains after as many epochs as long as the median one."""
        return max(0.0, self.ends[-1] - start - epochs * float(np.median(np.diff(self.ends))))


def trials(case: Case, data: NoiseImages) -> dict[str, float]:
    """Run the trials as the stage `handling` does: activations once, then all trials."""
    start = time.perf_counter()
    extractor, model = split_extractor(case, data)
    rows = pd.DataFrame(index=np.arange(len(data.images)))
    with cached_activations(model, data, rows, BATCH, MEMORY, "activations,") as inputs:
        frozen = time.perf_counter() - start
        runner = new_runner(case, data, extractor, model.tail, inputs)
        building = 0.0
        for trial in TRIALS:
            trial_start, clock = time.perf_counter(), EpochClock()
            runner.run(trial, clock)
            building += clock.building(trial_start, case.epochs)
            sys.stderr.write(f"trials: {trial.name}: {time.perf_counter() - trial_start:.1f} s\n")
    return {"seconds": time.perf_counter() - start, "frozen": frozen, "building": building}


def new_runner(
    case: Case, data: NoiseImages, extractor: "keras.Model", tail: "keras.Model", inputs: list[np.ndarray]
) -> TrialRunner:
    """The stage's runner; with nothing unfrozen the inputs are the features."""
    features = np.zeros((len(data.images), extractor.output_shape[-1]), np.float32) if case.unfreeze else inputs[0]
    setup = TransferSetup(
        backbone=case.backbone,
        unfreeze=case.unfreeze,
        preprocess="backbone",
        classes=[str(genre) for genre in range(GENRES)],
        mean=data.mean,
        extractor=extractor,
        weights=extractor.get_weights(),
        tail=tail if case.unfreeze else None,
        data=TrainingData(inputs, features, data.labels, np.arange(len(data.labels)), data.train, data.val),
    )
    return TrialRunner(setup, case.head, case.training, case.runtime, SEED)


def floor(case: Case, data: NoiseImages) -> dict[str, float]:
    """Run the frozen base once, warm, and the tails' steps alone."""
    extractor, model = split_extractor(case, data)
    model.base.predict_on_batch(data.images[:BATCH])
    start = time.perf_counter()
    outputs = [as_list(model.base.predict_on_batch(data.images[rows])) for rows in split_rows(len(data.images))]
    frozen = time.perf_counter() - start
    inputs = [np.concatenate(parts) for parts in zip(*outputs, strict=True)]
    runner = new_runner(case, data, extractor, model.tail, inputs)
    train, val = (
        [gather(inputs, data.labels, rows[batch]) for batch in split_rows(len(rows))] for rows in (data.train, data.val)
    )
    seconds = 0.0
    for units in sorted({trial.units for trial in TRIALS}):
        trained = runner.trainer(units).model
        for _ in range(WARM_UP):
            trained.train_on_batch(*train[0])
            trained.test_on_batch(*val[0])
        trained.train_on_batch(*train[-1])
        trained.test_on_batch(*val[-1])
        start = time.perf_counter()
        for _ in range(case.epochs):
            for batch in train:
                trained.train_on_batch(*batch)
            for batch in val:
                trained.test_on_batch(*batch)
        seconds += (time.perf_counter() - start) * sum(trial.units == units for trial in TRIALS)
    return {"seconds": frozen + seconds, "frozen": frozen, "building": 0.0}


def split_rows(count: int) -> list[np.ndarray]:
    """The numbers 0 to count - 1, a batch at a time."""
    return [np.arange(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]


def gather(
    inputs: list[np.ndarray], labels: np.ndarray, rows: np.ndarray
) -> tuple[list[np.ndarray] | np.ndarray, np.ndarray]:
    """Inputs and labels of one batch."""
    arrays = [array[rows] for array in inputs]
    return arrays if len(arrays) > 1 else arrays[0], labels[rows]


if __name__ == "__main__":
    measured_case = Case.model_validate_json(sys.argv[2])
    start_keras(measured_case.runtime)
    way = {"plain": plain, "trials": trials, "floor": floor}[sys.argv[1]]
    sys.stdout.write(json.dumps({**way(measured_case, NoiseImages(measured_case)), "peak": peak()}) + "\n")
