"""webtoon_genre/experiments/label_noise.py: what predictions out of fold tell of labels."""

import numpy as np
import pytest

from webtoon_genre.experiments import label_noise

GENRES = ["a", "b", "c", "d"]


def made(titles: int, answer, images: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels, groups, folds and surely answered probabilities: `titles` of each genre; `answer(label, generator)` is what is said."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4).repeat(titles), images)
    groups = np.repeat(np.arange(4 * titles), images)
    said = np.array([answer(label, generator) for label in labels])
    probabilities = np.full((len(labels), 4), 0.05)
    probabilities[np.arange(len(labels)), said] = 0.85
    return labels, groups, np.arange(4 * titles) % 5, probabilities


def two_alike(label, generator):
    """A and b are told apart by nothing, c and d always."""
    return generator.integers(2) if label < 2 else label


def any_other(label, generator):
    """Half the answers are right, the others fall on any genre."""
    return label if generator.random() < 0.5 else generator.integers(4)


def told(answer, **sizes):
    labels, groups, folds, said = made(20, answer, **sizes)
    counts = label_noise.confusions(labels, groups, said)
    return counts, label_noise.error_shares(counts, folds, np.zeros(len(counts), bool), np.random.default_rng(1))


def test_genres_drawn_alike_are_the_only_ones_beyond_doubt_and_come_first():
    counts, _ = told(two_alike)
    ratio, limits = label_noise.errors_over_chance(counts, np.random.default_rng(0))
    labels, _, _, said = made(20, two_alike)
    joint = label_noise.confident_joint(labels, said)
    pairs = label_noise.rank_pairs(label_noise.overlaps(joint), ratio, limits, GENRES)
    assert pairs[0]["genres"] == ["a", "b"]
    assert pairs[0]["errors_over_chance"] == pytest.approx(3.0)  # all errors, where a third is to be expected
    assert pairs[0]["overlap"] > 0.3
    assert [each["genres"] for each in pairs if each["interval"][0] > 1] == [["a", "b"]]
    assert len(pairs) == 6


def test_errors_between_genres_drawn_alike_are_ambiguity_and_errors_anywhere_are_not():
    _, all_of_it = told(two_alike)
    assert all_of_it["ambiguity"] > 0.95
    assert all_of_it["overlap"] == 1.0
    _, none_of_it = told(any_other)
    assert none_of_it["ambiguity"] < 0.1


def test_a_model_that_knows_nothing_finds_no_ambiguity():
    """Shuffled labels give chance."""
    _, found = told(lambda label, generator: generator.integers(4))
    assert found["ambiguity"] < 0.1
    assert found["errors"] > 400


def test_the_interval_holds_the_score_and_narrows_with_titles():
    _, few = told(two_alike)
    low, high = few["ambiguity_interval"]
    assert 0 <= low <= few["ambiguity"] <= high <= 1
    assert few["errors"] == int((few["overlap"]) * few["errors"])


def test_without_errors_there_is_no_ambiguity():
    _, found = told(lambda label, generator: label)
    assert found == {
        "errors": 0,
        "overlap": 0.0,
        "overlap_by_chance": 0.0,
        "ambiguity": 0.0,
        "ambiguity_interval": [0.0, 0.0],
        "in_flagged_titles": 0.0,
    }


def test_expected_errors_fall_on_other_genres_by_their_size():
    counts = np.array([[6, 2, 2], [0, 4, 1], [0, 0, 5]])
    expected = label_noise.chance_errors(counts)
    np.testing.assert_allclose(expected, [[0, 2, 2], [1 * 10 / 15, 0, 1 * 5 / 15], [0, 0, 0]])
    np.testing.assert_allclose(expected.sum(axis=1), (counts * (1 - np.eye(3))).sum(axis=1))


def test_titles_under_a_wrong_label_are_flagged_and_come_first():
    labels, groups, _, said = made(
        20, lambda label, generator: label if generator.random() < 0.9 else generator.integers(4)
    )
    wrong = [3, 25, 61]
    for title in wrong:
        labels[groups == title] = (labels[groups == title] + 1) % 4
    titles = label_noise.rank_titles(label_noise.TitlePredictions.of(labels, groups, said), GENRES)
    assert set(titles.loc[titles["flagged"], "title_id"]) == set(wrong)
    assert set(titles["title_id"].head(3)) == set(wrong)
    assert titles["quality"].is_monotonic_increasing
    first = titles.set_index("title_id").loc[3]
    assert (first["genre"], first["suggested"], first["images"]) == ("b", "a", 8)


def test_a_title_of_two_labels_stands_there_once_for_each():
    groups, labels = np.array([7, 7, 7, 9]), np.array([0, 1, 1, 0])
    titles = label_noise.TitlePredictions.of(labels, groups, np.eye(4)[[0, 1, 2, 0]])
    assert titles.groups.tolist() == [7, 7, 9]
    assert titles.labels.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(titles.said[1], [0, 0.5, 0.5, 0])
    assert titles.images[titles.unit].tolist() == [1, 2, 2, 1]


def test_overlap_is_a_share_of_each_genre_not_of_all_images():
    np.testing.assert_allclose(label_noise.overlaps(np.array([[90, 10], [5, 5]])), [[0, 0.3], [0.3, 0]])
