"""Random variants of train images, drawn once and used in every epoch, as the study saved them; a row, a copy and a seed give one picture.

A variant is a row of the dataset with `copy` 1, 2, ...; the rows themselves are copy 0. No variant has a file: it is drawn anew from the
resized thumbnail wherever it is needed, the same each time.
"""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.data.tables import ThumbnailStore, read_features


class AugmentParams(Section):
    """params.yaml: augment."""

    copies: int = Field(ge=0)
    seed: int = Field(ge=0)
    rotation: float = Field(ge=0, le=180)
    shift: float = Field(ge=0, lt=1)
    shear: float = Field(ge=0, lt=1)
    zoom: float = Field(ge=0, lt=1)
    flip: bool


class AugmentCopies(SharedKeys):
    """What stages that need no pixels share of params.yaml: augment."""

    copies: int = Field(ge=0)


class AugmentedThumbnails:
    """Thumbnails and their variants: uint8 (n, side, side, 3), RGB."""

    def __init__(self, resized: ThumbnailStore, settings: AugmentParams):
        self.resized, self.settings = resized, settings

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        """uint8 (len(rows), side, side, 3), RGB, in the order of `rows` (columns title_id, no and copy)."""
        images = self.resized.take(rows)
        keys = rows[["title_id", "no", "copy"]].to_numpy(np.int64)
        for place in np.flatnonzero(keys[:, 2]):
            images[place] = augment_image(images[place], keys[place], self.settings)
        return images


def with_augmented_rows(dataset: pd.DataFrame, copies: int) -> pd.DataFrame:
    """The dataset's rows, each in its place, then `copies` times its train rows; column `copy` tells them apart."""
    train = dataset[dataset["split"] == "train"]
    return pd.concat(
        [dataset.assign(copy=0), *(train.assign(copy=copy + 1) for copy in range(copies))], ignore_index=True
    )


def with_augmented_features(
    dataset: pd.DataFrame, features: Path, backbone: str, copies: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """`extended` rows and their features, float32 (n, width), from the folder that `features` wrote."""
    rows = with_augmented_rows(dataset, copies)
    table = read_features(features / f"{backbone}.npy", len(dataset))
    if not copies:
        return rows, table
    augmented = read_features(features / f"{backbone}-augmented.npy", len(rows) - len(dataset))
    return rows, np.concatenate([table, augmented])


def augment_image(image: np.ndarray, key: np.ndarray, settings: AugmentParams) -> np.ndarray:
    """One variant of uint8 (side, side, 3); `key` is its (title_id, no, copy). What comes into view repeats the border."""
    generator = np.random.default_rng([settings.seed, *key.tolist()])
    side = len(image)
    matrix = random_transform(generator, settings, side)
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def random_transform(generator: np.random.Generator, settings: AugmentParams, side: int) -> np.ndarray:
    """A random affine map about the centre, float64 (2, 3): zoom, shear, flips, rotation, shift, each uniform in its bounds."""
    angle = np.deg2rad(generator.uniform(-settings.rotation, settings.rotation))
    shift = generator.uniform(-settings.shift, settings.shift, 2) * side
    shear = generator.uniform(-settings.shear, settings.shear)
    zoom = generator.uniform(1 - settings.zoom, 1 + settings.zoom, 2)
    flips = np.where(generator.random(2) < 0.5, -1.0, 1.0) if settings.flip else np.ones(2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.array([[1, shear], [0, 1]]) @ np.diag(zoom * flips)
    centre = np.full(2, (side - 1) / 2)
    return np.column_stack([linear, centre + shift - linear @ centre])
