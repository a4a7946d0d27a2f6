"""How many titles and thumbnails each genre of the embedded site has: the study's, times a scale; arithmetic alone."""

import math
from collections.abc import Sequence

THUMBNAILS = {
    "fantasy": 19000,
    "drama": 15782,
    "pure": 13710,
    "comic": 9242,
    "daily": 7330,
    "action": 5994,
    "thrill": 4885,
    "historical": 3122,
    "sports": 2383,
    "sensibility": 1101,
}
TITLES = {
    "fantasy": 140,
    "drama": 125,
    "pure": 110,
    "comic": 80,
    "daily": 65,
    "action": 58,
    "thrill": 50,
    "historical": 32,
    "sports": 25,
    "sensibility": 15,
}
FEWEST = 5  # titles of a genre: a block of a title-disjoint split


def thumbnails_at(genre: str, scale: float) -> int:
    """Usable thumbnails of a genre on STUDY_END."""
    return max(FEWEST, round(THUMBNAILS[genre] * scale))


def titles_at(genre: str, scale: float) -> int:
    """Titles of a genre on STUDY_END: fewer at a small scale, but by its root, so that titles stay many and short."""
    return min(max(FEWEST, round(TITLES[genre] * math.sqrt(scale))), thumbnails_at(genre, scale))


def shared_out(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers of at least 1 that add up to `total`, in proportion to the weights beyond that 1."""
    spare = total - len(weights)
    exact = [spare * weight / sum(weights) for weight in weights]
    counts = [1 + int(share) for share in exact]
    by_rest = sorted(range(len(weights)), key=lambda place: (int(exact[place]) - exact[place], place))
    for place in by_rest[: total - sum(counts)]:
        counts[place] += 1
    return counts
