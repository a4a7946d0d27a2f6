import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from webtoon_genre.core.errors import InputError
from webtoon_genre.evaluation.metrics import (
    accuracy_interval,
    balanced_accuracy,
    confusion_matrix,
    log_loss,
    macro_f1,
    predicted_labels,
    score_rows,
    score_splits,
    scores_per_genre,
    top_accuracy,
)

# Three genres; true 0: two hits, one taken for 1; true 1: one hit, one taken for 0; genre 2 has no rows and is never predicted.
LABELS = np.array([0, 0, 0, 1, 1])
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3], [0.5, 0.1, 0.4]], np.float32
)
COUNTS = np.array([[2, 1, 0], [1, 1, 0], [0, 0, 0]])
GENRES = ["comic", "drama", "pure"]


@st.composite
def answers(draw):
    """Labels int (n,), probabilities float (n, k) and groups int (n,), any that can occur."""
    classes, rows = draw(st.integers(2, 5)), draw(st.integers(1, 30))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = generator.integers(classes, size=rows).astype(np.int8)
    return labels, generator.dirichlet(np.ones(classes), rows), generator.integers(6, size=rows)


def score(labels, probabilities, groups, seed=0):
    genres = [f"g{label}" for label in range(probabilities.shape[1])]
    return score_rows(labels, probabilities, groups, genres, np.random.default_rng(seed))


def certain(labels, classes):
    return np.eye(classes)[labels]


def test_confusion_counts_true_by_predicted():
    assert confusion_matrix(LABELS, predicted_labels(PROBABILITIES), 3).tolist() == COUNTS.tolist()


def test_int8_labels_of_many_genres_do_not_overflow():
    labels = np.arange(100, dtype=np.int8)
    assert (confusion_matrix(labels, labels, 100) == np.eye(100)).all()


def test_scores_of_a_small_matrix_are_those_worked_out_by_hand():
    found = score_rows(LABELS, PROBABILITIES, np.arange(5), GENRES, np.random.default_rng(0))
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["top2_accuracy"] == pytest.approx(4 / 5)
    assert found["log_loss"] == pytest.approx(-np.log([0.7, 0.6, 0.1, 0.5, 0.1]).mean(), rel=1e-6)
    assert (found["images"], found["groups"]) == (5, 5)


def test_a_genre_without_rows_that_is_never_predicted_scores_zero():
    assert scores_per_genre(COUNTS, GENRES)["pure"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


def test_precision_divides_by_predicted_and_recall_by_true():
    found = scores_per_genre(np.array([[3, 1], [0, 4]]), GENRES[:2])
    assert found["comic"] == {"precision": 1.0, "recall": 0.75, "f1": pytest.approx(6 / 7), "support": 4}
    assert found["drama"] == {"precision": 0.8, "recall": 1.0, "f1": pytest.approx(8 / 9), "support": 4}


def test_a_genre_predicted_without_having_rows_lowers_macro_f1_but_not_balanced_accuracy():
    counts = np.array([[1, 0, 1], [0, 2, 0], [0, 0, 0]])
    assert balanced_accuracy(counts) == pytest.approx((1 / 2 + 1) / 2)
    assert macro_f1(counts) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_of_equally_probable_genres_the_first_counts():
    even = np.full((2, 3), 1 / 3)
    assert predicted_labels(even).tolist() == [0, 0]
    assert top_accuracy(np.array([1, 2]), even, 2) == 0.5


def test_an_impossible_truth_costs_the_clipped_loss_and_not_infinity():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(-np.log(1e-7))


@given(answers())
def test_scores_equal_those_of_scikit_learn(drawn):
    labels, probabilities, groups = drawn
    found, predicted = score(labels, probabilities, groups), probabilities.argmax(axis=1)
    every = range(probabilities.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # many classes in few rows: why our own exist
        precision, recall, f1, support = metrics.precision_recall_fscore_support(
            labels, predicted, labels=every, zero_division=0.0
        )
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
        assert found["macro_f1"] == pytest.approx(
            metrics.f1_score(labels, predicted, average="macro", zero_division=0.0)
        )
        assert found["log_loss"] == pytest.approx(metrics.log_loss(labels, probabilities, labels=every), abs=1e-6)
    assert [list(row.values()) for row in found["per_genre"].values()] == [
        pytest.approx(list(row)) for row in zip(precision, recall, f1, support, strict=True)
    ]


@given(answers(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(drawn, random):
    order = list(range(len(drawn[0])))
    random.shuffle(order)
    straight, shuffled = score(*drawn), score(*(each[order] for each in drawn))
    assert shuffled.pop("log_loss") == pytest.approx(straight.pop("log_loss"))
    assert shuffled == straight


@given(answers())
def test_perfect_predictions_score_one(drawn):
    labels, probabilities, groups = drawn
    found = score(labels, certain(labels, probabilities.shape[1]), groups)
    assert [found[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "top2_accuracy")] == [1.0] * 4
    assert found["accuracy_interval"] == [1.0, 1.0]
    assert found["log_loss"] == 0.0


@given(answers())
def test_the_second_guess_never_lowers_accuracy(drawn):
    found = score(*drawn)
    assert found["accuracy"] <= found["top2_accuracy"] <= 1.0


@given(st.integers(0, 2**32 - 1))
def test_the_interval_of_twenty_titles_holds_the_accuracy(seed):
    generator = np.random.default_rng(seed)
    hits, groups = generator.random(160) < 0.5, np.repeat(np.arange(20), 8)
    low, high = accuracy_interval(hits, groups, generator)
    assert low < hits.mean() < high


def test_the_interval_is_wider_where_a_titles_images_stand_and_fall_together():
    hits = np.repeat([True, False], 80)
    spread = accuracy_interval(hits, np.tile(np.arange(20), 8), np.random.default_rng(0))
    together = accuracy_interval(hits, np.repeat(np.arange(20), 8), np.random.default_rng(0))
    assert together[1] - together[0] > 2 * (spread[1] - spread[0])


def test_the_interval_is_what_the_normal_approximation_gives_for_many_equal_titles():
    hits = np.tile([True, False], 200)
    low, high = accuracy_interval(hits, np.arange(400), np.random.default_rng(0))
    assert [low, high] == pytest.approx([0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025], abs=0.006)


def test_one_seed_gives_one_interval():
    hits, groups = np.tile([True, True, False], 20), np.repeat(np.arange(12), 5)
    first, second = (accuracy_interval(hits, groups, np.random.default_rng(77)) for _ in range(2))
    assert first == second


def test_val_and_test_rows_are_scored_apart_and_train_rows_not_at_all():
    rows = pd.DataFrame({"label": [0, 1, 0, 1], "split": ["val", "val", "test", "train"], "group": [1, 2, 3, 4]})
    found = score_splits(rows, certain(np.array([0, 0, 1, 1]), 2), GENRES[:2], 0)
    assert [(side, found[side]["images"], found[side]["accuracy"]) for side in found] == [
        ("val", 2, 0.5),
        ("test", 1, 0.0),
    ]


def test_a_side_without_rows_is_one_clear_line():
    rows = pd.DataFrame({"label": [0], "split": ["val"], "group": [1]})
    with pytest.raises(InputError) as error:
        score_splits(rows, np.ones((1, 2)), GENRES[:2], 0)
    assert str(error.value) == (
        "the dataset has no test rows of 1; add titles (five a genre fill every part) or change split.ratios"
    )
