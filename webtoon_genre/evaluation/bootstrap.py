"""Is one model better than another on the same rows? Differences, averaged over seeds, with intervals over titles; no files, no models.

Throughout: `labels` int (n,), `groups` int (n,) the titles of rows, `predicted` int (seeds, n), row i of each about one image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webtoon_genre.evaluation.metrics import safe_divide

DRAWS = 2000  # resamplings for an interval
CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class TitleCounts:
    """How often each title's images of each label were right: float (titles, k), averaged over seeds; and how many there are."""

    right: np.ndarray
    images: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, groups: np.ndarray, predicted: np.ndarray, classes: int) -> "TitleCounts":
        """Count them."""
        _, titles = np.unique(groups, return_inverse=True)
        cells, shape = titles * classes + labels, (titles.max() + 1, classes)
        hits = (predicted == labels).mean(axis=0)
        right = np.bincount(cells, weights=hits, minlength=shape[0] * shape[1])
        return cls(right.reshape(shape), np.bincount(cells, minlength=len(right)).reshape(shape))

    def drawn(self, often: np.ndarray) -> "TitleCounts":
        """Sums over titles, each counted `often` times, float (draws, titles): one row a draw."""
        return TitleCounts(often @ self.right, often @ self.images)

    def accuracy(self) -> np.ndarray:
        """float (rows,)."""
        return safe_divide(self.right.sum(axis=1), self.images.sum(axis=1))

    def recalls(self) -> np.ndarray:
        """float (rows, k), nan where there is no image of the label."""
        return np.where(self.images > 0, safe_divide(self.right, self.images), np.nan)

    def balanced_accuracy(self) -> np.ndarray:
        """float (rows,): the mean recall of the labels that have images."""
        return np.nanmean(self.recalls(), axis=1)


def resample_counts(titles: int, generator: np.random.Generator) -> np.ndarray:
    """How often each title stands in each resampling with replacement, float (DRAWS, titles): the cluster bootstrap (see scores)."""
    return generator.multinomial(titles, np.full(titles, 1 / titles), DRAWS).astype(np.float64)


def paired_difference(
    labels: np.ndarray,
    groups: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    genres: Sequence[str],
    generator: np.random.Generator,
) -> dict[str, Any]:
    """How much better `one` is than `other`, both predicted labels, int (seeds, n): accuracy, balanced accuracy, recall of each genre.

    Each with its 95 % interval: titles are drawn with replacement, the same for both, and predictions are averaged over seeds first.
    So the interval is of what other titles would show, not of what other seeds would.
    """
    mine, theirs = (TitleCounts.of(labels, groups, each, len(genres)) for each in (one, other))
    everything, often = np.ones((1, len(mine.images))), resample_counts(len(mine.images), generator)
    found = {}
    for name in ("accuracy", "balanced_accuracy", "recalls"):
        whole, drawn = (
            getattr(mine.drawn(chosen), name)() - getattr(theirs.drawn(chosen), name)()
            for chosen in (everything, often)
        )
        found[name] = whole[0], interval(drawn)
    recalls, limits = found.pop("recalls")
    shown = zip(genres, recalls, limits.T, mine.images.sum(axis=0), strict=True)
    overall = {name: difference_record(value, limit) for name, (value, limit) in found.items()}
    return overall | {
        "recall": {genre: difference_record(value, limit) for genre, value, limit, images in shown if images}
    }


def unpaired_difference(
    one: TitleCounts,
    other: TitleCounts,
    measure: str,
    generator: np.random.Generator,
    other_generator: np.random.Generator,
) -> dict[str, Any]:
    """How much larger a measure ("accuracy", "balanced_accuracy") is on the rows of `one` than on the rows, others, of `other`.

    The titles of each are resampled on their own.
    """
    whole = [float(getattr(each.drawn(np.ones((1, len(each.images)))), measure)()[0]) for each in (one, other)]
    drawn = [
        getattr(each.drawn(resample_counts(len(each.images), own)), measure)()
        for each, own in ((one, generator), (other, other_generator))
    ]
    return difference_record(whole[0] - whole[1], interval(drawn[0] - drawn[1]))


def roc_auc(
    labels: np.ndarray, groups: np.ndarray, probabilities: np.ndarray, generator: np.random.Generator
) -> dict[str, Any]:
    """Area under the ROC curve and its 95 % interval over titles, averaged over seeds; None where test rows are of one label alone.

    `labels` 0 or 1, `probabilities` float (seeds, n) of label 1. It is the share of pairs of a 1 and a 0 in which the 1 is given the
    higher probability, equals counting half (Hanley and McNeil, 1982).
    """
    _, titles = np.unique(groups, return_inverse=True)
    ones, zeros = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    if not len(ones) or not len(zeros):
        return {"auc": None, "auc_interval": None}
    size = titles.max() + 1
    won = np.zeros((size, size))
    for row in ones:  # by the title of each
        higher = probabilities[:, [row]] > probabilities[:, zeros]
        equal = probabilities[:, [row]] == probabilities[:, zeros]
        won[titles[row]] += np.bincount(titles[zeros], weights=(higher + 0.5 * equal).mean(axis=0), minlength=size)
    of_one, of_zero = (np.bincount(titles[rows], minlength=size) for rows in (ones, zeros))
    often = resample_counts(size, generator)
    pairs = (often @ of_one) * (often @ of_zero)
    drawn = ((often @ won) * often).sum(axis=1)[pairs > 0] / pairs[pairs > 0]
    limits = np.quantile(drawn, TAILS) if len(drawn) else np.zeros(2)
    return {"auc": float(won.sum() / (len(ones) * len(zeros))), "auc_interval": [float(limit) for limit in limits]}


def interval(drawn: np.ndarray) -> np.ndarray:
    """[low, high] of each column of float (draws, ...); a draw without an image of a label does not count for it."""
    counted = np.where(np.isnan(drawn).all(axis=0), 0.0, drawn)
    return np.nanquantile(counted, TAILS, axis=0)


def difference_record(value: float, limits: np.ndarray) -> dict[str, Any]:
    """For JSON."""
    return {"difference": float(value), "interval": [float(limit) for limit in limits]}


def conclusion(what: str, found: dict[str, Any]) -> str:
    """One sentence: `found` as `told` gives it, `what` the subject and the measure, such as "class weights change accuracy"."""
    low, high = found["interval"]
    sure = "a gain" if low > 0 else "a loss" if high < 0 else "no difference shown"
    return f"{what} by {found['difference']:+.3f} (95% interval {low:+.3f} to {high:+.3f}): {sure}"
