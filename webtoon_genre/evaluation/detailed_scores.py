"""Detailed scores of one model with intervals: averages, by class, by title, calibration, accuracy by share answered; no files.

Throughout: `labels` int (n,), `groups` int (n,) the titles of the rows, `probabilities` float (n, k), index i is one image in all three.
The confidence of an image is its highest probability. Intervals are 95 %, whole titles resampled (bootstrap.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webtoon_genre.evaluation import bootstrap, temperature
from webtoon_genre.evaluation.bootstrap import safe_divide
from webtoon_genre.evaluation.metrics import CLIP, confusion_matrix, predicted_labels

BINS = 10  # of a reliability diagram
SHARES = tuple(number / 10 for number in range(1, 11))  # of images answered
RANKS = (1, 2, 3, 5)


@dataclass(frozen=True)
class Sample:
    """Rows to score, and one set of resamples for all scores. weights: float (resamples, titles), how often each title is in each."""

    labels: np.ndarray
    titles: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, groups: np.ndarray, seed: int) -> "Sample":
        """Number the titles and draw the resamples."""
        _, titles = np.unique(groups, return_inverse=True)
        weights = bootstrap.resample_counts(int(titles.max()) + 1, np.random.default_rng(seed))
        return cls(labels.astype(np.int64), titles, weights)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum values, float (n, k), over all rows and over each resample's rows: float (1 + resamples, k)."""
        by_title = np.zeros((self.weights.shape[1], values.shape[1]))
        np.add.at(by_title, self.titles, values)
        return np.vstack([by_title.sum(axis=0), self.weights @ by_title])

    def record(self, name: str, values: np.ndarray) -> dict[str, Any]:
        """A score for JSON: {NAME: value, NAME_interval: [low, high]}; values: float (1 + resamples,), the first of all rows."""
        limits = [float(limit) for limit in bootstrap.interval(values[1:])]
        return {name: float(values[0]), f"{name}_interval": limits}

    def mean(self, name: str, values: np.ndarray) -> dict[str, Any]:
        """The mean of float or bool (n,) for JSON, with its interval."""
        totals = self.sums(np.column_stack([values, np.ones(len(values))]))
        return self.record(name, safe_divide(totals[:, 0], totals[:, 1]))


def detailed_scores(
    labels: np.ndarray,
    groups: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    fitted: float,
    seed: int,
) -> dict[str, Any]:
    """All scores of this module. fitted: the temperature that validation rows gave, which must not be fitted to these rows."""
    sample = Sample.of(labels, groups, seed)
    hits = predicted_labels(probabilities) == labels
    scaled = temperature.scale(probabilities, fitted)
    return {
        "images": len(labels),
        "titles": sample.weights.shape[1],
        "averages": averages(sample, probabilities),
        "top": top_scores(sample, probabilities),
        "per_genre": scores_by_class(sample, probabilities, classes),
        "by_title": title_scores(sample, probabilities),
        "calibration": {
            "temperature": fitted,
            "before": calibration(sample, probabilities),
            "after": calibration(sample, scaled),
        },
        "confusion": confusion(labels, predicted_labels(probabilities), classes),
        "answered": answered(sample, hits, scaled.max(axis=1)),
    }


def averages(sample: Sample, probabilities: np.ndarray) -> dict[str, Any]:
    """Precision, recall and F1 averaged over classes (macro) and over images (micro).

    Each image has one label, so that micro precision, recall and F1 are all the accuracy. Macro recall is over classes that have images,
    macro precision and F1 over those that occur as true or as predicted label, as scikit-learn's `precision_recall_fscore_support` does.
    """
    precision, recall, f1, true, predicted = ratios(sample, probabilities)
    hits = predicted_labels(probabilities) == sample.labels
    means = {
        "macro_precision": masked_mean(precision, (true > 0) | (predicted > 0)),
        "macro_recall": masked_mean(recall, true > 0),
        "macro_f1": masked_mean(f1, (true > 0) | (predicted > 0)),
    }
    records = [sample.mean("micro_f1", hits), *(sample.record(name, values) for name, values in means.items())]
    return {name: value for record in records for name, value in record.items()}


def ratios(sample: Sample, probabilities: np.ndarray) -> tuple[np.ndarray, ...]:
    """Precision, recall and F1, and the numbers of true and of predicted images: float (1 + resamples, k); 0 where the denominator is 0."""
    classes = np.arange(probabilities.shape[1])
    is_true = sample.labels[:, None] == classes
    is_predicted = predicted_labels(probabilities)[:, None] == classes
    true, predicted = sample.sums(is_true), sample.sums(is_predicted)
    right = sample.sums(is_true & is_predicted)
    return (
        safe_divide(right, predicted),
        safe_divide(right, true),
        safe_divide(2 * right, true + predicted),
        true,
        predicted,
    )


