"""Differences between two models on the same rows, averaged over seeds, with bootstrap intervals over titles; no files, no models.

Throughout: `labels` int (n,), `groups` int (n,) the titles of the rows, `predicted` int (seeds, n); index i is one image in all three.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webtoon_genre.core.wording import count
from webtoon_genre.evaluation.metrics import safe_divide

RESAMPLES = 2000  # for an interval
CONFIDENCE = 0.95
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
# Fewer titles decide nothing: their bootstrap has few distinct resamples, and its intervals are too narrow. Of normal titles they cover
# the truth in 84% of cases with 5 titles, 89% with 10 and 94% with 20, not in 95%. Tests on few clusters reject too often: Cameron,
# Gelbach and Miller (2008, doi:10.1162/rest.90.3.414).
MIN_TITLES = 10


@dataclass(frozen=True)
class TitleCounts:
    """Images and correct predictions by title and label: float (titles, k), correct predictions averaged over seeds."""

    correct: np.ndarray
    images: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, groups: np.ndarray, predicted: np.ndarray, classes: int) -> "TitleCounts":
        """Count the images and correct predictions of every title."""
        _, titles = np.unique(groups, return_inverse=True)
        bins, shape = titles * classes + labels, (titles.max() + 1, classes)
        hits = (predicted == labels).mean(axis=0)
        correct = np.bincount(bins, weights=hits, minlength=shape[0] * shape[1])
        return cls(correct.reshape(shape), np.bincount(bins, minlength=len(correct)).reshape(shape))

    def resample(self, weights: np.ndarray) -> "TitleCounts":
        """Sum over titles with `weights`, float (resamples, titles): one row a resample."""
        return TitleCounts(weights @ self.correct, weights @ self.images)

    def total(self) -> "TitleCounts":
        """Sum over titles: one row."""
        return self.resample(np.ones((1, len(self.images))))

    def accuracy(self) -> np.ndarray:
        """Return the accuracy, float (rows,)."""
        return safe_divide(self.correct.sum(axis=1), self.images.sum(axis=1))

    def recalls(self) -> np.ndarray:
        """Return the recall of every label, float (rows, k), nan where it has no image."""
        return np.where(self.images > 0, safe_divide(self.correct, self.images), np.nan)

    def balanced_accuracy(self) -> np.ndarray:
        """Return the mean recall of the labels that have images, float (rows,)."""
        return np.nanmean(self.recalls(), axis=1)


def resample_counts(titles: int, generator: np.random.Generator) -> np.ndarray:
    """Draw how often each title is in each resample, float (RESAMPLES, titles): the cluster bootstrap (metrics.accuracy_interval)."""
    return generator.multinomial(titles, np.full(titles, 1 / titles), RESAMPLES).astype(np.float64)


def paired_difference(
    labels: np.ndarray,
    groups: np.ndarray,
    predicted: np.ndarray,
    reference: np.ndarray,
    genres: Sequence[str],
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Compare two models' predicted labels, int (seeds, n): the differences of accuracy, balanced accuracy and recall of each genre.

    Every difference, `predicted` minus `reference`, has a 95 % interval. Predictions are averaged over seeds first; then titles are
    drawn with replacement, the same for both models. So the interval covers the choice of titles, not that of seeds.
    """
    model, baseline = (TitleCounts.of(labels, groups, array, len(genres)) for array in (predicted, reference))
    weights = resample_counts(len(model.images), generator)
    pairs = [(model.total(), baseline.total()), (model.resample(weights), baseline.resample(weights))]
    results = {}
    for measure in ("accuracy", "balanced_accuracy", "recalls"):
        values, resampled = (getattr(left, measure)() - getattr(right, measure)() for left, right in pairs)
        results[measure] = values[0], interval(resampled)
    recalls, limits = results.pop("recalls")
    rows = zip(genres, recalls, limits.T, (model.images > 0).sum(axis=0), strict=True)
    overall = {
        measure: difference_record(value, limit, len(model.images)) for measure, (value, limit) in results.items()
    }
    return overall | {
        "recall": {genre: difference_record(value, limit, titles) for genre, value, limit, titles in rows if titles}
    }


def unpaired_difference(
    first: TitleCounts,
    second: TitleCounts,
    measure: str,
    first_generator: np.random.Generator,
    second_generator: np.random.Generator,
) -> dict[str, Any]:
    """Compare a measure ("accuracy", "balanced_accuracy") on two sets of rows, first minus second; titles are resampled separately."""
    values = [float(getattr(counts.total(), measure)()[0]) for counts in (first, second)]
    resampled = [
        getattr(counts.resample(resample_counts(len(counts.images), generator)), measure)()
        for counts, generator in ((first, first_generator), (second, second_generator))
    ]
    titles = min(len(first.images), len(second.images))
    return difference_record(values[0] - values[1], interval(resampled[0] - resampled[1]), titles)


