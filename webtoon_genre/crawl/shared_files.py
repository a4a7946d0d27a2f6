"""Which titles share a file in data/raw/thumbnails: a pure function of the titles' sizes; no paths, no files.

A file a picture is slow to write, to read and to version. So small titles share files of a few hundred pictures. A file holds the
titles of a range of title_ids, and the ranges are halves of halves of all title_ids: one more picture changes one file, or replaces
one file by its two halves. No file depends on titles outside its range, or on what was on disk before.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from webtoon_genre.data.tables import SHARED

OWN_FILE = 10  # pictures from which a title has a file of its own
LIMITS = (512, 64 * 2**20)  # pictures and bytes of a file that titles share: it is in memory as a whole
BITS = 63  # of a title_id, which is an int64 and not negative


class Size(NamedTuple):
    """The size of a title: its number of pictures, and their bytes."""

    pictures: int
    bytes: int


def name_files(titles: Mapping[int, Size]) -> dict[str, list[int]]:
    """Return the title_ids in each file, ascending, by the file's name without suffix, in the order of their first title_ids."""
    small = sorted(title_id for title_id, size in titles.items() if size.pictures < OWN_FILE)
    files = {str(title_id): [title_id] for title_id in titles.keys() - set(small)}
    files |= split(small, np.array([titles[title_id] for title_id in small]), 0, BITS) if small else {}
    return dict(sorted(files.items(), key=lambda item: item[1][0]))


def split(title_ids: Sequence[int], sizes: np.ndarray, first: int, bits: int) -> Iterator[tuple[str, list[int]]]:
    """Yield the files of the range of 2**bits title_ids from `first`; sizes: int64 (titles, 2), as in Size."""
    if len(title_ids) == 1 or (sizes.sum(axis=0) <= LIMITS).all():
        yield f"{SHARED}{first}-{first + 2**bits - 1}", [*title_ids]
        return
    middle = first + 2 ** (bits - 1)
    cut = bisect_left(title_ids, middle)
    for start, half in ((first, slice(cut)), (middle, slice(cut, None))):
        if title_ids[half]:
            yield from split(title_ids[half], sizes[half], start, bits - 1)
