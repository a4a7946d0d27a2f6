"""Predictions for val and test rows: their table and its file, and the scores that follow from it.

A table has the columns of data/dataset.parquet, then `predicted` (a genre) and p_<genre>, float32, the probability of each genre.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, write_table
from webtoon_genre.evaluation import bootstrap, temperature
from webtoon_genre.evaluation.detailed_scores import detailed_scores
from webtoon_genre.evaluation.metrics import HELD_OUT, predicted_labels, score_splits

PREFIX = "p_"  # of the columns of probabilities


def held_out(dataset: pd.DataFrame) -> np.ndarray:
    """The numbers of the val and test rows, int (m,), ascending."""
    return np.flatnonzero(dataset["split"].isin(HELD_OUT))


def prediction_table(rows: pd.DataFrame, probabilities: np.ndarray, genres: Sequence[str]) -> pd.DataFrame:
    """`rows` of the dataset with the predicted genre and the probability of each genre; probabilities: float32 (len(rows), genres)."""
    predicted = np.asarray(genres, object)[predicted_labels(probabilities)]
    columns = pd.DataFrame(probabilities, index=rows.index, columns=[f"{PREFIX}{genre}" for genre in genres])
    return pd.concat([rows.assign(predicted=predicted), columns], axis=1).reset_index(drop=True)


def write_predictions(table: pd.DataFrame, path: Path) -> None:
    """Write a table of predictions as Parquet."""
    columns = [(f"{PREFIX}{genre}", pa.float32()) for genre in class_names(table)]
    write_table(table, pa.schema([*DATASET, ("predicted", pa.string()), *columns]), path)


def read_predictions(path: Path, stage: str = "train") -> pd.DataFrame:
    """Read a table of predictions that `stage` wrote; InputError where there is none."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro {stage}` makes it")
    return pd.read_parquet(path)


def class_names(table: pd.DataFrame) -> list[str]:
    """The genres that the model knows, in the order of the labels."""
    return [name.removeprefix(PREFIX) for name in table.columns if name.startswith(PREFIX)]


def probabilities(table: pd.DataFrame) -> np.ndarray:
    """The probabilities of a table, float32 (rows, genres)."""
    return table[[f"{PREFIX}{genre}" for genre in class_names(table)]].to_numpy()


def score_table(table: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Scores of the val and test rows of a table; see metrics.score_splits."""
    return score_splits(table, probabilities(table), class_names(table), seed)


def detail_table(table: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Detailed scores of the test rows of a table, with the temperature that its val rows give; see detailed_scores."""
    test = table[table["split"] == "test"]
    labels, groups = (test[name].to_numpy(np.int64) for name in ("label", "group"))
    fitted = fit_temperature(table)
    return detailed_scores(labels, groups, probabilities(test), class_names(table), fitted, seed)


def fit_temperature(table: pd.DataFrame) -> float:
    """The temperature that fits the val rows of a table."""
    val = table[table["split"] == "val"]
    return temperature.fit(val["label"].to_numpy(np.int64), probabilities(val))


def accuracy_change(after: pd.DataFrame, before: pd.DataFrame, seed: int) -> dict[str, Any]:
    """The difference in test accuracy between two tables of predictions, paired by title."""
    rows = (after["split"] == "test").to_numpy()
    labels, groups = (after[name].to_numpy(np.int64)[rows] for name in ("label", "group"))
    genres = class_names(after)
    predicted, reference = (pd.Index(genres).get_indexer(table["predicted"])[None, rows] for table in (after, before))
    generator = np.random.default_rng(seed)
    return bootstrap.paired_difference(labels, groups, predicted, reference, genres, generator)["accuracy"]
