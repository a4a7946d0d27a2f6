"""webtoon_genre/training/divergence.py: NaN and infinity in training are an exception with the number, the epoch and what to do."""

import numpy as np
import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.training import divergence
from webtoon_genre.training.divergence import NotFinite, explain_divergence

GOOD = {"accuracy": 0.5, "loss": 1e38, "val_accuracy": 0.0, "val_loss": 16.1}


@pytest.mark.parametrize("name", ["loss", "val_loss"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_names_the_epoch_from_1_and_the_learning_rate(name, value):
    with pytest.raises(NotFinite, match=rf"^{name} is {value} in epoch 3 at the learning rate 0\.5$"):
        divergence.check_metrics({**GOOD, name: value}, 2, 0.5)


def test_a_large_finite_loss_is_a_loss():
    divergence.check_metrics(GOOD, 0, 1e30)
    divergence.check_trained([np.float32([3e38, -3e38])], 0, 1e30)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_names_the_epoch(value):
    with pytest.raises(NotFinite, match=rf"^a weight is {value} after epoch 1 at the learning rate 1e\+30$"):
        divergence.check_trained([np.zeros(2, np.float32), np.float32([[1, value]])], 0, 1e30)


def test_an_input_that_is_not_finite_is_named_by_its_row(monkeypatch):
    monkeypatch.setattr(divergence, "CHUNK", 2)
    first, second = np.zeros((9, 2), np.float32), np.zeros((9, 2, 2), np.float16)
    second[6, 1, 0] = np.inf
    divergence.check_inputs([first, second], np.array([0, 1, 2, 3, 8]))
    with pytest.raises(NotFinite, match=r"^row 7 of the features is not finite$"):
        divergence.check_inputs([first, second], np.array([0, 1, 2, 3, 6]))


def test_a_line_has_the_backbone_and_the_key_of_the_learning_rate():
    with (
        pytest.raises(InputError, match=r"^vgg16: loss is nan; lower experiments\.lr$"),
        explain_divergence("vgg16", "experiments.lr"),
    ):
        raise NotFinite("loss is nan")


def test_a_line_has_the_remedy_where_the_learning_rate_is_none():
    with pytest.raises(InputError, match=r"^vgg16: features; make them anew$"), explain_divergence("vgg16", "lr"):
        raise NotFinite("features", "make them anew")
