"""A backbone ready to be trained from the layer that params name upwards: what crosses the cut for every image, and the tail above it.

It reads what the stages before left on disk, and writes nothing but scratch files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from webtoon_genre.data.augmentation import AugmentedThumbnails, AugmentParams, with_augmented_features
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_table
from webtoon_genre.features.backbone import Preprocess, build_extractor, load_weights
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.activations import cached_activations
from webtoon_genre.training.classifier import ClassifierConfig, compose
from webtoon_genre.training.freezing import Unfreeze, split_model
from webtoon_genre.training.trainer import HeadParams, Trainer, TrainingData, TrainingParams

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class InputPaths:
    """Where the stages before left what is needed."""

    dataset: Path = Path("data/dataset.parquet")
    resized: Path = Path("data/resized")
    mean: Path = Path("data/mean.npz")
    features: Path = Path("data/features")
    trunks: Path = Path("models/trunk")

    def augmented(self, backbone: str) -> Path:
        """Features of the train rows' variants."""
        return self.features / f"{backbone}-augmented.npy"

    def weights(self, backbone: str) -> Path:
        """Of the trunk that computed the features."""
        return self.trunks / f"{backbone}.weights.h5"

    def files(self, backbone: str, unfreeze: Unfreeze) -> list[Path]:
        """All that training depends on, in a fixed order; those that are not there are named by what reads them."""
        images = [] if unfreeze == 0 else sorted(self.resized.glob("*"))
        features = [self.features / f"{backbone}.npy", self.augmented(backbone)]
        paths = [self.dataset, self.mean, *features, self.weights(backbone), *images]
        return [path for path in paths if path.is_file()]


@dataclass(frozen=True)
class TransferSetup:
    """Where all heads and learning rates of one backbone and cut begin; `tail` is None where nothing is unfrozen.

    weights: of the body, in Keras's order, before anything was trained.
    """

    backbone: str
    unfreeze: Unfreeze
    preprocess: Preprocess
    classes: list[str]
    mean: np.ndarray
    body: "keras.Model"
    weights: list[np.ndarray]
    tail: "keras.Model | None"
    examples: TrainingData

    def learner(self, head: HeadParams, schedule: TrainingParams, runtime: Runtime) -> Trainer:
        """A head on the tail, neither trained yet, whatever an earlier learner made of the tail; that one is not used again."""
        self.body.set_weights(self.weights)
        return Trainer(self.tail, self.examples, len(self.classes), head, schedule, runtime)

    def whole(self, learner: Trainer) -> "keras.Model":
        """The model of images that `learner` trained."""
        return compose(self.body, learner.head, self.mean)

    def config(self, head: HeadParams) -> ClassifierConfig:
        """What `saved.save` needs to know of that model."""
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
    sources: InputPaths,
) -> Iterator[TransferSetup]:
    """Compute what crosses the cut, `batch` images at once; with nothing unfrozen that is the features, which are there already."""
    dataset, mean = read_table(sources.dataset, DATASET), read_mean_image(sources.mean).image
    rows, features = with_augmented_features(dataset, sources.features, backbone, augment.copies)
    body = build_extractor(backbone, len(mean), head.pool, preprocess, None)
    load_weights(body, sources.weights(backbone))
    half = split_model(body, mean, backbone, head.pool, preprocess, unfreeze)

    def start(tail: "keras.Model | None", inputs: list[np.ndarray]) -> TransferSetup:
        return TransferSetup(
            backbone=backbone,
            unfreeze=unfreeze,
            preprocess=preprocess,
            classes=class_names(dataset),
            mean=mean,
            body=body,
            weights=body.get_weights(),
            tail=tail,
            examples=training_data(rows, inputs, features),
        )

    if unfreeze == 0:
        yield start(None, [features])
        return
    half.frozen.jit_compile = runtime.xla
    what = f"{backbone}: what crosses the cut,"
    with cached_activations(
        half, AugmentedThumbnails(ThumbnailStore(sources.resized), augment), rows, batch, runtime.memory, what
    ) as inputs:
        yield start(half.tail, inputs)


def training_data(rows: pd.DataFrame, inputs: list[np.ndarray], features: np.ndarray) -> TrainingData:
    """The train rows with their variants, and the val rows, to be learned from."""
    sides = rows["split"].to_numpy()
    train, val = (np.flatnonzero(sides == side) for side in ("train", "val"))
    return TrainingData(inputs, features, rows["label"].to_numpy(np.int64), train, val)
