"""Intervals of scores and of differences between models, by the bootstrap over titles, and their words; no files, no models.

Images of one title are not independent, so titles are drawn with replacement; the interval of drawn images would be several times too
narrow. This is the cluster bootstrap of Field and Welsh (2007, doi:10.1111/j.1467-9868.2007.00593.x), with percentiles.

Throughout: `labels` int (n,), `groups` int (n,) the titles of the rows, `predicted` int (seeds, n); index i is one image in all three.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webtoon_genre.core.wording import count

RESAMPLES = 2000  # for an interval
TAILS = (0.025, 0.975)  # of 95 % intervals
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


def safe_divide(numerator: Any, denominator: Any) -> Any:
    """Divide numbers or arrays; 0.0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(denominator)), where=np.asarray(denominator) > 0)


def resample_counts(titles: int, generator: np.random.Generator) -> np.ndarray:
    """Draw how often each title is in each resample, float (RESAMPLES, titles)."""
    return generator.multinomial(titles, np.full(titles, 1 / titles), RESAMPLES).astype(np.float64)


def accuracy_interval(hits: np.ndarray, groups: np.ndarray, generator: np.random.Generator) -> list[float]:
    """Return [low, high] of the accuracy, 95 %; a single title gives an interval without width.

    `hits` bool (n,), whether a prediction is correct, or float (n,), its mean over seeds.
    """
    _, titles = np.unique(groups, return_inverse=True)
    correct, images = np.bincount(titles, weights=hits), np.bincount(titles)
    weights = resample_counts(len(images), generator)
    return [float(limit) for limit in interval((weights @ correct) / (weights @ images))]


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


@dataclass(frozen=True)
class Hits:
    """Which predictions of two models for the same rows are correct: bool (seeds, n); `groups` int (n,)."""

    groups: np.ndarray
    model: np.ndarray
    reference: np.ndarray


def mean_difference(comparisons: Sequence[Hits], generator: np.random.Generator) -> dict[str, Any]:
    """The mean of several differences in accuracy, the same titles resampled in all: `paired_difference` with a label a comparison."""
    labels = np.repeat(np.arange(len(comparisons)), [len(hits.groups) for hits in comparisons])
    groups = np.concatenate([hits.groups for hits in comparisons])
    model = np.concatenate([hits.model for hits in comparisons], axis=1)
    reference = np.concatenate([hits.reference for hits in comparisons], axis=1)
    predicted, expected = (np.where(correct, labels, -1) for correct in (model, reference))
    names = [str(number) for number in range(len(comparisons))]
    return paired_difference(labels, groups, predicted, expected, names, generator)["balanced_accuracy"]


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


def few_titles_note(titles: Iterable[int], look: str = "pale", noun: str = "test titles") -> str:
    """A line below a figure, on the look of what has too few titles; empty where all are enough."""
    few = any(not is_enough(number) for number in titles)
    return f"\n{look}: fewer than {MIN_TITLES} {noun}, too few to tell" * few


def format_value(value: float, limits: Sequence[float], titles: int) -> str:
    """Format a score with its 95 % interval as everywhere: "0.738 [0.640, 0.820], 62 titles"."""
    return f"{value:.3f} {format_interval(limits, titles)}"


def format_interval(limits: Sequence[float], titles: int, sign: str = "") -> str:
    """Format [low, high] and the number of titles behind it: "[0.640, 0.820], 62 titles"; `sign` is "+" for a difference's."""
    low, high = limits
    return f"[{low:{sign}.3f}, {high:{sign}.3f}], {count(titles, 'title')}"


def describe(change: dict[str, Any]) -> str:
    """Format a difference as `difference_record` returns it: "+0.050 [+0.010, +0.090], 62 titles"."""
    return f"{change['difference']:+.3f} {format_interval(change['interval'], change['titles'], '+')}"


def verdict(change: dict[str, Any]) -> str:
    """What a difference shows, by its interval, and the difference: "a gain, +0.050 [+0.010, +0.090], 62 titles"."""
    low, high = change["interval"]
    words = "a gain" if low > 0 else "a loss" if high < 0 else "no difference shown"
    return f"{words if is_enough(change['titles']) else 'too few titles to tell'}, {describe(change)}"


def conclusion(comparison: str, change: dict[str, Any]) -> str:
    """One sentence on a difference; `comparison` is such as "accuracy of class weights against none"."""
    return f"{comparison}: {verdict(change)}"


def value_metrics(name: str, value: float, limits: Sequence[float], titles: int) -> dict[str, Any]:
    """A score for metrics/summary.json: {NAME: value, NAME_interval: text}; `dvc metrics diff` shows numbers and texts, no lists."""
    return {name: value, f"{name}_interval": format_interval(limits, titles)}


def change_metrics(name: str, change: dict[str, Any]) -> dict[str, Any]:
    """A difference for metrics/summary.json, as `value_metrics`."""
    return {
        name: change["difference"],
        f"{name}_interval": format_interval(change["interval"], change["titles"], "+"),
    }


def tally(changes: Sequence[dict[str, Any]], noun: tuple[str, str], verb: tuple[str, str], what: str) -> str:
    """How many of several differences are gains: "0 of 45 pairs beat the model (interval above 0)"; not without enough titles.

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
    return f"{gains} of {count(len(decided), *noun)}{condition} {verb[gains != 1]} {what} (interval above 0){rest}"
