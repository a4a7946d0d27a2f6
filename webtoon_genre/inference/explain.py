"""What in a picture speaks for a class: heat maps from the maps that the pooling takes, and occlusion as a check.

A class's score, its logit relative to the mean of all classes, has a gradient by each feature of the style vector. Each feature is a mean
over positions of a map, so that a position's share of it is known: A for a mean (Grad-CAM: Selvaraju et al., 2017, arXiv:1610.02391; per
position: HiResCAM, Draelos and Carin, 2020, arXiv:2011.08891), (A - mean)² / deviation for a deviation, p_i p_j for a Gram product.
A heat map is the sum over features of gradient × (share - the feature's mean over train images): its mean over the picture is, to first
order, how much the picture's style raises the score above that of an average picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from webtoon_genre.inference.head import Head
from webtoon_genre.inference.model import GenreModel, Prediction

SMOOTH = 1 / 28  # of the side: deviation of the Gaussian that smooths a heat map
PATCH, STRIDE = 1 / 7, 1 / 14  # of the side: the square that occlusion hides, and its step
EPSILON = 1e-5  # as in the style pooling


@dataclass(frozen=True)
class Explanation:
    """labels: classes, the most probable first. heat: float32 (labels, side, side), positive where the picture speaks for the class."""

    prediction: Prediction
    labels: list[str]
    heat: np.ndarray


def explain(model: GenreModel, head: Head, prediction: Prediction, number: int = 2) -> Explanation:
    """Heat maps of a picture's most probable classes."""
    labels = list(prediction.probabilities)[:number]
    gradients = head.gradients(prediction.style[np.newaxis])[0]
    maps = [array[0] for array in model.maps(prediction.pixels[np.newaxis])]
    heat = [
        heat_map(maps, gradients[model.classes.index(label)], model.titles.mean, model.pool, model.config.side)
        for label in labels
    ]
    return Explanation(prediction, labels, np.stack(heat))


def heat_map(maps: Sequence[np.ndarray], gradient: np.ndarray, mean: np.ndarray, pool: str, side: int) -> np.ndarray:
    """One class's heat, float32 (side, side), smoothed. maps: float (h, w, channels). gradient, mean: float (width,)."""
    heat = np.zeros((side, side))
    for feature_map, parts in zip(maps, split_by_map(maps, pool), strict=True):
        local = np.zeros(feature_map.shape[:2])
        for kind, columns in parts:
            shares, slope = position_shares(feature_map.astype(np.float64), kind), gradient[columns].astype(np.float64)
            if kind == "flatten":
                local += (slope * (shares - mean[columns])).reshape(feature_map.shape).sum(axis=2) * local.size
            else:
                local += shares @ slope - mean[columns].astype(np.float64) @ slope
        heat += cv2.resize(local, (side, side), interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(heat, (0, 0), SMOOTH * side).astype(np.float32)


def split_by_map(maps: Sequence[np.ndarray], pool: str) -> list[list[tuple[str, slice]]]:
    """For each map, which columns of the style vector come from it, and how; the order is that of features/pooling.py."""
    kinds = {"style": ["average", "deviation"]}.get(pool, [pool])
    parts: list[list[tuple[str, slice]]] = [[] for _ in maps]
    start = 0
    for kind in kinds:
        for position, feature_map in enumerate(maps):
            channels = feature_map.shape[-1]
            width = channels
            if kind in ("flatten", "gram"):
                width = feature_map.size if kind == "flatten" else channels * (channels + 1) // 2
            parts[position].append((kind, slice(start, start + width)))
            start += width
    return parts


def position_shares(feature_map: np.ndarray, kind: str) -> np.ndarray:
    """What each position adds to each feature: float (h, w, features), with the feature as mean; of flatten, float (features,)."""
    if kind == "flatten":
        return feature_map.reshape(-1)
    if kind == "average":
        return feature_map
    if kind == "gram":
        rows, columns = np.triu_indices(feature_map.shape[-1])
        return feature_map[..., rows] * feature_map[..., columns]
    mean, variance = feature_map.mean(axis=(0, 1)), feature_map.var(axis=(0, 1))
    return ((feature_map - mean) ** 2 + EPSILON) / np.sqrt(variance + EPSILON)


def occlusion(model: GenreModel, prediction: Prediction, label: str) -> tuple[np.ndarray, np.ndarray]:
    """How much a class's score falls where a square is hidden: float (squares,), and the squares' corners, int (squares, 4).

    A square is painted in the picture's mean colour. The score is the log probability relative to the mean of all classes.
    Corners are top, left, bottom, right.
    """
    side, position = model.config.side, model.classes.index(label)
    patch, stride = max(1, round(side * PATCH)), max(1, round(side * STRIDE))
    starts = range(0, side - patch + 1, stride)
    corners = np.array([(top, left, top + patch, left + patch) for top in starts for left in starts])
    images = np.repeat(prediction.pixels[np.newaxis], len(corners) + 1, axis=0)
    colour = prediction.pixels.mean(axis=(0, 1)).round().astype(np.uint8)
    for image, (top, left, bottom, right) in zip(images, corners, strict=False):
        image[top:bottom, left:right] = colour
    probabilities = np.concatenate([model.run(images[start : start + 32])[0] for start in range(0, len(images), 32)])
    logarithms = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    scores = logarithms[:, position] - logarithms.mean(axis=1)
    return scores[-1] - scores[:-1], corners


def check(model: GenreModel, explanation: Explanation) -> float:
    """The agreement of the most probable class's heat map with occlusion."""
    return agreement(explanation.heat[0], *occlusion(model, explanation.prediction, explanation.labels[0]))


def agreement(heat: np.ndarray, falls: np.ndarray, corners: np.ndarray) -> float:
    """The rank correlation (Spearman) of a heat map's means over squares and of the falls of the score when they are hidden."""
    means = [heat[top:bottom, left:right].mean() for top, left, bottom, right in corners]
    return rank_correlation(np.array(means), falls)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's coefficient of float (n,) and (n,), without regard to ties; 0 where one is constant."""
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float) for values in (x, y)]
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
