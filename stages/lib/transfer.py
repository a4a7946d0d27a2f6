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

from stages.lib import mean as means
from stages.lib import trunk
from stages.lib.augment import Augment, Variants, with_variants
from stages.lib.crossing import crossing
from stages.lib.cut import Unfrozen, cut
from stages.lib.fit import Examples, Head, Learner, Schedule
from stages.lib.runtime import Runtime
from stages.lib.saved import Config, compose
from stages.lib.thumbnails import DATASET, Resized, classes, read_table
from stages.lib.trunk import Preprocess

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Sources:
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

    def files(self, backbone: str, unfreeze: Unfrozen) -> list[Path]:
        """All that training depends on, in a fixed order; those that are not there are named by what reads them."""
        images = [] if unfreeze == 0 else sorted(self.resized.glob("*"))
        features = [self.features / f"{backbone}.npy", self.augmented(backbone)]
        paths = [self.dataset, self.mean, *features, self.weights(backbone), *images]
        return [path for path in paths if path.is_file()]


@dataclass(frozen=True)
class Start:
    """Where all heads and learning rates of one backbone and cut begin; `tail` is None where nothing is unfrozen.

    weights: of the body, in Keras's order, before anything was trained.
    """

    backbone: str
    unfreeze: Unfrozen
    preprocess: Preprocess
    classes: list[str]
    mean: np.ndarray
    body: "keras.Model"
    weights: list[np.ndarray]
    tail: "keras.Model | None"
    examples: Examples

    def learner(self, head: Head, schedule: Schedule, runtime: Runtime) -> Learner:
        """A head on the tail, neither trained yet, whatever an earlier learner made of the tail; that one is not used again."""
        self.body.set_weights(self.weights)
        return Learner(self.tail, self.examples, len(self.classes), head, schedule, runtime)

    def whole(self, learner: Learner) -> "keras.Model":
        """The model of images that `learner` trained."""
        return compose(self.body, learner.head, self.mean)

    def config(self, head: Head) -> Config:
        """What `saved.save` needs to know of that model."""
        return Config(
            backbone=self.backbone,
            side=len(self.mean),
            preprocess=self.preprocess,
            unfreeze=self.unfreeze,
            head=head,
            classes=self.classes,
        )


@contextmanager
def prepared(
    backbone: str,
    unfreeze: Unfrozen,
    head: Head,
    preprocess: Preprocess,
    batch: int,
    augment: Augment,
    runtime: Runtime,
    sources: Sources,
) -> Iterator[Start]:
    """Compute what crosses the cut, `batch` images at once; with nothing unfrozen that is the features, which are there already."""
    dataset, mean = read_table(sources.dataset, DATASET), means.read(sources.mean).image
    rows, features = with_variants(dataset, sources.features, backbone, augment.copies)
    body = trunk.build(backbone, len(mean), head.pool, preprocess, None)
    trunk.load_weights(body, sources.weights(backbone))
    half = cut(body, mean, backbone, head.pool, preprocess, unfreeze)

    def start(tail: "keras.Model | None", inputs: list[np.ndarray]) -> Start:
        return Start(
            backbone=backbone,
            unfreeze=unfreeze,
            preprocess=preprocess,
            classes=classes(dataset),
            mean=mean,
            body=body,
            weights=body.get_weights(),
            tail=tail,
            examples=examples(rows, inputs, features),
        )

    if unfreeze == 0:
        yield start(None, [features])
        return
    half.frozen.jit_compile = runtime.xla
    what = f"{backbone}: what crosses the cut,"
    with crossing(half, Variants(Resized(sources.resized), augment), rows, batch, runtime.memory, what) as inputs:
        yield start(half.tail, inputs)


def examples(rows: pd.DataFrame, inputs: list[np.ndarray], features: np.ndarray) -> Examples:
    """The train rows with their variants, and the val rows, to be learned from."""
    sides = rows["split"].to_numpy()
    train, val = (np.flatnonzero(sides == side) for side in ("train", "val"))
    return Examples(inputs, features, rows["label"].to_numpy(np.int64), train, val)
