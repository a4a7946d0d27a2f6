"""How good predictions are, in plain numbers; it knows no files and no models, and what a genre is it is told.

Throughout: `labels` int (n,), `probabilities` float (n, k), row i of both about one image; the predicted label is the most
probable one, the first of equals. `counts` int (k, k) is the confusion matrix, (true, predicted). A share of nothing, such as
the recall of a genre without rows or the precision of one never predicted, is 0.0.

scikit-learn has most of these; it warns where classes are many and rows few, as in our smallest runs, so they are written out
here and a test holds them equal to it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from webtoon_genre.core.errors import InputError

HELD_OUT = ("val", "test")  # the sides of the split that are scored
CLIP = 1e-7  # least probability in the log loss, Keras's own: the two can be compared
DRAWS = 2000  # resamplings for an interval
DRAWS_AT_ONCE = 100  # of them in memory
CONFIDENCE = 0.95


def score_splits(rows: pd.DataFrame, probabilities: np.ndarray, genres: Sequence[str], seed: int) -> dict[str, Any]:
    """{"val": scores, "test": scores} of `rows` (columns label, split, group); each interval draws from a generator of its own."""
    return {
        side: score_rows(*split_rows(rows, probabilities, side), genres, np.random.default_rng(seed))
        for side in HELD_OUT
    }


def split_rows(rows: pd.DataFrame, probabilities: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities and groups of one side's rows; a side without rows cannot be scored."""
    chosen = (rows["split"] == side).to_numpy()
    if not chosen.any():
        raise InputError(
            f"the dataset has no {side} rows of {len(rows)}; add titles (five a genre fill every part) or change split.ratios"
        )
    return rows["label"].to_numpy()[chosen], probabilities[chosen], rows["group"].to_numpy()[chosen]


def score_rows(
    labels: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    genres: Sequence[str],
    generator: np.random.Generator,
) -> dict[str, Any]:
    """All scores of one set of rows; `genres` name the labels 0..k-1, `groups` int (n,) are the titles that intervals resample."""
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
        "per_genre": scores_per_genre(counts, genres),
    }


def predicted_labels(probabilities: np.ndarray) -> np.ndarray:
    """Predicted labels, int (n,); of probabilities for each of several seeds, float (seeds, n, k), int (seeds, n)."""
    return probabilities.argmax(axis=-1)


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int (classes, classes): rows are true labels, columns predicted ones."""
    cells = labels.astype(np.int64) * classes + predicted  # int8 labels would overflow
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def safe_divide(part: Any, whole: Any) -> Any:
    """part / whole, numbers or arrays, 0.0 where `whole` is 0."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)


def recalls(counts: np.ndarray) -> np.ndarray:
    """float (k,): the share of each genre's images that were recognised."""
    return safe_divide(np.diag(counts), counts.sum(axis=1))


def precisions(counts: np.ndarray) -> np.ndarray:
    """float (k,): the share of the images called a genre that are of it."""
    return safe_divide(np.diag(counts), counts.sum(axis=0))


def f1s(counts: np.ndarray) -> np.ndarray:
    """float (k,): the harmonic mean of precision and recall, 2 hits / (true + predicted) (van Rijsbergen, 1979)."""
    return safe_divide(2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1))


def balanced_accuracy(counts: np.ndarray) -> float:
    """The mean recall of the genres that have rows (Brodersen et al., 2010); guessing gives one over their number."""
    return float(recalls(counts)[counts.sum(axis=1) > 0].mean())


def kappa(counts: np.ndarray) -> float:
    """Cohen's kappa (1960): (accuracy - chance) / (1 - chance), chance by how often each genre is true and predicted; 0.0 for one."""
    total = counts.sum()
    chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum() / total**2)
    return float((np.trace(counts) / total - chance) / (1 - chance)) if chance < 1 else 0.0


def macro_f1(counts: np.ndarray) -> float:
    """The mean F1 of the genres that occur, as true or as predicted label (scikit-learn's default)."""
    return float(f1s(counts)[counts.sum(axis=0) + counts.sum(axis=1) > 0].mean())


def top_accuracy(labels: np.ndarray, probabilities: np.ndarray, top: int) -> float:
    """The share of images whose true label is among the `top` most probable; of equals the first count."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return float((best == labels[:, None]).any(axis=1).mean())


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of -ln(probability of the true label), in nats, probabilities clipped to CLIP: sparse categorical cross-entropy."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(true, CLIP, 1.0)).mean())


def scores_per_genre(counts: np.ndarray, genres: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1 and support (true images) of each genre."""
    columns = zip(genres, precisions(counts), recalls(counts), f1s(counts), counts.sum(axis=1), strict=True)
    return {
        genre: {"precision": precision, "recall": recall, "f1": f1, "support": int(support)}
        for genre, precision, recall, f1, support in columns
    }


def accuracy_interval(hits: np.ndarray, groups: np.ndarray, generator: np.random.Generator) -> list[float]:
    """[low, high] of the accuracy, 95 %: the percentile bootstrap over whole groups.

    `hits` bool (n,), or their averages over seeds, `groups` int (n,). Images of one title stand and fall together, so titles are
    drawn with replacement and not images, whose interval would be several times too narrow. It is the cluster bootstrap of Field
    and Welsh (2007, doi:10.1111/j.1467-9868.2007.00593.x). One group alone gives an interval without width.
    """
    _, inverse = np.unique(groups, return_inverse=True)
    sizes = np.bincount(inverse)
    right = np.bincount(inverse, weights=hits)
    accuracies = []
    for _ in range(DRAWS // DRAWS_AT_ONCE):
        drawn = generator.integers(len(sizes), size=(DRAWS_AT_ONCE, len(sizes)))
        accuracies.append(right[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    tail = (1 - CONFIDENCE) / 2
    return [float(bound) for bound in np.quantile(np.concatenate(accuracies), [tail, 1 - tail])]
