"""Cross-validation of probes: every row is predicted once by heads that were not trained on it; no files.

Folds are assigned in blocks as the dataset's split is (data/splits.py): by title, no title is in two folds, and titles of each genre are
evenly distributed; by image, the images of each title are. A new title moves no other.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from webtoon_genre.data.splits import assign_in_blocks
from webtoon_genre.experiments.probe import Predictions, ProbeTask


def folds_by_title(dataset: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, int (n,), whole titles; a title of several genres counts for its alphabetically first."""
    genre_of = dataset.groupby("group")["genre"].min().sort_index()
    fold_of = pd.concat([folds_of(titles, folds, seed, genre) for genre, titles in genre_of.groupby(genre_of)])
    return dataset["group"].map(fold_of).to_numpy(np.int64)


def folds_by_image(dataset: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, int (n,): the images of each title are evenly distributed; rows of one image share a fold."""
    images = dataset[["group", "no"]].drop_duplicates().sort_values(["group", "no"]).set_index(["group", "no"])
    parts = [folds_of(rows, folds, seed, title) for title, rows in images.groupby(level="group")]
    keys = pd.MultiIndex.from_frame(dataset[["group", "no"]])
    return pd.concat(parts).loc[keys].to_numpy(np.int64)


def folds_of(items: pd.DataFrame | pd.Series, folds: int, seed: int, stratum: object) -> pd.Series:
    """The fold of each item of a stratum, by the item's index."""
    names = [str(fold) for fold in range(folds)]
    return pd.Series(assign_in_blocks(len(items), names, seed, str(stratum)), items.index).astype(int)


def fold_tasks(task: ProbeTask, folds: np.ndarray) -> list[ProbeTask]:
    """A task for each fold, its test rows, trained on the others but for the next one, which decides when to stop."""
    numbers = np.unique(folds)
    return [
        replace(
            task,
            train=np.flatnonzero((folds != fold) & (folds != stop)),
            val=np.flatnonzero(folds == stop),
            test=np.flatnonzero(folds == fold),
        )
        for fold, stop in zip(numbers, np.roll(numbers, -1), strict=True)
    ]


def merge_folds(tasks: Sequence[ProbeTask], predictions: Sequence[Predictions]) -> np.ndarray:
    """Probabilities of every row by the heads that were not trained on it, float32 (seeds, n, k)."""
    seeds, _, classes = predictions[0].test.shape
    probabilities = np.zeros((seeds, len(tasks[0].labels), classes), np.float32)
    for task, part in zip(tasks, predictions, strict=True):
        probabilities[:, task.test] = part.test
    return probabilities
