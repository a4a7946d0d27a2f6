"""The mean image of the train rows, with a digest of exactly these rows.

Reads:  data/resized/, data/labels.parquet
Writes: data/mean.npz (mean: float32 (side, side, 3), RGB; rows: the digest), plots/zero_center/mean.png
Params: split (it determines the train rows)
"""

import numpy as np
import pandas as pd

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.core.progress import track
from webtoon_genre.data.mean_image import MeanImage, rows_digest
from webtoon_genre.data.splits import SplitParams, assign_splits
from webtoon_genre.data.tables import LABELS, ThumbnailStore, read_table
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure

CHUNK = 512  # images in memory at once


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    split: SplitParams


def mean_image(thumbnails: ThumbnailStore, rows: pd.DataFrame) -> np.ndarray:
    """Compute the mean over `rows`, float32 (side, side, 3), RGB, from exact integer sums, which do not depend on their order."""
    chunks = [rows.iloc[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    total = sum(
        thumbnails.take(chunk).sum(axis=0, dtype=np.int64) for chunk in track(chunks, len(chunks), "mean", "chunks")
    )
    return (total / len(rows)).astype(np.float32)


def draw_mean(mean: np.ndarray, images: int) -> Figure:
    """Draw the mean image, float32 (side, side, 3), RGB, of so many images."""
    figure = figures.new_figure(3.4, 2.8)
    axes = figure.subplots()
    axes.imshow(mean.round().astype(np.uint8), interpolation="nearest")
    axes.set_axis_off()
    figures.lay_out(figure, f"Mean of {images:,} train thumbnails", "subtracted from every thumbnail")
    return figure


def main() -> None:
    """Average the train images."""
    params = read(Params)
    rows = read_table(paths.LABELS, LABELS)
    train = rows[assign_splits(rows, params.split) == "train"]
    mean = MeanImage(mean_image(ThumbnailStore(paths.RESIZED), train), rows_digest(train))
    mean.write(paths.MEAN)
    figures.save(draw_mean(mean.image, len(train)), paths.plots("zero_center") / "mean.png")


if __name__ == "__main__":
    run(main, "zero_center")
