"""webtoon_genre/evaluation/temperature.py."""

import numpy as np
import pytest

from webtoon_genre.evaluation import temperature


def simulated(overconfidence: float, rows: int = 4000, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from known probabilities, and these with logits multiplied by `overconfidence`."""
    generator = np.random.default_rng(7)
    logits = generator.normal(size=(rows, classes)) * 1.5
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)
    return labels, temperature.scale(true, 1 / overconfidence)


@pytest.mark.parametrize("overconfidence", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_is_the_factor_by_which_logits_are_too_large(overconfidence):
    assert temperature.fit(*simulated(overconfidence)) == pytest.approx(overconfidence, rel=0.06)


def test_temperature_1_changes_nothing_and_no_temperature_changes_the_order():
    _, probabilities = simulated(1.0, rows=50)
    np.testing.assert_allclose(temperature.scale(probabilities, 1.0), probabilities, rtol=1e-12)
    for value in (0.1, 7.0):
        scaled = temperature.scale(probabilities, value)
        np.testing.assert_allclose(scaled.sum(axis=1), 1)
        np.testing.assert_array_equal(scaled.argsort(axis=1), probabilities.argsort(axis=1))


def test_a_probability_of_0_stays_finite():
    scaled = temperature.scale(np.array([[1.0, 0.0, 0.0]], np.float32), 2.0)
    assert np.isfinite(scaled).all()
    assert temperature.fit(np.array([1]), np.array([[1.0, 0.0, 0.0]])) == pytest.approx(temperature.HIGHEST, rel=0.01)
