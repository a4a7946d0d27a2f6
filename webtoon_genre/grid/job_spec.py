"""A start of transfer learning as a parcel, for other processes and machines: it pickles, and is unpacked to an equal start."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from webtoon_genre.features.backbone import Preprocess, build_extractor
from webtoon_genre.grid.trials import TrialRunner
from webtoon_genre.reproducibility import runtime as machine
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.freezing import Unfreeze, split_model
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import HeadParams, TrainingData, TrainingParams


@dataclass(frozen=True)
class JobSpec:
    """weights: of the trunk, in Keras's order. inputs, features: as in Examples, or the .npy files that hold them."""

    name: str
    backbone: str
    unfreeze: Unfreeze
    preprocess: Preprocess
    classes: list[str]
    mean: np.ndarray
    weights: list[np.ndarray]
    inputs: Sequence[np.ndarray | Path]
    features: np.ndarray | Path
    labels: np.ndarray
    train: np.ndarray
    val: np.ndarray
    head: HeadParams
    schedule: dict[str, Any]
    runtime: Runtime

    def trainer(self) -> TrialRunner:
        """Unpack in a process of its own: Keras is started there as it was where the job was packed."""
        machine.start_keras(self.runtime)
        body = build_extractor(self.backbone, len(self.mean), self.head.pool, self.preprocess, None)
        body.set_weights(self.weights)
        half = split_model(body, self.mean, self.backbone, self.head.pool, self.preprocess, self.unfreeze)
        inputs = [open_array(each) for each in self.inputs]
        start = TransferSetup(
            backbone=self.backbone,
            unfreeze=self.unfreeze,
            preprocess=self.preprocess,
            classes=self.classes,
            mean=self.mean,
            body=body,
            weights=self.weights,
            tail=None if self.unfreeze == 0 else half.tail,
            examples=TrainingData(inputs, open_array(self.features), self.labels, self.train, self.val),
        )
        return TrialRunner(start, self.head, TrainingParams(**self.schedule), self.runtime)


def pack(name: str, trainer: TrialRunner) -> JobSpec:
    """The job that unpacks to `trainer`; `name` tells jobs apart where one process gets several."""
    start, examples = trainer.start, trainer.start.examples
    return JobSpec(
        name=name,
        backbone=start.backbone,
        unfreeze=start.unfreeze,
        preprocess=start.preprocess,
        classes=start.classes,
        mean=start.mean,
        weights=start.weights,
        inputs=[np.asarray(each) for each in examples.inputs],  # no memory maps: their files may be on one machine only
        features=np.asarray(examples.features),
        labels=examples.labels,
        train=examples.train,
        val=examples.val,
        head=trainer.head,
        schedule={name: getattr(trainer.schedule, name) for name in TrainingParams.model_fields},
        runtime=trainer.runtime,
    )


def on_disk(job: JobSpec, trainer: TrialRunner, folder: Path) -> JobSpec:
    """`job` with its large arrays as files, for processes of this machine: where they lie already, or in `folder`."""
    examples = trainer.start.examples
    inputs = [save_array(each, folder / f"{place}.npy") for place, each in enumerate(examples.inputs)]
    return replace(job, inputs=inputs, features=save_array(examples.features, folder / "features.npy"))


def save_array(array: np.ndarray, path: Path) -> Path:
    """The file that `array` is a map of, or `path`, to which it is written."""
    if isinstance(array, np.memmap) and array.filename is not None:
        array.flush()
        return Path(array.filename)
    np.save(path, array)
    return path


def open_array(array: np.ndarray | Path) -> np.ndarray:
    """An array, as a memory map where it is a file."""
    return np.load(array, mmap_mode="r") if isinstance(array, Path) else array
