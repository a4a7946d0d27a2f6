"""Pooled features of many images from a frozen feature extractor, batch by batch into the caller's arrays; no paths, no files."""

from collections.abc import Sequence

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
    starts = range(0, len(rows), batch)

    def read(start: int) -> np.ndarray:
        return images.take(rows.iloc[start : start + batch]).astype(np.float32) - mean  # (batch, side, side, 3)

    batches = zip(starts, prefetch(read, starts), strict=True)
    for start, pixels in track(batches, len(starts), label, "batches"):
        pooled = forward(pixels)
        check_batch(pooled, f"{label}: features of", start, len(rows))
        for out, values in zip(outs, pooled, strict=True):
            out[start : start + batch] = values
