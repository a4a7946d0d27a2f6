"""webtoon_genre/evaluation/bootstrap.py: differences between two models on the same rows, with intervals over titles."""

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
def predictions(draw):
    """Labels, groups, and the predictions of two models with three seeds each."""
    generator = rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(2, 40))
    labels, groups = generator.integers(3, size=rows), generator.integers(6, size=rows)
    return (
        labels,
        groups,
        *(np.where(generator.random((3, rows)) < 0.6, labels, generator.integers(3, size=(3, rows))) for _ in "ab"),
    )


@given(predictions())
def test_differences_are_those_of_the_scores_averaged_over_seeds(case):
    labels, groups, first, second = case
    difference = bootstrap.paired_difference(labels, groups, first, second, GENRES, rng())
    matrices = [[confusion_matrix(labels, seed, 3) for seed in model] for model in (first, second)]
    accuracy = (first == labels).mean() - (second == labels).mean()
    balanced = np.subtract(*(np.mean([balanced_accuracy(counts) for counts in model]) for model in matrices))
    recall = np.subtract(*(np.mean([recalls(counts) for counts in model], axis=0) for model in matrices))
    assert difference["accuracy"]["difference"] == pytest.approx(accuracy)
    assert difference["balanced_accuracy"]["difference"] == pytest.approx(balanced)
    assert set(difference["recall"]) == {GENRES[label] for label in set(labels)}
    for label in set(labels):
        assert difference["recall"][GENRES[label]]["difference"] == pytest.approx(recall[label])


@given(predictions())
def test_a_model_does_not_differ_from_itself_and_swapping_models_changes_the_sign(case):
    labels, groups, first, second = case
    same = bootstrap.paired_difference(labels, groups, first, first, GENRES, rng())
    assert same["accuracy"] == {"difference": 0, "interval": [0, 0], "titles": len(set(groups))}
    assert same["balanced_accuracy"] == {"difference": 0, "interval": [0, 0], "titles": len(set(groups))}
    forward, backward = (
        bootstrap.paired_difference(labels, groups, *pair, GENRES, rng())["accuracy"]
        for pair in ((first, second), (second, first))
    )
    assert forward["difference"] == pytest.approx(-backward["difference"])
    np.testing.assert_allclose(forward["interval"], [-bound for bound in backward["interval"][::-1]], atol=1e-12)


def test_the_interval_is_that_of_titles_and_not_of_images():
    groups = np.repeat(np.arange(10), 100)
    labels = np.zeros(1000, np.int64)
    reference = np.ones((1, 1000), np.int64)
    predicted = np.where(groups < 5, 0, 1)[None]  # all images of five titles are correct
    difference = bootstrap.paired_difference(labels, groups, predicted, reference, GENRES, rng())
    low, high = difference["accuracy"]["interval"]
    assert low <= 0.2  # the 2.5 % quantile of ten coins; a thousand images would give 0.47
    assert high >= 0.8


def test_the_interval_covers_the_true_difference_about_as_often_as_its_confidence():
    """Draw forty titles whose differences are normal about 0.1, 200 times; 95 % of the intervals should cover 0.1."""
    covered = 0
    for seed in range(200):
        generator = rng(seed)
        groups = np.repeat(np.arange(40), 25)
        share = np.clip(0.5 + generator.normal(0.1, 0.15, 40), 0, 1)[groups]
        labels = np.zeros(1000, np.int64)
        predicted = (generator.random((1, 1000)) >= share).astype(np.int64)
        reference = (generator.random((1, 1000)) >= 0.5).astype(np.int64)
        difference = bootstrap.paired_difference(labels, groups, predicted, reference, ["a", "b"], generator)
        low, high = difference["accuracy"]["interval"]
        covered += low <= 0.1 <= high
    assert 0.88 <= covered / 200 <= 0.99


