"""Pictures that look alike, by perceptual hashes of 64 bits; no paths, no files, no pixels."""

from collections.abc import Iterator, Sequence

import numpy as np

BITS, BANDS = 64, 4
MAX_DISTANCE = (
    BANDS - 1
)  # hashes that differ in fewer bits than there are bands agree in one band whole: nothing is missed
AT_ONCE = 2000  # hashes of one band's value compared with all others of it at a time


def parse_hashes(hashes: Sequence[str]) -> np.ndarray:
    """uint64 (n,) of hashes of 16 hexadecimal digits."""
    return np.array([int(each, 16) for each in hashes], np.uint64)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Bits in which hashes, uint64 and broadcast against each other, differ (Hamming)."""
    return np.bitwise_count(one ^ other).astype(np.int64)


def near_pairs(hashes: np.ndarray, furthest: int) -> np.ndarray:
    """int (m, 3): places i < j of two hashes, uint64 (n,), no two of them equal, and the bits between them, at most `furthest` (to 3).

    Nearest first, then by place.
    """
    if furthest > MAX_DISTANCE:
        raise ValueError(f"{furthest} bits; with {BANDS} bands none but {MAX_DISTANCE} or fewer are found for sure")
    found = [np.zeros((0, 3), np.int64)]
    for band in range(BANDS):
        values = (hashes >> np.uint64(band * BITS // BANDS)) & np.uint64(2 ** (BITS // BANDS) - 1)
        for members in shared(values):
            found += near_pairs_among(hashes, members, furthest)
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0], pairs[:, 2]))]


def shared(values: np.ndarray) -> Iterator[np.ndarray]:
    """Places, ascending, of each value that stands several times in `values`."""
    order = np.argsort(values, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
        if len(places) > 1:
            yield places


def near_pairs_among(hashes: np.ndarray, members: np.ndarray, furthest: int) -> list[np.ndarray]:
    """The pairs among `members`, int (m, 3) as in `alike`."""
    found = []
    for start in range(0, len(members), AT_ONCE):
        rows = members[start : start + AT_ONCE]
        apart = distances(hashes[rows][:, None], hashes[members][None])
        one, other = np.nonzero((apart <= furthest) & (rows[:, None] < members[None]))
        found.append(np.column_stack([rows[one], members[other], apart[one, other]]))
    return found


def cross_label_pairs(hashes: np.ndarray, labels: np.ndarray, furthest: int) -> tuple[int, int, np.ndarray]:
    """Pictures of different labels that look alike: how many pairs, of how many pictures, and int (m, 3), one pair for each two hashes.

    hashes: uint64 (n,). labels: int (n,). The third names rows, the first ones of their hash and label, as `alike` names places.
    """
    unique, place = np.unique(hashes, return_inverse=True)
    counts = np.zeros((len(unique), int(labels.max()) + 1), np.int64)
    np.add.at(counts, (place, labels), 1)
    twins = np.flatnonzero((counts > 0).sum(axis=1) > 1)
    pairs = np.concatenate([np.column_stack([twins, twins, 0 * twins]), near_pairs(unique, furthest)])
    one, other = counts[pairs[:, 0]], counts[pairs[:, 1]]
    often = one.sum(axis=1) * other.sum(axis=1) - (one * other).sum(axis=1)
    often[: len(twins)] //= 2  # each pair of equal hashes was counted from both ends
    pairs, often = pairs[often > 0], often[often > 0]
    rows = [[*first_pair(place, labels, int(a), int(b)), int(bits)] for a, b, bits in pairs]
    shown = np.array(rows, np.int64).reshape(-1, 3)
    return int(often.sum()), count_pictures(counts, pairs), shown


def first_pair(place: np.ndarray, labels: np.ndarray, one: int, other: int) -> tuple[int, int]:
    """The first rows of two hashes whose labels differ."""
    mine, theirs = np.flatnonzero(place == one), np.flatnonzero(place == other)
    found = next((a, b) for a in mine for b in theirs if labels[a] != labels[b])
    return int(min(found)), int(max(found))


def count_pictures(counts: np.ndarray, pairs: np.ndarray) -> int:
    """How many pictures have one of another label that looks like them; counts: int (hashes, labels)."""
    others = np.zeros(counts.shape, bool)
    for one, other, _ in pairs:
        for here, there in ((one, other), (other, one)):
            present = counts[there] > 0
            others[here] |= present.sum() - present > 0
    return int(counts[others].sum())
