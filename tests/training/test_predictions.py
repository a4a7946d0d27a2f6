"""training/predictions.py: the table of predictions and its file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.training import predictions

GENRES = ["comic", "drama"]


@pytest.fixture
def dataset():
    """Six rows of three titles, one in each split."""
    splits = np.repeat(["train", "val", "test"], 2)
    columns = {"title_id": [1, 1, 2, 2, 3, 3], "no": [1, 2] * 3, "genre": ["comic", "drama"] * 3, "label": [0, 1] * 3}
    return pd.DataFrame({**columns, "split": splits, "group": [1, 1, 2, 2, 3, 3]})


@pytest.fixture
def table(dataset):
    """Predictions for the val and test rows: of each title the first as comic, the second as comic too."""
    probabilities = np.tile(np.array([[0.75, 0.25]], np.float32), (4, 1))
    return predictions.prediction_table(dataset.iloc[predictions.held_out(dataset)], probabilities, GENRES)


def test_the_table_has_the_held_out_rows_in_the_order_of_the_dataset(dataset, table):
    expected = dataset.iloc[2:].reset_index(drop=True)
    assert (table[expected.columns] == expected).all(axis=None)
    assert list(table.columns[6:]) == ["predicted", "p_comic", "p_drama"]
    assert table["predicted"].tolist() == ["comic"] * 4


def test_a_table_is_read_as_it_was_written(table, tmp_path):
    predictions.write_predictions(table, tmp_path / "a.parquet")
    again = predictions.read_predictions(tmp_path / "a.parquet")
    assert predictions.class_names(again) == GENRES
    assert (again == table).all(axis=None)
    assert (again[["p_comic", "p_drama"]].dtypes == np.float32).all()


def test_the_scores_are_those_of_val_and_test_rows(table):
    scores = predictions.score_table(table, seed=77)
    assert set(scores) == {"val", "test"}
    assert (scores["test"]["accuracy"], scores["test"]["images"], scores["test"]["groups"]) == (0.5, 2, 1)
    assert scores["test"]["log_loss"] == pytest.approx(-np.log(0.75 * 0.25) / 2, abs=1e-6)


def test_a_missing_file_is_one_line():
    with pytest.raises(InputError, match=r"^data/predictions/a\.parquet is not there; `dvc repro train` makes it$"):
        predictions.read_predictions(Path("data/predictions/a.parquet"))
