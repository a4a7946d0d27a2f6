"""Every labelled image with its side of the split: train, val or test, no title on two sides unless asked for.

Reads:  data/labels.parquet, data/mean.npz
Writes: data/dataset.parquet, metrics/split.json
Params: split

Membership is webtoon_genre/data/splits.py's; `group` is what may not be spread when `split.by` is title: the title. A mean that
was not computed from exactly the train rows is refused, since it would leak the others into training.
"""

from typing import Any

import pandas as pd

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.data import splits
from webtoon_genre.data.mean_image import read_mean_image, rows_digest
from webtoon_genre.data.splits import SPLITS, SplitParams
from webtoon_genre.data.tables import DATASET, LABELS, read_table, write_table


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    split: SplitParams


def split(labels: pd.DataFrame, rule: SplitParams) -> pd.DataFrame:
    """`labels` with the columns split and group; InputError where a genre has no image on one of the sides."""
    dataset = labels.assign(split=splits.assign_splits(labels, rule), group=labels["title_id"])
    images = counts(dataset)
    for genre, sides in images.items():
        if missing := [side for side in SPLITS if not sides[side]]:
            titles = labels.loc[labels["genre"] == genre, "title_id"].nunique()
            raise InputError(
                f"genre {genre!r} has no image in {missing[0]}: its {titles} titles do not fill the split; "
                f"crawl more of it, leave it out of label.genres, or set split.by: image"
            )
    return dataset


def counts(dataset: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Images by genre and side, zeros included."""
    table = pd.crosstab(dataset["genre"], dataset["split"]).reindex(columns=SPLITS, fill_value=0)
    return {str(genre): {side: int(row[side]) for side in SPLITS} for genre, row in table.iterrows()}


def summary(dataset: pd.DataFrame) -> dict[str, Any]:
    """metrics/split.json: images and titles on each side, and images by genre."""
    sides = dataset.groupby("split")
    return {
        "images": sides.size().to_dict(),
        "titles": sides["title_id"].nunique().to_dict(),
        "titles_on_two_sides": int((dataset.groupby("title_id")["split"].nunique() > 1).sum()),
        "images_by_genre": counts(dataset),
    }


def main() -> None:
    """Split, and check the mean against the result."""
    dataset = split(read_table(paths.LABELS, LABELS), params.read(Params).split)
    if read_mean_image(paths.MEAN).rows != rows_digest(dataset[dataset["split"] == "train"]):
        raise InputError(
            f"{paths.MEAN} was not computed from exactly this split's train rows; run `dvc repro zero_center`"
        )
    write_table(dataset, DATASET, paths.DATASET)
    write_json(paths.metrics("split"), summary(dataset))


if __name__ == "__main__":
    run(main, "split")
