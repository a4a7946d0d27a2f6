"""The mean image of the rows that the split's rule puts in train, with a digest of exactly those rows.

Reads:  data/resized/, data/labels.parquet
Writes: data/mean.npz (mean: float32 (side, side, 3), RGB; rows: the digest), plots/zero_center/mean.png
Params: split (the rule decides which rows are train's)
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.lib import figures, params, partition
from stages.lib.command import run
from stages.lib.mean import Mean, digest
from stages.lib.partition import Rule
from stages.lib.progress import track
from stages.lib.thumbnails import LABELS, Resized, read_table

CHUNK = 512  # images in memory at once


class Params(params.File):
    """What this stage reads of params.yaml."""

    split: Rule


def mean_image(resized: Resized, rows: pd.DataFrame) -> np.ndarray:
    """float32 (side, side, 3), RGB: the mean over `rows`, from exact integer sums, so that no order of rows changes it."""
    chunks = [rows.iloc[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    total = sum(
        resized.take(chunk).sum(axis=0, dtype=np.int64) for chunk in track(chunks, len(chunks), "mean", "chunks")
    )
    return (total / len(rows)).astype(np.float32)


def portrait(mean: np.ndarray, images: int) -> Figure:
    """The mean image, float32 (side, side, 3), RGB, as a picture of its own."""
    figure = figures.blank(3, 3.2)
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
    train = rows[partition.assign(rows, rule) == "train"]
    mean = Mean(mean_image(Resized(resized), train), digest(train))
    mean.write(out)
    figures.save(portrait(mean.image, len(train)), plot)


if __name__ == "__main__":
    run(main, "zero_center")
