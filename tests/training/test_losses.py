"""webtoon_genre/training/losses.py: the formulas against other implementations of them."""

import keras
import numpy as np
import pytest

from webtoon_genre.training import losses

LABELS = np.array([0, 1, 2, 1])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], np.float32)
TRUE = np.array([0.7, 0.6, 0.2, 0.1])
COUNTS = np.array([60, 30, 10])


def values(loss) -> np.ndarray:
    return np.asarray(loss(LABELS.astype(np.float32)[:, None], PROBABILITIES))  # as Keras passes them


def test_class_weights_are_those_of_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat(np.arange(3), COUNTS)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(losses.class_weights(COUNTS), expected)


@pytest.mark.parametrize("beta", [0.9, 0.999])
def test_effective_weights_are_1_on_average_over_rows_and_larger_for_rarer_labels(beta):
    weights = losses.effective_weights(COUNTS, beta)
    assert (weights * COUNTS).sum() / COUNTS.sum() == pytest.approx(1)
    assert (np.diff(weights) > 0).all()
    effective = (1 - beta**COUNTS) / (1 - beta)
    np.testing.assert_allclose(weights * effective, weights[0] * effective[0])


def test_effective_weights_range_from_none_to_class_weights():
    np.testing.assert_allclose(losses.effective_weights(COUNTS, 0.0), 1)
    np.testing.assert_allclose(losses.effective_weights(COUNTS, 1 - 1e-9), losses.class_weights(COUNTS), rtol=1e-5)


def test_a_label_without_rows_has_a_finite_weight():
    assert np.isfinite(losses.class_weights(np.array([5, 0]))).all()
    assert np.isfinite(losses.effective_weights(np.array([5, 0]), 0.99)).all()


def test_weighted_cross_entropy_is_cross_entropy_times_the_label_s_weight():
    weights = np.array([1.0, 2.0, 5.0])
    np.testing.assert_allclose(
        values(losses.weighted_cross_entropy(weights)), -np.log(TRUE) * weights[LABELS], rtol=1e-5
    )


def test_focal_loss_weighs_confident_rows_less():
    np.testing.assert_allclose(values(losses.focal(2.0)), -((1 - TRUE) ** 2) * np.log(TRUE), rtol=1e-5)


def test_focal_loss_is_that_of_keras():
    reference = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, reduction=None)
    expected = np.asarray(reference(np.eye(3, dtype=np.float32)[LABELS], PROBABILITIES))
    np.testing.assert_allclose(values(losses.focal(2.0)), expected, rtol=1e-5)


def test_logit_adjustment_adds_the_log_prior_to_the_logits():
    logits = np.log(PROBABILITIES.astype(np.float64)) + 1.5 * np.log(COUNTS / COUNTS.sum())
    expected = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(4), LABELS]
    np.testing.assert_allclose(values(losses.logit_adjusted(COUNTS, 1.5)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "loss", [losses.weighted_cross_entropy(np.ones(3)), losses.focal(0.0), losses.logit_adjusted(COUNTS, 0.0)]
)
def test_with_neutral_params_every_loss_is_plain_cross_entropy(loss):
    plain = np.asarray(keras.ops.sparse_categorical_crossentropy(LABELS, PROBABILITIES))
    np.testing.assert_allclose(values(loss), plain, rtol=1e-5)
