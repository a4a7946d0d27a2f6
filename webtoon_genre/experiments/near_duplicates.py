"""Near-duplicate images, by perceptual hashes of 64 bits; no paths, no files, no pixels."""

from collections.abc import Iterator, Sequence

import numpy as np

BITS, BANDS = 64, 4
MAX_DISTANCE = BANDS - 1  # hashes that differ in fewer bits than there are bands agree in a full band
CHUNK = 2000  # hashes compared at a time with all others of the same band value
ROWS = 256  # hashes compared at a time with all others


def parse_hashes(hashes: Sequence[str]) -> np.ndarray:
    """uint64 (n,) from hashes of 16 hexadecimal digits."""
    return np.array([int(digits, 16) for digits in hashes], np.uint64)


def distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Hamming distances, in bits, of uint64 hashes, broadcast against each other."""
    return np.bitwise_count(left ^ right).astype(np.int64)


def near_pairs(hashes: np.ndarray, distance: int) -> np.ndarray:
    """int (m, 3): positions i < j of two hashes at most `distance` bits apart (up to 3), and their distance.

    hashes: uint64 (n,), without duplicates. Pairs are sorted by distance, then by position.
    """
    if distance > MAX_DISTANCE:
        raise ValueError(f"distance is {distance} bits; {BANDS} bands find all pairs up to {MAX_DISTANCE} bits")
    candidates = [np.zeros((0, 3), np.int64)]
    for band in range(BANDS):
        values = (hashes >> np.uint64(band * BITS // BANDS)) & np.uint64(2 ** (BITS // BANDS) - 1)
        for members in equal_values(values):
            candidates += near_pairs_among(hashes, members, distance)
    pairs = np.unique(np.concatenate(candidates), axis=0)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0], pairs[:, 2]))]


def equal_values(values: np.ndarray) -> Iterator[np.ndarray]:
    """Positions, ascending, of each value that occurs several times in `values`."""
    order = np.argsort(values, kind="stable")
    for positions in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
        if len(positions) > 1:
            yield positions


def near_pairs_among(hashes: np.ndarray, members: np.ndarray, distance: int) -> list[np.ndarray]:
    """The pairs among `members`, int (m, 3) as in `near_pairs`, in chunks."""
    chunks = []
    for start in range(0, len(members), CHUNK):
        rows = members[start : start + CHUNK]
        apart = distances(hashes[rows][:, None], hashes[members][None])
        left, right = np.nonzero((apart <= distance) & (rows[:, None] < members[None]))
        chunks.append(np.column_stack([rows[left], members[right], apart[left, right]]))
    return chunks


def cross_label_pairs(hashes: np.ndarray, labels: np.ndarray, distance: int) -> tuple[int, int, np.ndarray]:
    """Near-duplicates with different labels: the number of pairs, the number of images in them, and examples, int (m, 3).

    hashes: uint64 (n,). labels: int (n,). Examples are rows and distances as in `near_pairs`, one pair for each two hashes: the
    first rows of the two hashes whose labels differ.
    """
    unique, index = np.unique(hashes, return_inverse=True)
    counts = np.zeros((len(unique), int(labels.max()) + 1), np.int64)
    np.add.at(counts, (index, labels), 1)
    twins = np.flatnonzero((counts > 0).sum(axis=1) > 1)
    pairs = np.concatenate([np.column_stack([twins, twins, 0 * twins]), near_pairs(unique, distance)])
    left, right = counts[pairs[:, 0]], counts[pairs[:, 1]]
    image_pairs = left.sum(axis=1) * right.sum(axis=1) - (left * right).sum(axis=1)
    image_pairs[: len(twins)] //= 2  # each pair of equal hashes was counted from both ends
    pairs, image_pairs = pairs[image_pairs > 0], image_pairs[image_pairs > 0]
    rows = [[*first_pair(index, labels, int(a), int(b)), int(bits)] for a, b, bits in pairs]
    examples = np.array(rows, np.int64).reshape(-1, 3)
    return int(image_pairs.sum()), count_images(counts, pairs), examples


def nearest_cross_label(hashes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The nearest rows with different labels, int (m, 3) as in `near_pairs`, nearest first; a row is in one pair.

    hashes: uint64 (n,). labels: int (n,). It compares all rows with all others: 82,549 take half a minute.
    """
    nearest, bits = np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.int64)
    for start in range(0, len(hashes), ROWS):
        rows = slice(start, start + ROWS)
        apart = np.bitwise_count(hashes[rows][:, None] ^ hashes[None])  # uint8
        apart[labels[rows][:, None] == labels[None]] = BITS + 1
        nearest[rows], bits[rows] = apart.argmin(axis=1), apart.min(axis=1)
    pairs, paired = [], set[int]()
    for row in np.argsort(bits, kind="stable").tolist():
        if bits[row] <= BITS and not paired & {row, int(nearest[row])}:
            pairs.append([*sorted((row, int(nearest[row]))), int(bits[row])])
            paired |= {row, int(nearest[row])}
    return np.array(pairs, np.int64).reshape(-1, 3)


def first_pair(index: np.ndarray, labels: np.ndarray, left: int, right: int) -> tuple[int, int]:
    """The first rows of the hashes `left` and `right` whose labels differ; index: int (n,), the hash of each row."""
    left_rows, right_rows = np.flatnonzero(index == left), np.flatnonzero(index == right)
    pair = next((a, b) for a in left_rows for b in right_rows if labels[a] != labels[b])
    return int(min(pair)), int(max(pair))


def count_images(counts: np.ndarray, pairs: np.ndarray) -> int:
    """The number of images that have a near-duplicate with another label; counts: int (hashes, labels)."""
    duplicated = np.zeros(counts.shape, bool)
    for left, right, _ in pairs:
        for source, target in ((left, right), (right, left)):
            present = counts[target] > 0
            duplicated[source] |= present.sum() - present > 0
    return int(counts[duplicated].sum())