def roc_auc(
    labels: np.ndarray, groups: np.ndarray, probabilities: np.ndarray, generator: np.random.Generator
) -> dict[str, Any]:
    """Return the area under the ROC curve, averaged over seeds, and its 95 % interval over titles; None where one label has no rows.

    `labels` 0 or 1, `probabilities` float (seeds, n) of label 1. The area is the share of pairs of a 1 and a 0 in which the 1 has the
    higher probability; a tie counts half (Hanley and McNeil, 1982).
    """
    _, titles = np.unique(groups, return_inverse=True)
    ones, zeros = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    if not len(ones) or not len(zeros):
        return {"auc": None, "auc_interval": None}
    size = titles.max() + 1
    wins = np.zeros((size, size))  # by the titles of the 1 and of the 0
    for row in ones:
        higher = probabilities[:, [row]] > probabilities[:, zeros]
        ties = probabilities[:, [row]] == probabilities[:, zeros]
        wins[titles[row]] += np.bincount(titles[zeros], weights=(higher + 0.5 * ties).mean(axis=0), minlength=size)
    ones_by_title, zeros_by_title = (np.bincount(titles[rows], minlength=size) for rows in (ones, zeros))
    weights = resample_counts(size, generator)
    pairs = (weights @ ones_by_title) * (weights @ zeros_by_title)
    areas = ((weights @ wins) * weights).sum(axis=1)[pairs > 0] / pairs[pairs > 0]
    limits = np.quantile(areas, TAILS) if len(areas) else np.zeros(2)
    return {"auc": float(wins.sum() / (len(ones) * len(zeros))), "auc_interval": [float(limit) for limit in limits]}


def interval(resampled: np.ndarray) -> np.ndarray:
    """Return [low, high] of each column of float (resamples, ...); nan, of a resample without images of a label, is left out."""
    filled = np.where(np.isnan(resampled).all(axis=0), 0.0, resampled)
    return np.nanquantile(filled, TAILS, axis=0)


def difference_record(value: float, limits: np.ndarray, titles: int) -> dict[str, Any]:
    """Return a difference, its interval and the number of titles behind it for JSON."""
    return {"difference": float(value), "interval": [float(limit) for limit in limits], "titles": int(titles)}


def is_enough(titles: int) -> bool:
    """Whether an interval over so many titles is evidence."""
    return titles >= MIN_TITLES


def is_gain(change: dict[str, Any]) -> bool:
    """Whether a difference, as `difference_record` returns it, is above 0 by its interval, over enough titles."""
    return is_enough(change["titles"]) and change["interval"][0] > 0


def too_few(*titles: int, noun: str = "test titles") -> str:
    """Say that nothing follows from so many titles: "too few test titles (2 to 6) to tell"."""
    low, high = min(titles), max(titles)
    return f"too few {noun} ({low if low == high else f'{low} to {high}'}) to tell"


def few_titles_note(titles: Iterable[int]) -> str:
    """A line below a figure with intervals over so many titles; empty where all are enough."""
    few = any(not is_enough(number) for number in titles)
    return f"\nfewer than {MIN_TITLES} test titles are too few to tell" * few


def describe(change: dict[str, Any]) -> str:
    """A difference and its interval: "+0.050 (95% CI +0.010 to +0.090)"."""
    low, high = change["interval"]
    return f"{change['difference']:+.3f} (95% CI {low:+.3f} to {high:+.3f})"


def conclusion(comparison: str, change: dict[str, Any]) -> str:
    """One sentence on a difference as `difference_record` returns it; `comparison` is such as "accuracy of class weights against none"."""
    low, high = change["interval"]
    verdict = "a gain" if low > 0 else "a loss" if high < 0 else "no difference shown"
    verdict = verdict if is_enough(change["titles"]) else too_few(change["titles"])
    return f"{comparison}: {describe(change)}, {verdict}"


def tally(changes: Sequence[dict[str, Any]], noun: tuple[str, str], verb: tuple[str, str], what: str) -> str:
    """How many of several differences are gains: "0 of 45 pairs beat the model (95% CI above 0)"; not without enough titles.

    noun: singular and plural. verb: after a singular and after a plural, "beats" and "beat".
    """
    if not changes:
        return f"no {noun[1]} to compare"
    decided = [change for change in changes if is_enough(change["titles"])]
    if not decided:
        several = f"any of {count(len(changes), *noun)}" if len(changes) > 1 else f"the {noun[0]}"
        return f"{too_few(*(change['titles'] for change in changes))} whether {several} {verb[0]} {what}"
    gains, undecided = sum(map(is_gain, decided)), len(changes) - len(decided)
    condition = f" with {MIN_TITLES} test titles or more" * (undecided > 0)
    rest = f"; {undecided} with fewer test titles can't tell" * (undecided > 0)
    return f"{gains} of {count(len(decided), *noun)}{condition} {verb[gains != 1]} {what} (95% CI above 0){rest}"
