"""What the original study reported, and which data its numbers may stand beside; no files.

The study classified thumbnails of Naver Webtoon by ten genres. On other labels or pictures its accuracies mean nothing.
"""

from collections.abc import Iterable

GENRES = frozenset(
    ("daily", "comic", "fantasy", "action", "drama", "pure", "sensibility", "thrill", "historical", "sports")
)
SOURCES = ("naver", "demo")  # a demo site's name goes on: demo-2022-0.01
ACCURACY = 0.5478  # its best test accuracy: fine-tuned ResNet50, every layer unfrozen
PAIR_ACCURACY = 0.87  # the lowest accuracy of its pairs: random split, ImageNet weights


def is_comparable(source: str, genres: Iterable[str]) -> bool:
    """Whether pictures of `source`, as metrics/crawl.json names it, and their labels are those of the study."""
    return source.partition("-")[0] in SOURCES and set(genres) == GENRES
