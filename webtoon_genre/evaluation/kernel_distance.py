"""The kernel distance between two sets of feature vectors, with an interval; no files.

KID (Bińkowski et al., 2018, arXiv:1801.01401): the squared maximum mean discrepancy (Gretton et al., 2012, JMLR 13:723) of the kernel
k(x, y) = (x·y / width + 1)³, estimated without bias, so that it holds for tens of vectors, where the Fréchet distance does not. It is
about 0 for two samples of one distribution, and may be negative. Vectors of one group (a title) resemble each other, so that pairs
within a group would raise the estimate: they are left out.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from webtoon_genre.evaluation.bootstrap import resample_counts


@dataclass(frozen=True)
class Sample:
    """Feature vectors, float (n, width), and the group of each, int (n,)."""

    vectors: np.ndarray
    groups: np.ndarray

    @cached_property
    def numbered(self) -> np.ndarray:
        """The groups as 0..k-1, int (n,)."""
        return np.unique(self.groups, return_inverse=True)[1]

    @property
    def size(self) -> int:
        """The number of groups."""
        return int(self.numbered.max()) + 1

    def weights(self, generator: np.random.Generator) -> np.ndarray:
        """How often each vector is in each resample of whole groups, float (resamples, n)."""
        return resample_counts(self.size, generator)[:, self.numbered]


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x·y / width + 1)³ of float (n, width) and (m, width): float64 (n, m)."""
    return (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3


def within(sample: Sample, weights: np.ndarray) -> np.ndarray:
    """The mean kernel of pairs from different groups, by weights float (resamples, n): float (resamples,); nan without such a pair."""
    apart = (sample.numbered[:, None] != sample.numbered).astype(np.float64)
    products = kernel(sample.vectors, sample.vectors) * apart
    total = ((weights @ apart) * weights).sum(axis=1)
    means = np.full(len(weights), np.nan)
    np.divide(((weights @ products) * weights).sum(axis=1), total, out=means, where=total > 0)
    return means


def between(one: Sample, other: Sample, weights: np.ndarray, other_weights: np.ndarray) -> np.ndarray:
    """The mean kernel of pairs from both samples, by weights: float (resamples,)."""
    sums = ((weights @ kernel(one.vectors, other.vectors)) * other_weights).sum(axis=1)
    return sums / (weights.sum(axis=1) * other_weights.sum(axis=1))


@dataclass(frozen=True)
class Distance:
    """A squared kernel distance, and its value in each resample of groups, float (resamples,)."""

    value: float
    resampled: np.ndarray

    @property
    def interval(self) -> list[float]:
        """[low, high], 95%."""
        return [float(limit) for limit in np.nanquantile(self.resampled, (0.025, 0.975))]


class Reference:
    """The sample from which several others' distances are measured, with the same resamples for all, so that they can be compared."""

    def __init__(self, sample: Sample, seed: int):
        self.sample, self.seed = sample, seed
        self.all = np.ones((1, len(sample.vectors)))
        self.weights = sample.weights(np.random.default_rng(seed))
        self.inner = {True: within(sample, self.all), False: within(sample, self.weights)}  # by whether it is of all

    def distance(self, other: Sample) -> Distance:
        """The distance of another sample; both are resampled by groups. A sample needs two groups."""
        weights = other.weights(np.random.default_rng(self.seed + 1))
        value = self._distance(other, self.all, np.ones((1, len(other.vectors))))
        return Distance(float(value[0]), self._distance(other, self.weights, weights))

    def _distance(self, other: Sample, weights: np.ndarray, other_weights: np.ndarray) -> np.ndarray:
        inner = self.inner[weights is self.all]
        return inner + within(other, other_weights) - 2 * between(self.sample, other, weights, other_weights)
