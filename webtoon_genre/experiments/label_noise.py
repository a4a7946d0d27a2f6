"""What predictions for titles that a model never saw tell of their labels: which genres overlap, which titles look mislabelled.

No files, no models. Throughout: `labels` int (n,), `groups` int (n,) the titles of rows, `probabilities` float (n, k), all
out of fold: said by a model that was trained without the title. Confident learning is cleanlab's (Northcutt et al., 2021,
arXiv:1911.00068).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import safe_divide


@dataclass(frozen=True)
class TitlePredictions:
    """A row a title and label: int (t,) each, and what is said of it, float (t, k), the mean over its images; `unit` int (n,) of rows."""

    groups: np.ndarray
    labels: np.ndarray
    images: np.ndarray
    said: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray, groups: np.ndarray, probabilities: np.ndarray) -> "TitlePredictions":
        """By title, then by label."""
        keys, unit = np.unique(np.column_stack([groups, labels]), axis=0, return_inverse=True)
        unit = unit.reshape(-1)
        images = np.bincount(unit)
        said = np.column_stack([np.bincount(unit, weights=column) / images for column in probabilities.T])
        return cls(keys[:, 0], keys[:, 1], images, said, unit)


def label_quality(titles: TitlePredictions) -> np.ndarray:
    """float (t,), 0 to 1: how well a title's label fits what is said of it: its probability (self-confidence)."""
    from cleanlab.rank import get_label_quality_scores

    return np.asarray(get_label_quality_scores(titles.labels, titles.said, method="self_confidence"))


def mislabelled(titles: TitlePredictions) -> np.ndarray:
    """bool (t,): titles that look mislabelled, by two rules that must both find them.

    Of each genre as many titles, the least probable, as confident learning counts wrong ones; and of each genre and each other one
    as many, those that lean most to the other, as it counts (cleanlab's "both": the most careful of its rules).
    """
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it warns where a genre has few titles, and of every genre that is found nowhere
        found = find_label_issues(titles.labels, titles.said, filter_by="both", n_jobs=1)
    return np.asarray(found) & (titles.said.argmax(axis=1) != titles.labels)


