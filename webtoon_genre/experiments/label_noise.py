"""Label quality from out-of-fold predictions: which genres overlap, which titles look mislabelled; no files, no models.

Throughout: `labels` int (n,), `groups` int (n,) the titles of rows, `probabilities` float (n, k), predicted out of fold: by a model
that was not trained on the row's title. Confident learning is cleanlab's (Northcutt et al., 2021, arXiv:1911.00068).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.bootstrap import safe_divide


@dataclass(frozen=True)
class TitlePredictions:
    """One entry for each title and label: groups, labels, images int (t,); probabilities float (t, k), the mean over its images.

    entry: int (n,), the entry of each row.
    """

    groups: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    probabilities: np.ndarray
    entry: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, groups: np.ndarray, probabilities: np.ndarray) -> "TitlePredictions":
        """Average rows by title and label; entries are sorted by title, then by label."""
        keys, entry = np.unique(np.column_stack([groups, labels]), axis=0, return_inverse=True)
        entry = entry.reshape(-1)
        images = np.bincount(entry)
        means = np.column_stack([np.bincount(entry, weights=column) / images for column in probabilities.T])
        return cls(keys[:, 0], keys[:, 1], images, means, entry)


def label_quality(titles: TitlePredictions) -> np.ndarray:
    """float (t,), 0 to 1: the predicted probability of the title's label (self-confidence)."""
    from cleanlab.rank import get_label_quality_scores

    return np.asarray(get_label_quality_scores(titles.labels, titles.probabilities, method="self_confidence"))


def find_mislabelled(titles: TitlePredictions) -> np.ndarray:
    """bool (t,): titles that look mislabelled by two rules, both of which must select them (cleanlab's "both", its strictest rule).

    Confident learning estimates how many labels are wrong. The first rule selects as many titles of each genre, the least probable
    ones; the second as many of each genre and suggested genre, those with the largest margin for the suggested genre.
    """
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab warns of genres with few titles and of those never predicted
        issues = find_label_issues(titles.labels, titles.probabilities, filter_by="both", n_jobs=1)
    return np.asarray(issues) & (titles.probabilities.argmax(axis=1) != titles.labels)


