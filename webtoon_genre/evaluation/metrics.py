"""Scores of predictions; no files, no models, and genres are only names.

Throughout: `labels` int (n,), `probabilities` float (n, k), index i is one image in both; the predicted label is the most
probable one, the first of ties. `counts` int (k, k) is the confusion matrix, (true, predicted). A ratio with denominator 0, such
as the recall of a genre without rows or the precision of one that is never predicted, is 0.0.

Precision, recall and F1 are scikit-learn's, and so are their means; DECISIONS.md (2026-11-27) says why the other scores are not.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from webtoon_genre.core.errors import InputError
from webtoon_genre.evaluation.bootstrap import accuracy_interval

HELD_OUT = ("val", "test")  # the splits that are scored
CLIP = 1e-7  # smallest probability in the log loss, as in Keras, so that the two are comparable


def score_splits(rows: pd.DataFrame, probabilities: np.ndarray, genres: Sequence[str], seed: int) -> dict[str, Any]:
    """Return {"val": scores, "test": scores} of `rows` (columns label, split, group); every split has a new generator from `seed`."""
    return {
        split: score_rows(*split_rows(rows, probabilities, split), genres, np.random.default_rng(seed))
        for split in HELD_OUT
    }


def split_rows(rows: pd.DataFrame, probabilities: np.ndarray, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, probabilities and groups of one split's rows; InputError where it has none."""
    mask = (rows["split"] == split).to_numpy()
    if not mask.any():
        raise InputError(
            f"the dataset has no {split} rows of {len(rows)}; add titles (five a genre fill every split) or change split.ratios"
        )
    return rows["label"].to_numpy()[mask], probabilities[mask], rows["group"].to_numpy()[mask]


def score_rows(
    labels: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    genres: Sequence[str],
    generator: np.random.Generator,
) -> dict[str, Any]:
    """Compute all scores of some rows; `genres` name the labels 0..k-1, `groups` int (n,) are the titles that intervals resample."""
    predicted = predicted_labels(probabilities)
    counts = confusion_matrix(labels, predicted, len(genres))
    return {
        "images": len(labels),
        "groups": len(np.unique(groups)),
        "accuracy": float((labels == predicted).mean()),
        "accuracy_interval": accuracy_interval(labels == predicted, groups, generator),
        "balanced_accuracy": balanced_accuracy(counts),
        "macro_f1": macro_f1(counts),
        "top2_accuracy": top_accuracy(labels, probabilities, 2),
        "log_loss": log_loss(labels, probabilities),
        "per_genre": scores_per_genre(counts, titles_per_class(labels, groups, len(genres)), genres),
    }


def predicted_labels(probabilities: np.ndarray) -> np.ndarray:
    """Return predicted labels, int (n,); for probabilities of several seeds, float (seeds, n, k), int (seeds, n)."""
    return probabilities.argmax(axis=-1)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count images, int (classes, classes): rows are true labels, columns predicted ones."""
    bins = labels.astype(np.int64) * classes + predicted  # int8 labels would overflow
    return np.bincount(bins, minlength=classes * classes).reshape(classes, classes)


def class_scores(
    counts: np.ndarray, labels: Sequence[int] | np.ndarray, average: Literal["macro"] | None = None
) -> tuple[Any, Any, Any, Any]:
    """Return precision, recall, F1 and support (true images) of `labels`, float (len(labels),), or their means and None.

    scikit-learn takes labels and predictions, not counts: here one of each for a cell of the matrix, which has its count as weight.
    """
    from sklearn.metrics import precision_recall_fscore_support  # a stage without Keras waits a second for it

    true, predicted = np.indices(counts.shape).reshape(2, -1)
    return precision_recall_fscore_support(
        true, predicted, labels=labels, average=average, sample_weight=counts.ravel(), zero_division=0.0
    )


def recalls(counts: np.ndarray) -> np.ndarray:
    """Return the recall of every genre, float (k,)."""
    return class_scores(counts, range(len(counts)))[1]


def balanced_accuracy(counts: np.ndarray) -> float:
    """Return the mean recall of the genres that have rows (Brodersen et al., 2010); chance level is one over their number."""
    return float(class_scores(counts, np.flatnonzero(counts.sum(axis=1)), "macro")[1])


def macro_f1(counts: np.ndarray) -> float:
    """Return the mean F1 of the genres that occur as true or as predicted label (scikit-learn's default)."""
    return float(class_scores(counts, np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1)), "macro")[2])


def kappa(counts: np.ndarray) -> float:
    """Return Cohen's kappa (1960), (accuracy - chance) / (1 - chance); 0.0 where only one genre is true and predicted.

    Chance is the accuracy of predictions that are independent of the truth and as frequent as the actual ones.
    """
    total = counts.sum()
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum() / total**2)
    return float((np.trace(counts) / total - chance) / (1 - chance)) if chance < 1 else 0.0


def top_accuracy(labels: np.ndarray, probabilities: np.ndarray, top: int) -> float:
    """Return the share of images whose true label is among the `top` most probable; the first of ties counts."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return float((best == labels[:, None]).any(axis=1).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean of -ln(probability of the true label), clipped to CLIP, in nats: sparse categorical cross-entropy."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(true, CLIP, 1.0)).mean())


def titles_per_class(labels: np.ndarray, groups: np.ndarray, classes: int) -> np.ndarray:
    """Count the titles, `groups` int (n,), that have images of each label: int (classes,)."""
    pairs = np.unique(np.column_stack([groups, labels]), axis=0)
    return np.bincount(pairs[:, 1].astype(np.int64), minlength=classes)


def scores_per_genre(counts: np.ndarray, titles: np.ndarray, genres: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return precision, recall, F1, support (true images) and the number of titles, int (k,), of each genre."""
    names = ("precision", "recall", "f1", "support", "titles")
    columns = zip(genres, *class_scores(counts, range(len(counts))), titles, strict=True)
    return {
        genre: {
            name: int(value) if name in names[3:] else float(value) for name, value in zip(names, values, strict=True)
        }
        for genre, *values in columns
    }
