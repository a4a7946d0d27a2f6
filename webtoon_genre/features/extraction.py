"""What a frozen trunk says of every image: batch by batch into arrays that somebody else made; no paths, no files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from webtoon_genre.core.progress import track
from webtoon_genre.data.augmentation import AugmentedThumbnails
from webtoon_genre.data.tables import ThumbnailStore

if TYPE_CHECKING:
    import keras


def calibration_rows(dataset: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` train rows, evenly spaced over the table, so that every genre and many titles are among them."""
    train = dataset[dataset["split"] == "train"]
    places = np.linspace(0, len(train) - 1, min(count, len(train))).round().astype(int)
    return train.iloc[places]


def extract_features(
    body: "keras.Model",
    images: AugmentedThumbnails | ThumbnailStore,
    rows: pd.DataFrame,
    mean: np.ndarray,
    outs: Sequence[np.ndarray],
    batch: int,
    what: str,
) -> None:
    """Fill `outs`, each float32 (n, width), one a pooling, with the features of `rows`, `batch` at a time; `what` names the progress."""
    starts = range(0, len(rows), batch)
    for start in track(starts, len(starts), what, "batches"):
        shown = images.take(rows.iloc[start : start + batch])  # uint8 (batch, side, side, 3)
        said = body.predict_on_batch(shown.astype(np.float32) - mean)
        for out, each in zip(outs, said if isinstance(said, list) else [said], strict=True):
            out[start : start + batch] = each
