"""webtoon_genre/evaluation/metrics.py: scores worked out by hand, equal to scikit-learn's, and their edge cases."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from webtoon_genre.core.errors import InputError
from webtoon_genre.evaluation.metrics import (
    balanced_accuracy,
    confusion_matrix,
    kappa,
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
def predictions(draw):
    """Labels int (n,), probabilities float (n, k) and groups int (n,); all that can occur."""
    classes, rows = draw(st.integers(2, 5)), draw(st.integers(1, 30))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = generator.integers(classes, size=rows).astype(np.int8)
    return labels, generator.dirichlet(np.ones(classes), rows), generator.integers(6, size=rows)


def score(labels, probabilities, groups, seed=0):
    genres = [f"g{label}" for label in range(probabilities.shape[1])]
    return score_rows(labels, probabilities, groups, genres, np.random.default_rng(seed))


def certain(labels, classes):
    return np.eye(classes)[labels]


def test_the_confusion_matrix_counts_true_by_predicted():
    assert confusion_matrix(LABELS, predicted_labels(PROBABILITIES), 3).tolist() == COUNTS.tolist()


def test_int8_labels_of_many_genres_do_not_overflow():
    labels = np.arange(100, dtype=np.int8)
    assert (confusion_matrix(labels, labels, 100) == np.eye(100)).all()


def test_scores_of_a_small_matrix_are_those_worked_out_by_hand():
    scores = score_rows(LABELS, PROBABILITIES, np.arange(5), GENRES, np.random.default_rng(0))
    assert scores["accuracy"] == pytest.approx(3 / 5)
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scores["top2_accuracy"] == pytest.approx(4 / 5)
    assert scores["log_loss"] == pytest.approx(-np.log([0.7, 0.6, 0.1, 0.5, 0.1]).mean(), rel=1e-6)
    assert (scores["images"], scores["groups"]) == (5, 5)


def test_a_genre_without_rows_that_is_never_predicted_scores_zero():
    assert scores_per_genre(COUNTS, np.zeros(len(COUNTS), int), GENRES)["pure"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 0,
        "titles": 0,
    }


def test_precision_divides_by_predicted_and_recall_by_true():
    scores = scores_per_genre(np.array([[3, 1], [0, 4]]), np.array([2, 1]), GENRES[:2])
    assert scores["comic"] == {"precision": 1.0, "recall": 0.75, "f1": pytest.approx(6 / 7), "support": 4, "titles": 2}
    assert scores["drama"] == {"precision": 0.8, "recall": 1.0, "f1": pytest.approx(8 / 9), "support": 4, "titles": 1}


def test_a_predicted_genre_without_rows_lowers_macro_f1_but_not_balanced_accuracy():
    counts = np.array([[1, 0, 1], [0, 2, 0], [0, 0, 0]])
    assert balanced_accuracy(counts) == pytest.approx((1 / 2 + 1) / 2)
    assert macro_f1(counts) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_the_first_of_equally_probable_genres_counts():
    ties = np.full((2, 3), 1 / 3)
    assert predicted_labels(ties).tolist() == [0, 0]
    assert top_accuracy(np.array([1, 2]), ties, 2) == 0.5


def test_a_true_label_of_probability_zero_costs_the_clipped_loss_and_not_infinity():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(-np.log(1e-7))


def test_a_single_genre_without_errors_has_kappa_zero():
    assert kappa(np.array([[3, 0], [0, 0]])) == 0.0


@given(predictions())
def test_scores_equal_those_of_scikit_learn_on_labels_and_predictions(case):
    labels, probabilities, groups = case
    scores, predicted = score(labels, probabilities, groups), probabilities.argmax(axis=1)
    classes = range(probabilities.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # predicted labels without rows
        precision, recall, f1, support = metrics.precision_recall_fscore_support(
            labels, predicted, labels=classes, zero_division=0.0
        )
        assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
        assert scores["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
        assert scores["macro_f1"] == pytest.approx(
            metrics.f1_score(labels, predicted, average="macro", zero_division=0.0)
        )
        assert scores["log_loss"] == pytest.approx(metrics.log_loss(labels, probabilities, labels=classes), abs=1e-6)
    assert [list(row.values())[:4] for row in scores["per_genre"].values()] == [
        pytest.approx(list(row)) for row in zip(precision, recall, f1, support, strict=True)
    ]


@given(predictions())
def test_kappa_equals_that_of_scikit_learn(case):
    labels, probabilities, _ = case
    predicted = probabilities.argmax(axis=1)
    if len({*labels, *predicted}) > 1:  # scikit-learn's is nan for one label
        expected = metrics.cohen_kappa_score(labels, predicted)
        assert kappa(confusion_matrix(labels, predicted, probabilities.shape[1])) == pytest.approx(expected, abs=1e-12)


@given(predictions(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(case, random):
    order = list(range(len(case[0])))
    random.shuffle(order)
    ordered, shuffled = score(*case), score(*(array[order] for array in case))
    assert shuffled.pop("log_loss") == pytest.approx(ordered.pop("log_loss"))
    assert shuffled == ordered


@given(predictions())
def test_perfect_predictions_score_one(case):
    labels, probabilities, groups = case
    scores = score(labels, certain(labels, probabilities.shape[1]), groups)
    assert [scores[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "top2_accuracy")] == [1.0] * 4
    assert scores["accuracy_interval"] == [1.0, 1.0]
    assert scores["log_loss"] == 0.0


@given(predictions())
def test_top_two_accuracy_is_at_least_the_accuracy(case):
    scores = score(*case)
    assert scores["accuracy"] <= scores["top2_accuracy"] <= 1.0


def test_val_and_test_rows_are_scored_separately_and_train_rows_not_at_all():
    rows = pd.DataFrame({"label": [0, 1, 0, 1], "split": ["val", "val", "test", "train"], "group": [1, 2, 3, 4]})
    scores = score_splits(rows, certain(np.array([0, 0, 1, 1]), 2), GENRES[:2], 0)
    assert [(split, scores[split]["images"], scores[split]["accuracy"]) for split in scores] == [
        ("val", 2, 0.5),
        ("test", 1, 0.0),
    ]


def test_a_split_without_rows_is_one_line_of_error():
    rows = pd.DataFrame({"label": [0], "split": ["val"], "group": [1]})
    with pytest.raises(InputError) as error:
        score_splits(rows, np.ones((1, 2)), GENRES[:2], 0)
    assert str(error.value) == (
        "the dataset has no test rows of 1; add titles (five a genre fill every split) or change split.ratios"
    )
