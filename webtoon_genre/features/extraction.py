"""Pooled features of many images from a frozen feature extractor, batch by batch into the caller's arrays; no paths, no files."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from webtoon_genre.core.progress import track
from webtoon_genre.data.augmentation import AugmentedThumbnails
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.features.finite import check_batch

if TYPE_CHECKING:
    import keras


def extract_features(
    extractor: "keras.Model",
    images: AugmentedThumbnails | ThumbnailStore,
    rows: pd.DataFrame,
    mean: np.ndarray,
    outs: Sequence[np.ndarray],
    batch: int,
    label: str,
) -> None:
    """Fill `outs`, one float32 (n, width) for each pooling, with the features of `rows`, `batch` images at a time.

    mean: float32 (side, side, 3), RGB, subtracted from the images. label: names the progress, and the features in an InputError where they
    are not finite.
    """
    fill_features((extract_batch(extractor, images, mean, part) for part in batches(rows, batch)), outs, batch, label)


def batches(rows: pd.DataFrame, batch: int) -> Iterator[pd.DataFrame]:
    """`rows` in parts of `batch`; the last one may be shorter."""
    return (rows.iloc[start : start + batch] for start in range(0, len(rows), batch))


def extract_batch(
    extractor: "keras.Model", images: AugmentedThumbnails | ThumbnailStore, mean: np.ndarray, rows: pd.DataFrame
) -> list[np.ndarray]:
    """The features of one batch of `rows`: float32 (n, width) for each pooling. Their last bits depend on which images are together."""
    pixels = images.take(rows)  # uint8 (n, side, side, 3)
    features = extractor.predict_on_batch(pixels.astype(np.float32) - mean)
    return features if isinstance(features, list) else [features]


def fill_features(features: Iterable[list[np.ndarray]], outs: Sequence[np.ndarray], batch: int, label: str) -> None:
    """Fill `outs` with the `features` of all batches, in order, as extract_features does."""
    starts, iterator = range(0, len(outs[0]), batch), iter(features)
    for start in track(starts, len(starts), label, "batches"):
        pooled = next(iterator)
        check_batch(pooled, f"{label}: features of", start, len(outs[0]))
        for out, values in zip(outs, pooled, strict=True):
            out[start : start + batch] = values
