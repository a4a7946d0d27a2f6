"""A dataset and features that separate its genres a little: the input of stages after `features`, without a backbone."""

from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.data.tables import DATASET, write_table

SIDES = ("train", "train", "train", "val", "test")


def write_dataset(workspace: Path, extra_genre: bool = False) -> pd.DataFrame:
    """10 titles of "thin" and 5 of "bold", 4 images each, and features that differ; `extra_genre` adds 5 titles of "round"."""
    genres = ["thin"] * 10 + ["bold"] * 5 + ["round"] * 5 * extra_genre
    names = list(dict.fromkeys(genres))
    rows = [
        (title, no, genre, names.index(genre), SIDES[title % 5], title)
        for title, genre in enumerate(genres)
        for no in range(4)
    ]
    dataset = pd.DataFrame(rows, columns=DATASET.names)
    write_table(dataset, DATASET, workspace / "data/dataset.parquet")
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 2, (3, 5))
    features = centres[dataset["label"]] + generator.normal(0, 1, (len(dataset), 5))
    (workspace / "data/features").mkdir(parents=True)
    np.save(workspace / "data/features/inception_v3.npy", features.astype(np.float32))
    return dataset
