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


def differences(source: str, split_by: str, weights: str) -> list[str]:
    """What keeps accuracies of a run with the study's genres from standing beside those of the study.

    source: as metrics/crawl.json names it. split_by: params split.by. weights: params pretrained.weights.
    """
    reasons = {
        "other pictures, those of a demo site": source.partition("-")[0] != "naver",
        "titles kept apart, where the study has images of a title on both sides": split_by != "image",
        "random weights, where the study has those of ImageNet": weights == "random",
    }
    return [reason for reason, applies in reasons.items() if applies]
