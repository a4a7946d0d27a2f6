"""webtoon_genre/experiments/near_duplicates.py: the same pairs as by comparing all hashes with all others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtoon_genre.experiments import near_duplicates

HASHES = st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=30)


def flip(value: int, bits: list[int]) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


@given(HASHES, st.lists(st.integers(0, 63), max_size=3, unique=True), st.integers(0, 3))
def test_near_pairs_are_those_of_a_comparison_of_all_hashes(values, bits, distance):
    hashes = np.unique(np.array([*values, flip(values[0], bits)], np.uint64))
    expected = [
        (i, j, (int(hashes[i]) ^ int(hashes[j])).bit_count())
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
    ]
    pairs = near_duplicates.near_pairs(hashes, distance)
    assert {tuple(row) for row in pairs.tolist()} == {row for row in expected if row[2] <= distance}
    assert pairs[:, 2].tolist() == sorted(pairs[:, 2].tolist())


def test_a_distance_at_which_pairs_could_be_missed_is_refused():
    with pytest.raises(ValueError, match=r"^distance is 4 bits; 4 bands find all pairs up to 3 bits$"):
        near_duplicates.near_pairs(np.zeros(2, np.uint64), 4)


def test_hashes_of_one_band_are_compared_in_chunks(monkeypatch):
    hashes = np.arange(50, dtype=np.uint64) << np.uint64(16)
    expected = near_duplicates.near_pairs(hashes, 2)
    monkeypatch.setattr(near_duplicates, "CHUNK", 7)
    np.testing.assert_array_equal(near_duplicates.near_pairs(hashes, 2), expected)


def test_hexadecimal_digits_become_numbers():
    assert near_duplicates.parse_hashes(["00000000000000ff", "ffffffffffffffff"]).tolist() == [255, 2**64 - 1]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), min_size=2, max_size=14))
def test_pairs_across_labels_are_those_of_a_comparison_of_all_images(images):
    hashes = np.array([value for value, _ in images], np.uint64)
    labels = np.array([label for _, label in images])
    near = [
        (i, j)
        for i in range(len(images))
        for j in range(i + 1, len(images))
        if labels[i] != labels[j] and (images[i][0] ^ images[j][0]).bit_count() <= 1
    ]
    pairs, count, examples = near_duplicates.cross_label_pairs(hashes, labels, 1)
    assert pairs == len(near)
    assert count == len({row for pair in near for row in pair})
    assert {(a, b) for a, b, _ in examples.tolist()} <= set(near)
    assert bool(len(examples)) == bool(near)


def test_examples_differ_in_label_and_by_the_reported_distance():
    hashes, labels = np.array([0, 0, 0, 1, 255], np.uint64), np.array([0, 0, 1, 1, 0])
    pairs, count, examples = near_duplicates.cross_label_pairs(hashes, labels, 1)
    assert (pairs, count) == (4, 4)  # rows 0 and 1 with 2, equal, and with 3, one bit away
    assert examples.tolist() == [[0, 2, 0], [0, 3, 1]]


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2)), min_size=2, max_size=14))
def test_the_nearest_pair_across_labels_is_first_and_a_row_is_in_one_pair(images):
    hashes = np.array([value for value, _ in images], np.uint64)
    labels = np.array([label for _, label in images])
    apart = [
        (images[i][0] ^ images[j][0]).bit_count()
        for i in range(len(images))
        for j in range(i + 1, len(images))
        if labels[i] != labels[j]
    ]
    pairs = near_duplicates.nearest_cross_label(hashes, labels)
    assert bool(len(pairs)) == bool(apart)
    assert pairs[:1, 2].tolist() == sorted(apart)[:1]
    assert pairs[:, 2].tolist() == sorted(pairs[:, 2].tolist())
    assert len(np.unique(pairs[:, :2])) == 2 * len(pairs)
    for first, second, bits in pairs.tolist():
        assert first < second
        assert labels[first] != labels[second]
        assert bits == (images[first][0] ^ images[second][0]).bit_count()


def test_the_nearest_pairs_do_not_depend_on_the_chunks(monkeypatch):
    generator = np.random.default_rng(0)
    hashes, labels = generator.integers(0, 2**63, 60).astype(np.uint64), generator.integers(0, 3, 60)
    expected = near_duplicates.nearest_cross_label(hashes, labels)
    monkeypatch.setattr(near_duplicates, "ROWS", 7)
    np.testing.assert_array_equal(near_duplicates.nearest_cross_label(hashes, labels), expected)
