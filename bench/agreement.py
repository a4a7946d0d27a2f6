"""How far features of one engine agree with those of another: differences, and decisions of a head that was trained on the others."""

import numpy as np
from sklearn.linear_model import RidgeClassifier

# "Equal enough", DECISIONS.md: of largest_difference, except for flattened maps, and of relative_difference
LIMIT, RELATIVE_LIMIT = 1e-2, 1e-3
CONSTANT = 1e-3  # of a feature's largest value: with a smaller deviation over the images it counts as constant


def largest_difference(features: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference of a feature, float32 (n, width), in units of its deviation over the images, which heads standardise by.

    A feature that is all but constant is compared with its largest value instead.
    """
    largest = np.abs(expected).max(axis=0)
    deviation = expected.std(axis=0)
    unit = np.where(deviation > CONSTANT * largest, deviation, np.maximum(largest, np.finfo(np.float32).tiny))
    return float((np.abs(features - expected) / unit).max())


def relative_difference(features: np.ndarray, expected: np.ndarray) -> float:
    """The norm of the difference of all features, divided by the norm of the features."""
    return float(np.linalg.norm(features - expected) / np.linalg.norm(expected))


def equal_decisions(features: np.ndarray, expected: np.ndarray, labels: np.ndarray) -> float:
    """The share of images, int labels (n,), to which a linear head gives the same label from both; it was trained on `expected`."""
    mean, deviation = expected.mean(axis=0), np.maximum(expected.std(axis=0), 1e-7)
    head = RidgeClassifier(alpha=100.0).fit((expected - mean) / deviation, labels)
    decisions = [head.predict((table - mean) / deviation) for table in (features, expected)]
    return float((decisions[0] == decisions[1]).mean())
