"""The dataset: every labelled image with its split, train, val or test; no title is in two splits unless `split.by` is image.

Reads:  data/labels.parquet, data/mean.npz
Writes: data/dataset.parquet, metrics/split.json
Params: split

webtoon_genre/data/splits.py assigns the splits; the column `group` is the title. A mean that was not computed from exactly the train
rows is an error: it would leak val and test images into training.
"""

from typing import Any

import pandas as pd

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.data.mean_image import read_mean_image, rows_digest
from webtoon_genre.data.split_counts import describe_short_genres
from webtoon_genre.data.splits import SPLITS, SplitParams, assign_splits
from webtoon_genre.data.tables import DATASET, LABELS, read_table, write_table


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    split: SplitParams


def split_dataset(labels: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """Add the columns split and group to `labels`; InputError that names the genres without an image in one of the splits."""
    if short := describe_short_genres(labels, params, "add pictures or crawl more of it"):
        raise InputError("; ".join(short))
    return labels.assign(split=assign_splits(labels, params), group=labels["title_id"])


def image_counts(dataset: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count images by genre and split, zeros included."""
    table = pd.crosstab(dataset["genre"], dataset["split"]).reindex(columns=SPLITS, fill_value=0)
    return {str(genre): {split: int(row[split]) for split in SPLITS} for genre, row in table.iterrows()}


def summary(dataset: pd.DataFrame) -> dict[str, Any]:
    """Return metrics/split.json: images and titles of each split, and images by genre."""
    splits = dataset.groupby("split")
    return {
        "images": splits.size().to_dict(),
        "titles": splits["title_id"].nunique().to_dict(),
        "titles_on_two_sides": int((dataset.groupby("title_id")["split"].nunique() > 1).sum()),
        "images_by_genre": image_counts(dataset),
    }


def main() -> None:
    """Split the labelled images, and check that the mean is of the train rows."""
    dataset = split_dataset(read_table(paths.LABELS, LABELS), read(Params).split)
    if read_mean_image(paths.MEAN).rows != rows_digest(dataset[dataset["split"] == "train"]):
        raise InputError(
            f"{paths.MEAN} was not computed from exactly this split's train rows; run `dvc repro zero_center`"
        )
    write_table(dataset, DATASET, paths.DATASET)
    write_json(paths.metrics("split"), summary(dataset))


if __name__ == "__main__":
    run(main, "split")