def confident_joint(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """int (k, k): how many images of each label, by row, are taken for each genre by confident learning; rows add up to the labels."""
    from cleanlab.count import compute_confident_joint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(compute_confident_joint(labels, probabilities), np.int64)


def overlaps(joint: np.ndarray) -> np.ndarray:
    """float (k, k), symmetric, 0 on the diagonal: the share of one genre that is taken for the other, the mean of both ways.

    By shares and not by counts, as cleanlab's own ranking: otherwise two large genres overlap because they are large.
    """
    shares = safe_divide(joint, np.broadcast_to(joint.sum(axis=1, keepdims=True), joint.shape))
    return (shares + shares.T) / 2 * (1 - np.eye(len(joint)))


def confusions(labels: np.ndarray, groups: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """float (titles, k, k): each title's images by label and most probable genre."""
    _, title = np.unique(groups, return_inverse=True)
    counts = np.zeros((title.max() + 1, *[probabilities.shape[1]] * 2))
    np.add.at(counts, (title, labels, probabilities.argmax(axis=1)), 1)
    return counts


def ratio_to_chance(counts: np.ndarray) -> np.ndarray:
    """float (..., k, k), symmetric: errors between two genres over those to be expected if errors fell on other genres by their size.

    counts: float (..., k, k), by label and predicted genre. 1 is chance; 0 where nothing is to be expected.
    """
    expected = chance_errors(counts)
    errors = counts * (1 - np.eye(counts.shape[-1]))
    return safe_divide(errors + errors.swapaxes(-1, -2), expected + expected.swapaxes(-1, -2))


def chance_errors(counts: np.ndarray) -> np.ndarray:
    """float (..., k, k): each label's errors, spread over the other genres as these have images; 0 on the diagonal."""
    off = 1 - np.eye(counts.shape[-1])
    errors, sizes = (counts * off).sum(axis=-1), counts.sum(axis=-1)
    rest = (sizes[..., None, :] * off).sum(axis=-1)
    return errors[..., None] * safe_divide(sizes[..., None, :] * off, np.broadcast_to(rest[..., None], counts.shape))


def errors_over_chance(counts: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`beyond_size` of all titles, float (k, k), and its 95 % interval, float (2, k, k): titles drawn with replacement.

    counts: float (titles, k, k).
    """
    often = bootstrap.resample_counts(len(counts), generator)
    drawn = (often @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
    return ratio_to_chance(counts.sum(axis=0)), np.quantile(ratio_to_chance(drawn), bootstrap.TAILS, axis=0)


def error_shares(
    counts: np.ndarray, folds: np.ndarray, flagged: np.ndarray, generator: np.random.Generator
) -> dict[str, Any]:
    """How many errors lie between genres that overlap, and how many in titles that look mislabelled, as shares of all errors.

    counts: float (titles, k, k). folds: int (titles,). flagged: bool (titles,), those that look mislabelled. Two genres overlap where
    the interval of `beyond_size` lies above 1 in the other folds: whether errors fall between them is asked of titles that did not
    choose them. `overlap_by_chance` is the share that would fall there if errors went by genres' sizes, and `ambiguity` is what
    there is beyond it, (overlap - chance) / (1 - chance), not below 0; its interval resamples titles. Errors in titles that look
    mislabelled are no part of it: a model that knows little finds many such titles.
    """
    off = 1 - np.eye(counts.shape[-1])
    between, chance = np.zeros(len(counts)), np.zeros(len(counts))
    for fold in np.unique(folds):
        here, others = folds == fold, folds != fold
        near = errors_over_chance(counts[others], generator)[1][0] > 1
        sizes = counts[others].sum(axis=(0, 2))[None] * off
        spread = safe_divide(sizes, np.broadcast_to(sizes.sum(axis=1, keepdims=True), off.shape))
        between[here] = (counts[here] * off * near).sum(axis=(1, 2))
        chance[here] = ((counts[here] * off).sum(axis=2) * (spread * near).sum(axis=1)).sum(axis=1)
    errors = (counts * off).sum(axis=(1, 2))
    parts = np.column_stack([errors, between, chance])
    whole, drawn = parts.sum(axis=0), bootstrap.resample_counts(len(counts), generator) @ parts
    return {
        "errors": int(whole[0]),
        "overlap": float(safe_divide(whole[1], whole[0])),
        "overlap_by_chance": float(safe_divide(whole[2], whole[0])),
        "ambiguity": float(ambiguous_share(whole[None])[0]),
        "ambiguity_interval": [float(bound) for bound in np.quantile(ambiguous_share(drawn), bootstrap.TAILS)],
        "in_flagged_titles": float(safe_divide((errors * flagged).sum(), errors.sum())),
    }


def ambiguous_share(parts: np.ndarray) -> np.ndarray:
    """float (m,), 0 to 1: of errors, those between overlapping genres, those by chance, float (m, 3), (overlap - chance) / (1 - chance)."""
    errors, between, chance = parts.T
    return np.maximum(0, safe_divide(between - chance, errors - chance))


def rank_pairs(
    overlap: np.ndarray, ratio: np.ndarray, limits: np.ndarray, genres: Sequence[str]
) -> list[dict[str, Any]]:
    """All pairs of genres, those that overlap most surely first: by the interval's lower end, then by overlap.

    `overlap`, `ratio`, `limits` as `overlaps` and `beyond_doubt` give them.
    """
    one, other = np.triu_indices(len(genres), 1)
    order = np.lexsort((-overlap[one, other], -limits[0, one, other]))
    return [
        {
            "genres": [genres[a], genres[b]],
            "overlap": float(overlap[a, b]),
            "errors_over_chance": float(ratio[a, b]),
            "interval": [float(bound) for bound in limits[:, a, b]],
        }
        for a, b in zip(one[order], other[order], strict=True)
    ]


def rank_titles(titles: TitlePredictions, genres: Sequence[str]) -> pd.DataFrame:
    """A row a title, the least fitting label first: title_id, genre, suggested, quality, images, flagged."""
    found = pd.DataFrame(
        {
            "title_id": titles.groups,
            "genre": np.asarray(genres)[titles.labels],
            "suggested": np.asarray(genres)[titles.said.argmax(axis=1)],
            "quality": label_quality(titles),
            "images": titles.images,
            "flagged": mislabelled(titles),
        }
    )
    return found.sort_values(["quality", "title_id", "genre"], ignore_index=True)