def confident_joint(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """int (k, k): images by label (row) and by genre according to confident learning (column); rows add up to the labels' counts."""
    from cleanlab.count import compute_confident_joint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(compute_confident_joint(labels, probabilities), np.int64)


def overlaps(joint: np.ndarray) -> np.ndarray:
    """float (k, k), symmetric, 0 on the diagonal: the share of one genre's images assigned to the other, the mean of both directions.

    By shares, not by counts as in cleanlab's ranking: by counts, two genres overlap because they are large.
    """
    shares = safe_divide(joint, np.broadcast_to(joint.sum(axis=1, keepdims=True), joint.shape))
    return (shares + shares.T) / 2 * (1 - np.eye(len(joint)))


def confusions(labels: np.ndarray, groups: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """float (titles, k, k): images of each title by label and most probable genre."""
    _, title = np.unique(groups, return_inverse=True)
    counts = np.zeros((title.max() + 1, *[probabilities.shape[1]] * 2))
    np.add.at(counts, (title, labels, probabilities.argmax(axis=1)), 1)
    return counts


def pair_titles(counts: np.ndarray) -> np.ndarray:
    """int (k, k), symmetric: titles with images of one of two genres; counts: float (titles, k, k), of `confusions`."""
    present = counts.sum(axis=2) > 0
    return (present[:, :, None] | present[:, None, :]).sum(axis=0)


def ratio_to_chance(counts: np.ndarray) -> np.ndarray:
    """float (..., k, k), symmetric: errors between two genres divided by `chance_errors`.

    counts: float (..., k, k), by label and predicted genre. 1 is chance; 0 where no errors are expected.
    """
    expected = chance_errors(counts)
    errors = counts * (1 - np.eye(counts.shape[-1]))
    return safe_divide(errors + errors.swapaxes(-1, -2), expected + expected.swapaxes(-1, -2))


def chance_errors(counts: np.ndarray) -> np.ndarray:
    """float (..., k, k): errors of each label, distributed over the other genres in proportion to their images; 0 on the diagonal."""
    off = 1 - np.eye(counts.shape[-1])
    errors, sizes = (counts * off).sum(axis=-1), counts.sum(axis=-1)
    rest = (sizes[..., None, :] * off).sum(axis=-1)
    return errors[..., None] * safe_divide(sizes[..., None, :] * off, np.broadcast_to(rest[..., None], counts.shape))


def errors_over_chance(counts: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`ratio_to_chance` of all titles, float (k, k), and its 95% interval, float (2, k, k), from titles resampled with replacement.

    counts: float (titles, k, k).
    """
    weights = bootstrap.resample_counts(len(counts), generator)
    resampled = (weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
    return ratio_to_chance(counts.sum(axis=0)), np.quantile(ratio_to_chance(resampled), bootstrap.TAILS, axis=0)


def error_shares(
    counts: np.ndarray, folds: np.ndarray, flagged: np.ndarray, generator: np.random.Generator
) -> dict[str, Any]:
    """Shares of all errors: those between genres that overlap, and those in titles that look mislabelled.

    counts: float (titles, k, k). folds: int (titles,). flagged: bool (titles,), those that look mislabelled. Two genres overlap where
    the interval of `errors_over_chance` in the other folds lies above 1: pairs are chosen on other titles than those whose errors are
    counted. `overlap_by_chance` is the share expected between these genres if errors went by genres' sizes. `ambiguity` is the excess,
    (overlap - chance) / (1 - chance), not below 0; its interval resamples titles. Errors in titles that look mislabelled are not
    subtracted: a weak model flags many titles.
    """
    off = 1 - np.eye(counts.shape[-1])
    between, chance = np.zeros(len(counts)), np.zeros(len(counts))
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        near = errors_over_chance(counts[outside], generator)[1][0] > 1
        sizes = counts[outside].sum(axis=(0, 2))[None] * off
        spread = safe_divide(sizes, np.broadcast_to(sizes.sum(axis=1, keepdims=True), off.shape))
        between[inside] = (counts[inside] * off * near).sum(axis=(1, 2))
        chance[inside] = ((counts[inside] * off).sum(axis=2) * (spread * near).sum(axis=1)).sum(axis=1)
    errors = (counts * off).sum(axis=(1, 2))
    parts = np.column_stack([errors, between, chance])
    total, resampled = parts.sum(axis=0), bootstrap.resample_counts(len(counts), generator) @ parts
    return {
        "errors": int(total[0]),
        "overlap": float(safe_divide(total[1], total[0])),
        "overlap_by_chance": float(safe_divide(total[2], total[0])),
        "ambiguity": float(ambiguous_share(total[None])[0]),
        "ambiguity_interval": [float(bound) for bound in np.quantile(ambiguous_share(resampled), bootstrap.TAILS)],
        "in_flagged_titles": float(safe_divide((errors * flagged).sum(), errors.sum())),
    }


def ambiguous_share(parts: np.ndarray) -> np.ndarray:
    """float (m,), 0 to 1: (overlap - chance) / (1 - chance).

    parts: float (m, 3), numbers of errors, of those between overlapping genres, and of those expected there by chance.
    """
    errors, between, chance = parts.T
    return np.maximum(0, safe_divide(between - chance, errors - chance))


def rank_pairs(
    overlap: np.ndarray, ratio: np.ndarray, limits: np.ndarray, titles: np.ndarray, genres: Sequence[str]
) -> list[dict[str, Any]]:
    """All pairs of genres, sorted by the lower end of the interval, then by overlap, largest first.

    overlap: of `overlaps`. ratio, limits: of `errors_over_chance`. titles: of `pair_titles`.
    """
    rows, columns = np.triu_indices(len(genres), 1)
    order = np.lexsort((-overlap[rows, columns], -limits[0, rows, columns]))
    return [
        {
            "genres": [genres[row], genres[column]],
            "overlap": float(overlap[row, column]),
            "errors_over_chance": float(ratio[row, column]),
            "errors_over_chance_interval": [float(bound) for bound in limits[:, row, column]],
            "titles": int(titles[row, column]),
        }
        for row, column in zip(rows[order], columns[order], strict=True)
    ]


def rank_titles(titles: TitlePredictions, genres: Sequence[str]) -> pd.DataFrame:
    """One row for each title and label, lowest quality first: title_id, genre, suggested, quality, images, flagged."""
    table = pd.DataFrame(
        {
            "title_id": titles.groups,
            "genre": np.asarray(genres)[titles.labels],
            "suggested": np.asarray(genres)[titles.probabilities.argmax(axis=1)],
            "quality": label_quality(titles),
            "images": titles.images,
            "flagged": find_mislabelled(titles),
        }
    )
    return table.sort_values(["quality", "title_id", "genre"], ignore_index=True)
