"""webtoon_genre/experiments/folds.py: every row is predicted once, by heads that were not trained on it."""

import numpy as np
import pandas as pd
import pytest

from webtoon_genre.data.tables import DATASET
from webtoon_genre.experiments.folds import fold_tasks, folds_by_image, folds_by_title, merge_folds
from webtoon_genre.experiments.probe import Predictions, ProbeTask

FOLDS = 5


@pytest.fixture
def dataset() -> pd.DataFrame:
    """Twenty titles in two genres; title t has t modulo 4 + 1 images."""
    rows = [
        (title, no, ["thin", "bold"][title % 2], title % 2, "train", title)
        for title in range(20)
        for no in range(1, title % 4 + 2)
    ]
    return pd.DataFrame(rows, columns=DATASET.names)


def with_a_later_title(dataset: pd.DataFrame) -> pd.DataFrame:
    later = dataset[dataset["title_id"] == 0].assign(title_id=99, group=99)
    return pd.concat([dataset, later], ignore_index=True)


def test_folds_by_title_hold_whole_titles_those_of_each_genre_evenly(dataset):
    folds = pd.Series(folds_by_title(dataset, FOLDS, 77))
    assert folds.groupby(dataset["title_id"]).nunique().max() == 1
    titles = dataset.assign(fold=folds).drop_duplicates("title_id")
    assert (titles.groupby(["genre", "fold"]).size() == 2).all()


def test_folds_by_image_divide_the_images_of_each_title(dataset):
    folds = pd.Series(folds_by_image(dataset, FOLDS, 77))
    images = dataset.assign(fold=folds)
    assert (images.groupby("title_id")["fold"].nunique() == images.groupby("title_id").size()).all()
    assert set(folds) == set(range(FOLDS))


def test_rows_of_one_image_under_two_genres_share_a_fold(dataset):
    twice = pd.concat([dataset, dataset.assign(genre="both", label=2)], ignore_index=True)
    folds = folds_by_image(twice, FOLDS, 77)
    np.testing.assert_array_equal(folds[: len(dataset)], folds[len(dataset) :])


@pytest.mark.parametrize("function", [folds_by_title, folds_by_image])
def test_a_new_title_moves_no_other_and_the_seed_decides(dataset, function):
    folds = function(dataset, FOLDS, 77)
    np.testing.assert_array_equal(function(with_a_later_title(dataset), FOLDS, 77)[: len(dataset)], folds)
    np.testing.assert_array_equal(function(dataset[::-1], FOLDS, 77)[::-1], folds)
    assert not np.array_equal(function(dataset, FOLDS, 78), folds)


def test_each_row_is_tested_once_and_never_trained_on_in_that_fold(dataset):
    rows = np.arange(len(dataset))
    labels, groups = (dataset[name].to_numpy() for name in ("label", "group"))
    task = ProbeTask(np.zeros((len(rows), 1), np.float32), labels, groups, ["thin", "bold"], rows, rows, rows)
    tasks = fold_tasks(task, folds_by_title(dataset, FOLDS, 77))
    np.testing.assert_array_equal(np.sort(np.concatenate([fold.test for fold in tasks])), rows)
    for fold in tasks:
        np.testing.assert_array_equal(np.sort(np.concatenate([fold.train, fold.val, fold.test])), rows)
        assert not set(groups[fold.test]) & set(groups[fold.train])
    predictions = [
        Predictions(np.zeros((2, len(fold.val), 2)), np.full((2, len(fold.test), 2), fold.test[:, None]))
        for fold in tasks
    ]
    np.testing.assert_array_equal(merge_folds(tasks, predictions)[1, :, 0], rows)
