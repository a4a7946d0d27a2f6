"""webtoon_genre/evaluation/bootstrap.py: intervals over titles, of scores and of differences between two models, and their words."""

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


@given(st.integers(0, 2**32 - 1))
def test_the_interval_of_twenty_titles_contains_the_accuracy(seed):
    generator = rng(seed)
    hits, groups = generator.random(160) < 0.5, np.repeat(np.arange(20), 8)
    low, high = bootstrap.accuracy_interval(hits, groups, generator)
    assert low < hits.mean() < high


def test_the_interval_is_wider_where_the_images_of_a_title_are_all_correct_or_all_wrong():
    hits = np.repeat([True, False], 80)
    mixed = bootstrap.accuracy_interval(hits, np.tile(np.arange(20), 8), rng(0))
    equal = bootstrap.accuracy_interval(hits, np.repeat(np.arange(20), 8), rng(0))
    assert equal[1] - equal[0] > 2 * (mixed[1] - mixed[0])


def test_the_interval_of_many_equal_titles_is_that_of_the_normal_approximation():
    hits = np.tile([True, False], 200)
    low, high = bootstrap.accuracy_interval(hits, np.arange(400), rng(0))
    assert [low, high] == pytest.approx([0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025], abs=0.006)


def test_one_seed_gives_one_interval():
    hits, groups = np.tile([True, True, False], 20), np.repeat(np.arange(12), 5)
    first, second = (bootstrap.accuracy_interval(hits, groups, rng(77)) for _ in range(2))
    assert first == second


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


@given(st.integers(0, 2**32 - 1))
def test_a_mean_difference_is_the_mean_of_the_differences(seed):
    generator = rng(seed)
    comparisons = []
    for rows in (5, 9, 30):
        groups = generator.integers(8, size=rows)
        comparisons.append(bootstrap.Hits(groups, *(generator.random((2, rows)) < share for share in (0.7, 0.4))))
    result = bootstrap.mean_difference(comparisons, rng())
    differences = [hits.model.mean() - hits.reference.mean() for hits in comparisons]
    assert result["difference"] == pytest.approx(np.mean(differences))
    assert result["titles"] == len(np.unique(np.concatenate([hits.groups for hits in comparisons])))


def test_a_mean_over_equal_comparisons_has_the_interval_of_one():
    groups = np.repeat(np.arange(20), 5)
    hits = bootstrap.Hits(groups, *(rng(seed).random((1, 100)) < 0.5 for seed in (1, 2)))
    one, three = (bootstrap.mean_difference([hits] * number, rng()) for number in (1, 3))
    np.testing.assert_allclose(three["interval"], one["interval"], atol=1e-12)
    assert one["interval"][0] < one["difference"] < one["interval"][1]


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


def test_a_value_is_written_with_its_interval_and_its_titles():
    assert bootstrap.format_value(0.7384, [0.64, 0.8196], 62) == "0.738 [0.640, 0.820], 62 titles"
    assert bootstrap.format_value(0, (0, 1), 1) == "0.000 [0.000, 1.000], 1 title"


def test_a_difference_is_written_with_signs():
    change = {"difference": 0.05, "interval": [-0.01, 0.09], "titles": 62}
    assert bootstrap.describe(change) == "+0.050 [-0.010, +0.090], 62 titles"


def test_metrics_hold_numbers_as_such_and_intervals_as_text():
    assert bootstrap.value_metrics("accuracy", 0.7384, [0.64, 0.82], 62) == {
        "accuracy": 0.7384,
        "accuracy_interval": "[0.640, 0.820], 62 titles",
    }
    change = {"difference": 0.05, "interval": [-0.01, 0.09], "titles": 62}
    assert bootstrap.change_metrics("gain", change) == {"gain": 0.05, "gain_interval": "[-0.010, +0.090], 62 titles"}


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ([0.01, 0.2], "a gain, +0.050 [+0.010, +0.200], 10 titles"),
        ([-0.2, -0.01], "a loss, +0.050 [-0.200, -0.010], 10 titles"),
        ([-0.1, 0.2], "no difference shown, +0.050 [-0.100, +0.200], 10 titles"),
        ([0.0, 0.0], "no difference shown, +0.050 [+0.000, +0.000], 10 titles"),
    ],
)
def test_a_verdict_says_no_more_than_the_interval(interval, words):
    change = {"difference": 0.05, "interval": interval, "titles": 10}
    assert bootstrap.verdict(change) == words
    sentence = bootstrap.conclusion("accuracy of focal against none", change)
    assert sentence == f"accuracy of focal against none: {words}"


def change(low, titles, difference=0.05):
    return {"difference": difference, "interval": [low, low + 0.2], "titles": titles}


@pytest.mark.parametrize("low", [0.01, -0.1, -0.3])
def test_an_interval_over_few_titles_is_shown_and_decides_nothing(low):
    words = f"too few titles to tell, +0.050 [{low:+.3f}, {low + 0.2:+.3f}], 6 titles"
    assert bootstrap.verdict(change(low, 6)) == words
    assert not bootstrap.is_gain(change(low, 9))


def test_differences_count_the_titles_behind_them():
    labels, groups = np.array([0, 0, 1, 1, 0]), np.array([7, 7, 7, 8, 9])
    model = np.zeros((1, 5), np.int64)
    result = bootstrap.paired_difference(labels, groups, model, model, ["a", "b"], rng())
    assert result["accuracy"]["titles"] == result["balanced_accuracy"]["titles"] == 3
    assert {genre: record["titles"] for genre, record in result["recall"].items()} == {"a": 2, "b": 2}


PAIRS, BEATS = ("pair", "pairs"), ("beats", "beat")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([], "no pairs to compare"),
        ([(0.1, 12), (0.1, 10), (-0.1, 30)], "2 of 3 pairs beat the model (interval above 0)"),
        ([(0.1, 12)], "1 of 1 pair beats the model (interval above 0)"),
        ([(0.1, 2), (0.1, 6)], "too few test titles (2 to 6) to tell whether any of 2 pairs beats the model"),
        ([(0.1, 1)], "too few test titles (1) to tell whether the pair beats the model"),
        (
            [(0.1, 12), (0.1, 3), (0.2, 9)],
            "1 of 1 pair with 10 test titles or more beats the model (interval above 0); 2 with fewer test titles can't tell",
        ),
    ],
)
def test_a_tally_counts_gains_among_comparisons_with_enough_titles(changes, sentence):
    assert bootstrap.tally([change(*values) for values in changes], PAIRS, BEATS, "the model") == sentence


def test_a_figure_s_note_appears_only_with_few_titles():
    assert bootstrap.few_titles_note([10, 40]) == ""
    assert bootstrap.few_titles_note(iter([9, 40])) == "\npale: fewer than 10 test titles, too few to tell"
