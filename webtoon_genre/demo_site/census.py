"""The number of titles and thumbnails of each genre on the demo site: those of the study times a scale; arithmetic alone."""

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
FEWEST = 5  # thumbnails of a genre, so that each part of a title-disjoint split has one
FEWEST_TITLES = 15  # of a genre that has so many thumbnails: three in a fifth of the titles
THUMBNAILS_A_TITLE = 3  # on average, on a site that is too small for the study's number of titles


def thumbnails_at(genre: str, scale: float) -> int:
    """Return the number of usable thumbnails of a genre on STUDY_END."""
    return max(FEWEST, round(THUMBNAILS[genre] * scale))


def titles_at(genre: str, scale: float) -> int:
    """Return the number of titles of a genre on STUDY_END; a small site has many short titles, since titles are the sample."""
    thumbnails = thumbnails_at(genre, scale)
    short = max(FEWEST_TITLES, round(thumbnails / THUMBNAILS_A_TITLE))
    return min(TITLES[genre], thumbnails, short)


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` into integers of at least 1; what exceeds 1 is in proportion to the weights (largest remainders)."""
    spare = total - len(weights)
    exact = [spare * weight / sum(weights) for weight in weights]
    counts = [1 + int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda index: (int(exact[index]) - exact[index], index))
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return counts
