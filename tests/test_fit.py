"""stages/lib/fit.py: the study's head, trained the same way each time."""

import numpy as np
import pytest

from stages.lib import fit
from stages.lib.fit import Head, Training

HEAD = Head(pool="style", standardise=True, units=16, dropout=0.5)
SCHEDULE = Training(batch=16, epochs=12, patience=12)


@pytest.fixture(scope="module")
def data():
    """Features float32 (120, 6) of three separable classes at a large offset; labels; train and val rows."""
    generator = np.random.default_rng(0)
    labels = np.arange(120) % 3
    centres = generator.normal(0, 3, (3, 6))
    features = (1000 + centres[labels] + generator.normal(0, 1, (120, 6))).astype(np.float32)
    return features, labels, np.arange(90), np.arange(90, 120)


def trained(data, seed=1, schedule=SCHEDULE, lr=0.01, head=HEAD):
    features, labels, train, val = data
    return fit.fit_head(features, labels, train, val, 3, head, lr, schedule, seed)


def test_the_head_is_dense_relu_dropout_dense_softmax(data):
    head = fit.build_head(6, 3, HEAD, data[0])
    assert [type(layer).__name__ for layer in head.layers] == [
        "InputLayer",
        "Normalization",
        "Dense",
        "Dropout",
        "Dense",
    ]
    assert [head.layers[place].activation.__name__ for place in (2, 4)] == ["relu", "softmax"]
    assert (head.layers[2].units, head.layers[3].rate) == (16, 0.5)


def test_without_standardising_the_head_is_the_study_s_alone(data):
    head = fit.build_head(6, 3, HEAD.model_copy(update={"standardise": False}), data[0])
    assert [type(layer).__name__ for layer in head.layers] == ["InputLayer", "Dense", "Dropout", "Dense"]


def test_standardising_uses_train_rows_alone(data):
    features, labels, train, val = data
    shifted = features.copy()
    shifted[val] += 500
    one, _ = trained((features, labels, train, val))
    other, _ = trained((shifted, labels, train, val))
    assert np.array_equal(one.layers[1].get_weights()[0], other.layers[1].get_weights()[0])
    np.testing.assert_allclose(one.layers[1].get_weights()[0], features[train].mean(axis=0), rtol=1e-5)


def test_separable_classes_are_learned(data):
    _, history = trained(data)
    assert history["val_accuracy"].max() > 0.9
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]


def test_shuffled_labels_stay_near_chance(data):
    features, labels, train, val = data
    shuffled = np.random.default_rng(3).permutation(labels)
    _, history = trained((features, shuffled, train, val))
    assert history["val_accuracy"].max() < 0.7


def test_equal_seeds_give_equal_weights_bit_for_bit_and_others_do_not(data):
    one, other, third = (trained(data, seed)[0].get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, third, strict=True))


def test_the_best_epoch_s_weights_are_kept(data):
    features, labels, _, val = data
    model, history = trained(data, lr=0.3, schedule=Training(batch=16, epochs=10, patience=10))
    accuracy = (model.predict_on_batch(features[val]).argmax(axis=1) == labels[val]).mean()
    assert accuracy == pytest.approx(history["val_accuracy"].max())


def test_training_stops_when_validation_no_longer_improves(data):
    _, history = trained(data, lr=1e-9, schedule=Training(batch=16, epochs=50, patience=2))
    assert len(history) == 3  # the first epoch is the best, two more do not beat it


def test_each_epoch_is_told(data):
    told = []
    features, labels, train, val = data
    fit.fit_head(
        features,
        labels,
        train,
        val,
        3,
        HEAD,
        0.01,
        SCHEDULE,
        1,
        lambda epoch, measured: told.append((epoch, *measured)),
    )
    assert told == [(epoch, "accuracy", "loss", "val_accuracy", "val_loss") for epoch in range(12)]
