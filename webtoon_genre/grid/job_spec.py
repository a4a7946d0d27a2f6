"""A trial runner as a picklable specification, from which other processes and machines build an equal one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from webtoon_genre.features.backbone import Preprocess, build_extractor
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.freezing import Unfreeze, split_model
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import TrainingData, TrainingParams


@dataclass(frozen=True)
class JobSpec:
    """What a TrialRunner is built from.

    weights: of the extractor, in Keras's order; empty where nothing is unfrozen. inputs, features: as in TrainingData, or the .npy
    files that hold them.
    """

    backbone: str
    unfreeze: Unfreeze
    preprocess: Preprocess
    classes: list[str]
    mean: np.ndarray
    weights: list[np.ndarray]
    inputs: Sequence[np.ndarray | Path]
    features: np.ndarray | Path
    labels: np.ndarray
    groups: np.ndarray
    train: np.ndarray
    val: np.ndarray
    head: HeadParams
    params: dict[str, Any]
    runtime: Runtime
    seed: int

    def runner(self) -> TrialRunner:
        """Build the runner in another process: Keras starts there with the same runtime."""
        start_keras(self.runtime)
        extractor = tail = None
        if self.unfreeze != 0:
            extractor = build_extractor(self.backbone, len(self.mean), self.head.pool, self.preprocess, None)
            extractor.set_weights(self.weights)
            tail = split_model(extractor, self.mean, self.backbone, self.head.pool, self.preprocess, self.unfreeze).tail
        inputs = [open_array(array) for array in self.inputs]
        setup = TransferSetup(
            backbone=self.backbone,
            unfreeze=self.unfreeze,
            preprocess=self.preprocess,
            classes=self.classes,
            mean=self.mean,
            extractor=extractor,
            weights=self.weights,
            tail=tail,
            data=TrainingData(inputs, open_array(self.features), self.labels, self.groups, self.train, self.val),
        )
        return TrialRunner(setup, self.head, TrainingParams(**self.params), self.runtime, self.seed)


@dataclass(frozen=True)
class RemoteTrials:
    """Runs trials in a worker of a cluster; a job brings all arrays, so the worker reads no file."""

    job: JobSpec

    def build(self, _: Callable[[Path], Path]) -> Callable[[Trial], tuple[Trial, TrialResult]]:
        """The function that runs a trial and returns it with its result."""
        runner = self.job.runner()
        return lambda trial: (trial, runner.run(trial))


def pack(runner: TrialRunner) -> JobSpec:
    """The specification of `runner`."""
    setup, data = runner.setup, runner.setup.data
    return JobSpec(
        backbone=setup.backbone,
        unfreeze=setup.unfreeze,
        preprocess=setup.preprocess,
        classes=setup.classes,
        mean=setup.mean,
        weights=setup.weights,
        inputs=[np.asarray(array) for array in data.inputs],  # no memory maps: another machine may not have their files
        features=np.asarray(data.features),
        labels=data.labels,
        groups=data.groups,
        train=data.train,
        val=data.val,
        head=runner.head,
        params={name: getattr(runner.params, name) for name in TrainingParams.model_fields},
        runtime=runner.runtime,
        seed=runner.seed,
    )


def on_disk(job: JobSpec, runner: TrialRunner, folder: Path) -> JobSpec:
    """`job` with its large arrays as files, for processes of this machine: existing files of memory maps, or new ones in `folder`."""
    data = runner.setup.data
    inputs = [save_array(array, folder / f"{index}.npy") for index, array in enumerate(data.inputs)]
    return replace(job, inputs=inputs, features=save_array(data.features, folder / "features.npy"))


def save_array(array: np.ndarray, path: Path) -> Path:
    """The file of a memory map, or `path`, to which the array is written."""
    if isinstance(array, np.memmap) and array.filename is not None:
        array.flush()
        return Path(array.filename)
    np.save(path, array)
    return path


def open_array(array: np.ndarray | Path) -> np.ndarray:
    """The array itself, or a memory map of its file."""
    return np.load(array, mmap_mode="r") if isinstance(array, Path) else array
