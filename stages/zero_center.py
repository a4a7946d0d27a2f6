"""The mean image of the rows that the split's rule puts in train, with a digest of exactly those rows.

Reads:  data/resized/, data/labels.parquet
Writes: data/mean.npz (mean: float32 (side, side, 3), RGB; rows: the digest), plots/zero_center/mean.png
Params: split (the rule decides which rows are train's)
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from webtoon_genre.core import params
from webtoon_genre.core.command import run
from webtoon_genre.core.progress import track
from webtoon_genre.data import splits
from webtoon_genre.data.mean_image import MeanImage, rows_digest
from webtoon_genre.data.splits import SplitParams
from webtoon_genre.data.tables import LABELS, ThumbnailStore, read_table
from webtoon_genre.plotting import figures

CHUNK = 512  # images in memory at once


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    split: SplitParams


def mean_image(resized: ThumbnailStore, rows: pd.DataFrame) -> np.ndarray:
    """float32 (side, side, 3), RGB: the mean over `rows`, from exact integer sums, so that no order of rows changes it."""
    chunks = [rows.iloc[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    total = sum(
        resized.take(chunk).sum(axis=0, dtype=np.int64) for chunk in track(chunks, len(chunks), "mean", "chunks")
    )
    return (total / len(rows)).astype(np.float32)


def portrait(mean: np.ndarray, images: int) -> Figure:
    """The mean image, float32 (side, side, 3), RGB, as a picture of its own."""
    figure = figures.new_figure(3, 3.2)
    axes = figure.subplots()
    axes.imshow(mean.round().astype(np.uint8), interpolation="nearest")
    axes.set_title(f"mean of {images:,} train thumbnails", fontsize=9)
    axes.set_axis_off()
    return figure


def main(
    labels: Path = Path("data/labels.parquet"),
    resized: Path = Path("data/resized"),
    out: Path = Path("data/mean.npz"),
    plot: Path = Path("plots/zero_center/mean.png"),
) -> None:
    """Average the train images."""
    rule = params.read(Params).split
    rows = read_table(labels, LABELS)
    train = rows[splits.assign_splits(rows, rule) == "train"]
    mean = MeanImage(mean_image(ThumbnailStore(resized), train), rows_digest(train))
    mean.write(out)
    figures.save(portrait(mean.image, len(train)), plot)


if __name__ == "__main__":
    run(main, "zero_center")