def masked_mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Means over the columns of float (rows, k) where bool (rows, k) is true: float (rows,)."""
    return safe_divide((values * mask).sum(axis=1), mask.sum(axis=1).astype(float))


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """The numbers of images by true and by predicted class."""
    counts = confusion_matrix(labels, predicted, len(classes)).tolist()
    return {true: dict(zip(classes, row, strict=True)) for true, row in zip(classes, counts, strict=True)}


def top_scores(sample: Sample, probabilities: np.ndarray) -> dict[str, Any]:
    """The share of images whose label is among the k most probable, by k; the first of ties counts."""
    ranks = np.argsort(-probabilities, axis=1, kind="stable")
    position = (ranks == sample.labels[:, None]).argmax(axis=1)
    return {
        str(rank): sample.mean("accuracy", position < rank) for rank in RANKS if rank < max(2, probabilities.shape[1])
    }


def scores_by_class(sample: Sample, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall and F1 of each class with intervals, its images and titles; resamples in which one is undefined are left out."""
    precision, recall, f1, true, predicted = ratios(sample, probabilities)
    defined = {"precision": predicted > 0, "recall": true > 0, "f1": true + predicted > 0}
    columns = {
        name: np.vstack([values[:1], np.where(defined[name], values, np.nan)[1:]])
        for name, values in (("precision", precision), ("recall", recall), ("f1", f1))
    }
    counts = confusion_matrix(sample.titles, sample.labels, int(max(sample.titles.max(), sample.labels.max())) + 1)
    return {
        name: {
            **sample.record("precision", columns["precision"][:, index]),
            **sample.record("recall", columns["recall"][:, index]),
            **sample.record("f1", columns["f1"][:, index]),
            "images": int(true[0, index]),
            "titles": int((counts[:, index] > 0).sum()) if index < counts.shape[1] else 0,
        }
        for index, name in enumerate(classes)
    }


def title_scores(sample: Sample, probabilities: np.ndarray) -> dict[str, Any]:
    """Accuracy where each title counts the same, and that of one answer a title: the class with the highest mean probability.

    A title whose images have several labels counts once for each of them.
    """
    classes = probabilities.shape[1]
    pairs, position = np.unique(sample.titles * classes + sample.labels, return_inverse=True)
    images = np.bincount(position)
    hits = predicted_labels(probabilities) == sample.labels
    shares = np.bincount(position, weights=hits) / images
    means = np.zeros((len(pairs), classes))
    np.add.at(means, position, probabilities)
    titles = Sample(pairs % classes, pairs // classes, sample.weights)
    return {**titles.mean("accuracy", shares), **titles.mean("one_answer", predicted_labels(means) == titles.labels)}


def calibration(sample: Sample, probabilities: np.ndarray) -> dict[str, Any]:
    """Log loss, expected calibration error and the reliability diagram.

    The error is the mean over bins, weighted by their images, of |share right - mean confidence|; bins have equal numbers of images
    (Nguyen and O'Connor, 2015, doi:10.18653/v1/D15-1182). Few images make it larger: it is not 0 for a calibrated model.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    hits = predicted_labels(probabilities) == sample.labels
    true = probabilities[np.arange(len(hits)), sample.labels].astype(np.float64)
    bins = np.zeros(len(hits), np.int64)
    for number, rows in enumerate(np.array_split(np.argsort(confidence, kind="stable"), min(BINS, len(hits)))):
        bins[rows] = number
    members = bins[:, None] == np.arange(bins.max() + 1)
    images, right, sure = (sample.sums(members * values[:, None]) for values in (np.ones(len(hits)), hits, confidence))
    error = safe_divide(np.abs(right - sure).sum(axis=1), images.sum(axis=1))
    shares = safe_divide(right, images)
    return {
        **sample.mean("log_loss", -np.log(np.clip(true, CLIP, 1.0))),
        **sample.record("ece", error),
        "bins": [
            {
                "confidence": float(sure[0, number] / images[0, number]),
                **sample.record("share_right", shares[:, number]),
                "images": int(images[0, number]),
                "titles": len(np.unique(sample.titles[bins == number])),
            }
            for number in range(bins.max() + 1)
        ],
    }


def answered(sample: Sample, hits: np.ndarray, confidence: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy if only the share of images with the highest confidence is answered (risk and coverage: El-Yaniv and Wiener, 2010)."""
    order = np.argsort(-confidence, kind="stable")
    rows = []
    for share in SHARES:
        chosen = np.zeros(len(hits), bool)
        chosen[order[: max(1, round(share * len(hits)))]] = True
        totals = sample.sums(np.column_stack([hits & chosen, chosen]))
        with_images = totals[:, 1] > 0  # a resample may have none of the titles
        accuracy = np.where(with_images, safe_divide(totals[:, 0], totals[:, 1]), np.nan)
        rows.append(
            {
                "share": share,
                "least_confidence": float(confidence[chosen].min()),
                **sample.record("accuracy", accuracy),
                "images": int(chosen.sum()),
                "titles": len(np.unique(sample.titles[chosen])),
            }
        )
    return rows
