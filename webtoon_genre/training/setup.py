"""What training starts from: an extractor split at params' `unfreeze`, the activations of its base, and the data.

It reads the products of earlier stages and writes only scratch files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from webtoon_genre.core import paths
from webtoon_genre.data.augmentation import AugmentedThumbnails, AugmentParams, with_augmented_features
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_table
from webtoon_genre.features.backbone import Preprocess, build_extractor, check_file, load_weights
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.activations import cached_activations
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.classifier import ClassifierConfig, compose, save_classifier, save_head
from webtoon_genre.training.freezing import Unfreeze, split_model
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.trainer import Trainer, TrainingData, TrainingParams

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class InputPaths:
    """The products of one backbone that training reads: its features and the weights of its extractor."""

    features: Path
    augmented_features: Path
    extractor: Path

    @classmethod
    def of(cls, backbone: str) -> "InputPaths":
        """Where the stage `features` writes them."""
        return cls(paths.features(backbone), paths.augmented_features(backbone), paths.extractor(backbone))

    @classmethod
    def selected(cls) -> "InputPaths":
        """Where the stage `select` puts those of the best trial."""
        return cls(
            paths.SELECTED / "features.npy",
            paths.SELECTED / "features-augmented.npy",
            paths.SELECTED / "extractor.weights.h5",
        )

    def files(self, unfreeze: Unfreeze) -> list[Path]:
        """All existing files that training depends on, in a fixed order; what reads a missing one names it."""
        images = [] if unfreeze == 0 else sorted(paths.RESIZED.glob("*"))
        inputs = [paths.DATASET, paths.MEAN, self.features, self.augmented_features, self.extractor, *images]
        return [path for path in inputs if path.is_file()]


@dataclass(frozen=True)
class TransferSetup:
    """The common start of all heads and learning rates on one backbone and `unfreeze`.

    extractor, tail: None where nothing is unfrozen. weights: of the extractor, in Keras's order, before any training.
    """

    backbone: str
    unfreeze: Unfreeze
    preprocess: Preprocess
    classes: list[str]
    mean: np.ndarray
    extractor: "keras.Model | None"
    weights: list[np.ndarray]
    tail: "keras.Model | None"
    data: TrainingData

    def trainer(self, head: HeadParams, params: TrainingParams, runtime: Runtime, seed: int) -> Trainer:
        """A new trainer on the untrained tail; a trainer that was made before must not be used any more; raises NotFinite."""
        if self.extractor is not None:
            self.extractor.set_weights(self.weights)
        return Trainer(self.tail, self.data, len(self.classes), head, params, runtime, seed)

    def style(self, rows: np.ndarray, batch: int) -> np.ndarray:
        """Style vectors, float32 (m, width), of `rows`, int (m,), `batch` at once: the input of the head, by the tail as it is now."""
        data = self.data
        if self.tail is None:
            return np.asarray(data.features[rows])
        batches = Batches(data.inputs, data.labels, rows, batch, None)
        return np.concatenate([np.asarray(self.tail.predict_on_batch(inputs)) for inputs, _ in batches.epoch(0)])

    def save(self, folder: Path, trainer: Trainer, head: HeadParams, inputs: InputPaths) -> None:
        """Write the trained model from images to probabilities, as classifier.py states."""
        config = self.config(head)
        if self.extractor is None:
            save_head(folder, trainer.head, self.mean, config, inputs.extractor)
        else:
            save_classifier(folder, compose(self.extractor, trainer.head, self.mean), config, inputs.extractor)

    def config(self, head: HeadParams) -> ClassifierConfig:
        """The config that save_classifier writes beside that model."""
        return ClassifierConfig(
            backbone=self.backbone,
            side=len(self.mean),
            preprocess=self.preprocess,
            unfreeze=self.unfreeze,
            head=head,
            classes=self.classes,
        )


@contextmanager
def prepare(
    backbone: str,
    unfreeze: Unfreeze,
    head: HeadParams,
    preprocess: Preprocess,
    batch: int,
    augment: AugmentParams,
    runtime: Runtime,
    memory: int,
    inputs: InputPaths,
) -> Iterator[TransferSetup]:
    """Read the data and compute the activations, `batch` images at once; with nothing unfrozen the features are the activations.

    memory: megabytes of activations in memory, see cached_activations.
    """
    dataset, mean = read_table(paths.DATASET, DATASET), read_mean_image(paths.MEAN).image
    rows, features = with_augmented_features(dataset, inputs.features, inputs.augmented_features, augment.copies)
    frozen = TransferSetup(
        backbone=backbone,
        unfreeze=unfreeze,
        preprocess=preprocess,
        classes=class_names(dataset),
        mean=mean,
        extractor=None,
        weights=[],
        tail=None,
        data=training_data(rows, [features], features),
    )
    if unfreeze == 0:
        check_file(inputs.extractor)
        yield frozen
        return
    extractor = build_extractor(backbone, len(mean), head.pool, preprocess, None)
    load_weights(extractor, inputs.extractor)
    model = split_model(extractor, mean, backbone, head.pool, preprocess, unfreeze)
    model.base.jit_compile = runtime.xla
    images = AugmentedThumbnails(ThumbnailStore(paths.RESIZED), augment)
    with cached_activations(model, images, rows, batch, memory, f"{backbone}: activations") as arrays:
        data = training_data(rows, arrays, features)
        yield replace(frozen, extractor=extractor, weights=extractor.get_weights(), tail=model.tail, data=data)


def training_data(rows: pd.DataFrame, inputs: list[np.ndarray], features: np.ndarray) -> TrainingData:
    """Train rows with their augmented copies, and val rows."""
    splits = rows["split"].to_numpy()
    train, val = (np.flatnonzero(splits == split) for split in ("train", "val"))
    labels, groups = (rows[name].to_numpy(np.int64) for name in ("label", "group"))
    return TrainingData(inputs, features, labels, groups, train, val)
