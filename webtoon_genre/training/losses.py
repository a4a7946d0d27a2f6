"""Losses for genres of unequal size: functions of labels, int (n,) or (n, 1), and probabilities, float (n, k); float (n,), in nats.

Each is a cross-entropy, changed in one respect by the number of train rows of each label: `counts`, int (k,).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Loss = Callable[[Any, Any], Any]
EPSILON = 1e-7  # the least probability in a logarithm, as in Keras


def class_weights(counts: np.ndarray) -> np.ndarray:
    """float64 (k,): inversely proportional to counts, 1 on average over rows (King and Zeng, 2001, "balanced" in scikit-learn)."""
    return scale_to_mean_one(1 / np.maximum(counts, 1), counts)


def effective_weights(counts: np.ndarray, beta: float) -> np.ndarray:
    """float64 (k,): inversely proportional to the effective number of rows, (1 - beta^n) / (1 - beta), 1 on average over rows.

    Class-balanced loss of Cui et al. (2019, arXiv:1901.05555), equation 2. Their weights are 1 on average over classes, not rows,
    so that the effective learning rate depends on the imbalance.
    """
    return scale_to_mean_one((1 - beta) / (1 - beta ** np.maximum(counts, 1)), counts)


def scale_to_mean_one(weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`weights`, scaled to 1 on average over rows."""
    return weights * counts.sum() / (weights * counts).sum()


def weighted_cross_entropy(weights: np.ndarray) -> Loss:
    """Cross-entropy times the weight of the row's label."""

    def loss(labels: Any, probabilities: Any) -> Any:
        from keras import ops

        return ops.take(ops.convert_to_tensor(weights, "float32"), as_int_labels(labels)) * cross_entropy(
            labels, probabilities
        )

    return loss


def focal(gamma: float) -> Loss:
    """(1 - p)^gamma times the cross-entropy, p the probability of the true label (Lin et al., 2017, arXiv:1708.02002, equation 4)."""

    def loss(labels: Any, probabilities: Any) -> Any:
        from keras import ops

        return ops.power(1 - true_probability(labels, probabilities), gamma) * cross_entropy(labels, probabilities)

    return loss


def logit_adjusted(counts: np.ndarray, tau: float) -> Loss:
    """Cross-entropy of softmax(logits + tau ln prior): rare labels get a larger margin (Menon et al., 2021, arXiv:2007.07314, equation 10).

    A label without rows counts as one row. Predictions do not use the prior, so the model's probabilities need no change.
    """
    prior = np.maximum(counts, 1) / np.maximum(counts, 1).sum()

    def loss(labels: Any, probabilities: Any) -> Any:
        from keras import ops

        shifted = probabilities * ops.convert_to_tensor(prior**tau, "float32")
        return cross_entropy(labels, shifted / ops.sum(shifted, axis=-1, keepdims=True))

    return loss


def cross_entropy(labels: Any, probabilities: Any) -> Any:
    """-ln p of the true label, float (n,)."""
    from keras import ops

    return -ops.log(ops.clip(true_probability(labels, probabilities), EPSILON, 1.0))


def true_probability(labels: Any, probabilities: Any) -> Any:
    """The probability of the true label, float (n,)."""
    from keras import ops

    return ops.sum(ops.one_hot(as_int_labels(labels), probabilities.shape[-1]) * probabilities, axis=-1)


def as_int_labels(labels: Any) -> Any:
    """Labels as int (n,); Keras passes floats with a last axis of 1 to losses."""
    from keras import ops

    return ops.cast(ops.reshape(labels, (-1,)), "int32")
