"""webtoon_genre/evaluation/bootstrap.py: differences of two models on the same rows, with intervals over titles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import balanced_accuracy, confusion_matrix, recalls

GENRES = ["a", "b", "c"]


def rng(seed=0):
    return np.random.default_rng(seed)


@st.composite
def answers(draw):
    """Labels, groups, and two models' predictions of three seeds each."""
    generator = rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(2, 40))
    labels, groups = generator.integers(3, size=rows), generator.integers(6, size=rows)
    return (
        labels,
        groups,
        *(np.where(generator.random((3, rows)) < 0.6, labels, generator.integers(3, size=(3, rows))) for _ in "ab"),
    )


@given(answers())
def test_differences_are_those_of_the_scores_averaged_over_seeds(case):
    labels, groups, one, other = case
    found = bootstrap.paired_difference(labels, groups, one, other, GENRES, rng())
    counts = [[confusion_matrix(labels, seed, 3) for seed in model] for model in (one, other)]
    accuracy = (one == labels).mean() - (other == labels).mean()
    balanced = np.subtract(*(np.mean([balanced_accuracy(each) for each in model]) for model in counts))
    recalls = np.subtract(*(np.mean([recalls(each) for each in model], axis=0) for model in counts))
    assert found["accuracy"]["difference"] == pytest.approx(accuracy)
    assert found["balanced_accuracy"]["difference"] == pytest.approx(balanced)
    assert set(found["recall"]) == {GENRES[label] for label in set(labels)}
    for label in set(labels):
        assert found["recall"][GENRES[label]]["difference"] == pytest.approx(recalls[label])


@given(answers())
def test_a_model_does_not_differ_from_itself_and_a_difference_has_two_sides(case):
    labels, groups, one, other = case
    same = bootstrap.paired_difference(labels, groups, one, one, GENRES, rng())
    assert same["accuracy"] == {"difference": 0, "interval": [0, 0]}
    assert same["balanced_accuracy"] == {"difference": 0, "interval": [0, 0]}
    ahead, behind = (
        bootstrap.paired_difference(labels, groups, *pair, GENRES, rng())["accuracy"]
        for pair in ((one, other), (other, one))
    )
    assert ahead["difference"] == pytest.approx(-behind["difference"])
    np.testing.assert_allclose(ahead["interval"], [-bound for bound in behind["interval"][::-1]], atol=1e-12)


def test_the_interval_is_that_of_titles_and_not_of_images():
    groups = np.repeat(np.arange(10), 100)
    labels = np.zeros(1000, np.int64)
    other = np.ones((1, 1000), np.int64)
    one = np.where(groups < 5, 0, 1)[None]  # half of the titles are all right
    low, high = bootstrap.paired_difference(labels, groups, one, other, GENRES, rng())["accuracy"]["interval"]
    assert low <= 0.2  # the 2.5 % quantile of ten coins; a thousand images would give 0.47
    assert high >= 0.8


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Forty titles whose own difference is normal about 0.1: 200 samples, of which 95 % should cover it."""
    covered = 0
    for seed in range(200):
        generator = rng(seed)
        groups = np.repeat(np.arange(40), 25)
        share = np.clip(0.5 + generator.normal(0.1, 0.15, 40), 0, 1)[groups]
        labels = np.zeros(1000, np.int64)
        one = (generator.random((1, 1000)) >= share).astype(np.int64)
        other = (generator.random((1, 1000)) >= 0.5).astype(np.int64)
        low, high = bootstrap.paired_difference(labels, groups, one, other, ["a", "b"], generator)["accuracy"][
            "interval"
        ]
        covered += low <= 0.1 <= high
    assert 0.88 <= covered / 200 <= 0.99


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_auc_is_scikit_learn_s_averaged_over_seeds(seed, rows):
    generator = rng(seed)
    labels = np.r_[0, 1, generator.integers(2, size=rows)]
    probabilities = np.round(generator.random((3, len(labels))), 1)  # with equals
    found = bootstrap.roc_auc(labels, generator.integers(5, size=len(labels)), probabilities, rng())
    expected = np.mean([metrics.roc_auc_score(labels, each) for each in probabilities])
    assert found["auc"] == pytest.approx(expected)
    assert 0 <= found["auc_interval"][0] <= found["auc_interval"][1] <= 1


def test_auc_of_one_label_alone_is_none():
    assert bootstrap.roc_auc(np.ones(3, int), np.arange(3), np.ones((1, 3)), rng()) == {
        "auc": None,
        "auc_interval": None,
    }


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ([0.01, 0.2], "a gain"),
        ([-0.2, -0.01], "a loss"),
        ([-0.1, 0.2], "no difference shown"),
        ([0.0, 0.0], "no difference shown"),
    ],
)
def test_a_verdict_says_no_more_than_the_interval(interval, said):
    sentence = bootstrap.conclusion("focal changes accuracy", {"difference": 0.05, "interval": interval})
    assert (
        sentence == f"focal changes accuracy by +0.050 (95% interval {interval[0]:+.3f} to {interval[1]:+.3f}): {said}"
    )
