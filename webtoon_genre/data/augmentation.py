"""Augmented copies of train images: one random transform a copy, the same in every epoch, as in the study, which saved them.

A copy is a row of the dataset with `copy` 1, 2, ...; the rows themselves are copy 0. Copies have no files: each is computed from the
resized thumbnail wherever it is needed, and its row, copy number and seed determine it.
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
    """params.yaml: augment, the key that stages without pixels share."""

    copies: int = Field(ge=0)


class AugmentedThumbnails:
    """Thumbnails and their augmented copies: uint8 (n, side, side, 3), RGB."""

    def __init__(self, thumbnails: ThumbnailStore, params: AugmentParams):
        self.thumbnails, self.params = thumbnails, params

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        """Return uint8 (len(rows), side, side, 3), RGB, in the order of `rows` (columns title_id, no and copy)."""
        images = self.thumbnails.take(rows)
        keys = rows[["title_id", "no", "copy"]].to_numpy(np.int64)
        for row in np.flatnonzero(keys[:, 2]):
            images[row] = augment_image(images[row], keys[row], self.params)
        return images


def with_augmented_rows(dataset: pd.DataFrame, copies: int) -> pd.DataFrame:
    """Append the train rows `copies` times to the dataset's rows; the column `copy` is 0 for the dataset's rows."""
    train = dataset[dataset["split"] == "train"]
    return pd.concat(
        [dataset.assign(copy=0), *(train.assign(copy=copy + 1) for copy in range(copies))], ignore_index=True
    )


def with_augmented_features(
    dataset: pd.DataFrame, features: Path, augmented_features: Path, copies: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of `with_augmented_rows` and their features, float32 (n, width), from the two files of the stage `features`."""
    rows = with_augmented_rows(dataset, copies)
    table = read_features(features, len(dataset))
    if not copies:
        return rows, table
    return rows, np.concatenate([table, read_features(augmented_features, len(rows) - len(dataset))])


def augment_image(image: np.ndarray, key: np.ndarray, params: AugmentParams) -> np.ndarray:
    """Compute one copy of uint8 (side, side, 3); `key` is its (title_id, no, copy). Areas from outside the image repeat its border."""
    generator = np.random.default_rng([params.seed, *key.tolist()])
    side = len(image)
    matrix = random_transform(generator, params, side)
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def random_transform(generator: np.random.Generator, params: AugmentParams, side: int) -> np.ndarray:
    """Draw an affine map about the centre, float64 (2, 3): zoom, shear, flips, rotation and shift, uniform in their bounds."""
    angle = np.deg2rad(generator.uniform(-params.rotation, params.rotation))
    shift = generator.uniform(-params.shift, params.shift, 2) * side
    shear = generator.uniform(-params.shear, params.shear)
    zoom = generator.uniform(1 - params.zoom, 1 + params.zoom, 2)
    flips = np.where(generator.random(2) < 0.5, -1.0, 1.0) if params.flip else np.ones(2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotation @ np.array([[1, shear], [0, 1]]) @ np.diag(zoom * flips)
    centre = np.full(2, (side - 1) / 2)
    return np.column_stack([linear, centre + shift - linear @ centre])
