"""webtoon_genre/experiments/near_duplicates.py: pictures that look alike, none missed and none made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtoon_genre.experiments import near_duplicates

HASHES = st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=30)


def flipped(value: int, bits: list[int]) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


@given(HASHES, st.lists(st.integers(0, 63), max_size=3, unique=True), st.integers(0, 3))
def test_exactly_the_pairs_that_a_look_at_all_of_them_finds_are_found(values, bits, furthest):
    hashes = np.unique(np.array([*values, flipped(values[0], bits)], np.uint64))
    expected = [
        (i, j, (int(hashes[i]) ^ int(hashes[j])).bit_count())
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
    ]
    found = near_duplicates.near_pairs(hashes, furthest)
    assert {tuple(row) for row in found.tolist()} == {row for row in expected if row[2] <= furthest}
    assert found[:, 2].tolist() == sorted(found[:, 2].tolist())


def test_hashes_that_share_no_band_are_further_apart_than_asked_for():
    with pytest.raises(ValueError, match=r"^4 bits; with 4 bands none but 3 or fewer are found for sure$"):
        near_duplicates.near_pairs(np.zeros(2, np.uint64), 4)


def test_long_lists_of_one_band_are_compared_in_parts(monkeypatch):
    hashes = np.arange(50, dtype=np.uint64) << np.uint64(16)
    whole = near_duplicates.near_pairs(hashes, 2)
    monkeypatch.setattr(near_duplicates, "AT_ONCE", 7)
    np.testing.assert_array_equal(near_duplicates.near_pairs(hashes, 2), whole)


def test_hexadecimal_digits_become_numbers():
    assert near_duplicates.parse_hashes(["00000000000000ff", "ffffffffffffffff"]).tolist() == [255, 2**64 - 1]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), min_size=2, max_size=14))
def test_pairs_across_labels_are_counted_as_a_look_at_all_of_them_counts(pictures):
    hashes = np.array([value for value, _ in pictures], np.uint64)
    labels = np.array([label for _, label in pictures])
    near = [
        (i, j)
        for i in range(len(pictures))
        for j in range(i + 1, len(pictures))
        if labels[i] != labels[j] and (pictures[i][0] ^ pictures[j][0]).bit_count() <= 1
    ]
    pairs, images, shown = near_duplicates.cross_label_pairs(hashes, labels, 1)
    assert pairs == len(near)
    assert images == len({row for pair in near for row in pair})
    assert {(a, b) for a, b, _ in shown.tolist()} <= set(near)
    assert bool(len(shown)) == bool(near)


def test_the_rows_shown_differ_in_label_and_by_the_bits_told():
    hashes, labels = np.array([0, 0, 0, 1, 255], np.uint64), np.array([0, 0, 1, 1, 0])
    pairs, images, shown = near_duplicates.cross_label_pairs(hashes, labels, 1)
    assert (pairs, images) == (4, 4)  # rows 0 and 1 with 2, equal, and with 3, one bit away
    assert shown.tolist() == [[0, 2, 0], [0, 3, 1]]