@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_auc_is_scikit_learn_s_averaged_over_seeds(seed, rows):
    generator = rng(seed)
    labels = np.r_[0, 1, generator.integers(2, size=rows)]
    probabilities = np.round(generator.random((3, len(labels))), 1)  # with ties
    result = bootstrap.roc_auc(labels, generator.integers(5, size=len(labels)), probabilities, rng())
    expected = np.mean([metrics.roc_auc_score(labels, seed) for seed in probabilities])
    assert result["auc"] == pytest.approx(expected)
    assert 0 <= result["auc_interval"][0] <= result["auc_interval"][1] <= 1


def test_auc_of_a_single_label_is_none():
    assert bootstrap.roc_auc(np.ones(3, int), np.arange(3), np.ones((1, 3)), rng()) == {
        "auc": None,
        "auc_interval": None,
    }


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ([0.01, 0.2], "a gain"),
        ([-0.2, -0.01], "a loss"),
        ([-0.1, 0.2], "no difference shown"),
        ([0.0, 0.0], "no difference shown"),
    ],
)
def test_a_verdict_says_no_more_than_the_interval(interval, verdict):
    sentence = bootstrap.conclusion(
        "accuracy of focal against none", {"difference": 0.05, "interval": interval, "titles": 10}
    )
    expected = f"accuracy of focal against none: +0.050 (95% CI {interval[0]:+.3f} to {interval[1]:+.3f}), {verdict}"
    assert sentence == expected


def change(low, titles, difference=0.05):
    return {"difference": difference, "interval": [low, low + 0.2], "titles": titles}


@pytest.mark.parametrize("low", [0.01, -0.1, -0.3])
def test_an_interval_over_few_titles_is_shown_and_decides_nothing(low):
    sentence = bootstrap.conclusion("accuracy of focal against none", change(low, 6))
    assert sentence == (
        f"accuracy of focal against none: +0.050 (95% CI {low:+.3f} to {low + 0.2:+.3f}), too few test titles (6) to tell"
    )
    assert not bootstrap.is_gain(change(low, 9))


def test_differences_count_the_titles_behind_them():
    labels, groups = np.array([0, 0, 1, 1, 0]), np.array([7, 7, 7, 8, 9])
    model = np.zeros((1, 5), np.int64)
    result = bootstrap.paired_difference(labels, groups, model, model, ["a", "b"], rng())
    assert result["accuracy"]["titles"] == result["balanced_accuracy"]["titles"] == 3
    assert {genre: record["titles"] for genre, record in result["recall"].items()} == {"a": 2, "b": 2}
    few, more = (bootstrap.TitleCounts.of(labels, ids, model, 2) for ids in (groups, np.arange(5)))
    assert bootstrap.unpaired_difference(more, few, "accuracy", rng(), rng())["titles"] == 3


PAIRS, BEATS = ("pair", "pairs"), ("beats", "beat")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([], "no pairs to compare"),
        ([(0.1, 12), (0.1, 10), (-0.1, 30)], "2 of 3 pairs beat the model (95% CI above 0)"),
        ([(0.1, 12)], "1 of 1 pair beats the model (95% CI above 0)"),
        ([(0.1, 2), (0.1, 6)], "too few test titles (2 to 6) to tell whether any of 2 pairs beats the model"),
        ([(0.1, 1)], "too few test titles (1) to tell whether the pair beats the model"),
        (
            [(0.1, 12), (0.1, 3), (0.2, 9)],
            "1 of 1 pair with 10 test titles or more beats the model (95% CI above 0); 2 with fewer test titles can't tell",
        ),
    ],
)
def test_a_tally_counts_gains_among_comparisons_with_enough_titles(changes, sentence):
    assert bootstrap.tally([change(*values) for values in changes], PAIRS, BEATS, "the model") == sentence


def test_a_figure_s_note_appears_only_with_few_titles():
    assert bootstrap.few_titles_note([10, 40]) == ""
    assert bootstrap.few_titles_note(iter([9, 40])) == "\nfewer than 10 test titles are too few to tell"
