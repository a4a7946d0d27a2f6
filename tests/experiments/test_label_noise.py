"""webtoon_genre/experiments/label_noise.py: label quality from out-of-fold predictions."""

import numpy as np
import pytest

from webtoon_genre.experiments import label_noise

GENRES = ["a", "b", "c", "d"]


def simulate(
    titles: int, predict, images: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, groups, folds and probabilities of `titles` titles of each genre; `predict(label, generator)` is the probable genre."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4).repeat(titles), images)
    groups = np.repeat(np.arange(4 * titles), images)
    predicted = np.array([predict(label, generator) for label in labels])
    probabilities = np.full((len(labels), 4), 0.05)
    probabilities[np.arange(len(labels)), predicted] = 0.85
    return labels, groups, np.arange(4 * titles) % 5, probabilities


def a_equals_b(label, generator):
    """A and b are indistinguishable, c and d are always right."""
    return generator.integers(2) if label < 2 else label


def any_genre(label, generator):
    """Half of the predictions are right, the others are any genre."""
    return label if generator.random() < 0.5 else generator.integers(4)


def shares(predict, **sizes):
    labels, groups, folds, probabilities = simulate(20, predict, **sizes)
    counts = label_noise.confusions(labels, groups, probabilities)
    return counts, label_noise.error_shares(counts, folds, np.zeros(len(counts), bool), np.random.default_rng(1))


def test_indistinguishable_genres_alone_have_an_interval_above_chance_and_rank_first():
    counts, _ = shares(a_equals_b)
    ratio, limits = label_noise.errors_over_chance(counts, np.random.default_rng(0))
    labels, _, _, probabilities = simulate(20, a_equals_b)
    joint = label_noise.confident_joint(labels, probabilities)
    titles = label_noise.pair_titles(counts)
    pairs = label_noise.rank_pairs(label_noise.overlaps(joint), ratio, limits, titles, GENRES)
    assert pairs[0]["genres"] == ["a", "b"]
    assert pairs[0]["errors_over_chance"] == pytest.approx(3.0)  # all errors, where a third is expected
    assert pairs[0]["overlap"] > 0.3
    assert [pair["genres"] for pair in pairs if pair["errors_over_chance_interval"][0] > 1] == [["a", "b"]]
    assert len(pairs) == 6
    assert {pair["titles"] for pair in pairs} == {40}


def test_errors_between_indistinguishable_genres_are_ambiguity_and_random_errors_are_not():
    _, ambiguous = shares(a_equals_b)
    assert ambiguous["ambiguity"] > 0.95
    assert ambiguous["overlap"] == 1.0
    _, random = shares(any_genre)
    assert random["ambiguity"] < 0.1


def test_random_predictions_show_no_ambiguity():
    _, random = shares(lambda label, generator: generator.integers(4))
    assert random["ambiguity"] < 0.1
    assert random["errors"] > 400


def test_the_interval_contains_the_score():
    _, metrics = shares(a_equals_b)
    low, high = metrics["ambiguity_interval"]
    assert 0 <= low <= metrics["ambiguity"] <= high <= 1
    assert metrics["errors"] == int((metrics["overlap"]) * metrics["errors"])


def test_without_errors_there_is_no_ambiguity():
    _, metrics = shares(lambda label, generator: label)
    assert metrics == {
        "errors": 0,
        "overlap": 0.0,
        "overlap_by_chance": 0.0,
        "ambiguity": 0.0,
        "ambiguity_interval": [0.0, 0.0],
        "in_flagged_titles": 0.0,
    }


def test_chance_distributes_errors_by_the_size_of_the_other_genres():
    counts = np.array([[6, 2, 2], [0, 4, 1], [0, 0, 5]])
    expected = label_noise.chance_errors(counts)
    np.testing.assert_allclose(expected, [[0, 2, 2], [1 * 10 / 15, 0, 1 * 5 / 15], [0, 0, 0]])
    np.testing.assert_allclose(expected.sum(axis=1), (counts * (1 - np.eye(3))).sum(axis=1))


def test_titles_with_a_wrong_label_are_flagged_and_rank_first():
    labels, groups, _, probabilities = simulate(
        20, lambda label, generator: label if generator.random() < 0.9 else generator.integers(4)
    )
    wrong = [3, 25, 61]
    for title in wrong:
        labels[groups == title] = (labels[groups == title] + 1) % 4
    titles = label_noise.rank_titles(label_noise.TitlePredictions.of(labels, groups, probabilities), GENRES)
    assert set(titles.loc[titles["flagged"], "title_id"]) == set(wrong)
    assert set(titles["title_id"].head(3)) == set(wrong)
    assert titles["quality"].is_monotonic_increasing
    first = titles.set_index("title_id").loc[3]
    assert (first["genre"], first["suggested"], first["images"]) == ("b", "a", 8)


def test_a_title_with_two_labels_has_an_entry_for_each():
    groups, labels = np.array([7, 7, 7, 9]), np.array([0, 1, 1, 0])
    titles = label_noise.TitlePredictions.of(labels, groups, np.eye(4)[[0, 1, 2, 0]])
    assert titles.groups.tolist() == [7, 7, 9]
    assert titles.labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(titles.probabilities[1], [0, 0.5, 0.5, 0])
    assert titles.images[titles.entry].tolist() == [1, 2, 2, 1]


def test_overlap_is_a_share_of_each_genre_not_of_all_images():
    np.testing.assert_allclose(label_noise.overlaps(np.array([[90, 10], [5, 5]])), [[0, 0.3], [0.3, 0]])
