"""Images of different genres that look alike, by their perceptual hashes: a record for the metrics, and a sheet of pairs; no files."""

from typing import Any

import numpy as np
import pandas as pd

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.wording import count
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.experiments import near_duplicates
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure

LONGEST_LIST = 20  # pairs in the metrics


def search(dataset: pd.DataFrame, index: pd.DataFrame, distance: int) -> dict[str, Any]:
    """Images with different labels whose perceptual hashes differ in at most `distance` of 64 bits, or else the nearest ones.

    index: that of data/resized.
    """
    keys = ["title_id", "no"]
    hashes = dataset[keys].merge(index[[*keys, "perceptual_hash"]], on=keys, how="left", validate="many_to_one")
    if (missing := hashes["perceptual_hash"].isna()).any():
        raise InputError(
            f"data/resized lacks (title_id, no) {tuple(hashes.loc[missing, keys].iloc[0])}; run `dvc repro resize label`"
        )
    values, labels = near_duplicates.parse_hashes(hashes["perceptual_hash"]), dataset["label"].to_numpy(np.int64)
    pairs, images, examples = near_duplicates.cross_label_pairs(values, labels, distance)
    if not len(examples):
        examples = near_duplicates.nearest_cross_label(values, labels)
    return {
        "distance": distance,
        "pairs": pairs,
        "images": images,
        "nearest": [
            {
                "bits": int(bits),
                "one": describe_image(dataset, int(first)),
                "other": describe_image(dataset, int(second)),
            }
            for first, second, bits in examples[:LONGEST_LIST]
        ],
    }


def describe_image(dataset: pd.DataFrame, row: int) -> dict[str, Any]:
    """An image in the metrics."""
    image = dataset.iloc[row]
    return {"title_id": int(image["title_id"]), "no": int(image["no"]), "genre": str(image["genre"])}


def draw(metrics: dict[str, Any], resized: ThumbnailStore, most: int) -> Figure:
    """Draw near-duplicates with different labels, or else the nearest images, side by side; metrics: of `search`."""
    pairs = metrics["nearest"][:most]
    images = resized.take(pd.DataFrame([pair[side] for pair in pairs for side in ("one", "other")]))
    rows = [list(images[start : start + 2]) for start in range(0, len(images), 2)]
    names = [
        "\n".join([*(figures.shorten(pair[side]["genre"]) for side in ("one", "other")), f"{pair['bits']} bits"])
        for pair in pairs
    ]
    caption = "pairs of different genres, the nearest first; bits of 64 in which their perceptual hashes differ"
    return figures.sheet(rows, names, headline(metrics), caption)


def headline(metrics: dict[str, Any]) -> str:
    """How many images have a near-duplicate of another genre."""
    limit = f"within {metrics['distance']} of 64 bits"
    if metrics["images"]:
        return f"{count(metrics['images'], 'image')} with a near-duplicate of another genre ({limit})"
    return f"No near-duplicates of different genres ({limit}); the nearest differ in {metrics['nearest'][0]['bits']}"
