"""Pooled features of many images from a frozen feature extractor, batch by batch into the caller's arrays; no paths, no files."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from webtoon_genre.core.prefetch import prefetch
from webtoon_genre.core.progress import track
from webtoon_genre.data.augmentation import AugmentedThumbnails
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.features.engine import Forward
from webtoon_genre.features.finite import check_batch


def extract_features(
    forward: Forward,
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
    fill_features(extract_batches(forward, images, mean, batches(rows, batch)), outs, batch, label)


def batches(rows: pd.DataFrame, batch: int) -> Iterator[pd.DataFrame]:
    """`rows` in parts of `batch`; the last one may be shorter."""
    return (rows.iloc[start : start + batch] for start in range(0, len(rows), batch))


def extract_batches(
    forward: Forward, images: AugmentedThumbnails | ThumbnailStore, mean: np.ndarray, parts: Iterable[pd.DataFrame]
) -> Iterator[list[np.ndarray]]:
    """The features of each of `parts`, rows that are one batch: float32 (n, width) for each pooling; the next batch is read meanwhile.

    Their last bits depend on which images are together.
    """
    return map(forward, prefetch(lambda rows: images.take(rows).astype(np.float32) - mean, parts))


def fill_features(features: Iterable[list[np.ndarray]], outs: Sequence[np.ndarray], batch: int, label: str) -> None:
    """Fill `outs` with the `features` of all batches, in order, as extract_features does."""
    starts, iterator = range(0, len(outs[0]), batch), iter(features)
    for start in track(starts, len(starts), label, "batches"):
        pooled = next(iterator)
        check_batch(pooled, f"{label}: features of", start, len(outs[0]))
        for out, values in zip(outs, pooled, strict=True):
            out[start : start + batch] = values
