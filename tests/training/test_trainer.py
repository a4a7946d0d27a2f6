"""webtoon_genre/training/trainer.py: the study's head, trained the same way each time."""

import keras
import numpy as np
import pandas as pd
import pytest

from tests.support.runtime_params import MACHINE
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.trainer import HeadParams, Trainer, TrainingData, TrainingParams, build_head, fit_head

HEAD = HeadParams(pool="style", standardise=True, units=16, dropout=0.5)
SCHEDULE = TrainingParams(batch=16, epochs=12, patience=12)


@pytest.fixture(scope="module")
def data():
    """Features float32 (120, 6) of three separable classes at a large offset; labels; train and val rows."""
    generator = np.random.default_rng(0)
    labels = np.arange(120) % 3
    centres = generator.normal(0, 3, (3, 6))
    features = (1000 + centres[labels] + generator.normal(0, 1, (120, 6))).astype(np.float32)
    return features, labels, np.arange(90), np.arange(90, 120)


def learner(data, seed=1, schedule=SCHEDULE, head=HEAD, tail=None):
    features, labels, train, val = data
    examples = TrainingData([features], features, labels, train, val)
    return Trainer(tail, examples, 3, head, schedule, MACHINE.model_copy(update={"seed": seed}))


def trained(data, seed=1, schedule=SCHEDULE, lr=0.01, head=HEAD):
    """The head and its history."""
    own = learner(data, seed, schedule, head)
    return own.head, own.learn(lr)


def test_the_head_is_dense_relu_dropout_dense_softmax(data):
    head = build_head(6, 3, HEAD, data[0])
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
    head = build_head(6, 3, HEAD.model_copy(update={"standardise": False}), data[0])
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
    model, history = trained(data, lr=0.3, schedule=TrainingParams(batch=16, epochs=10, patience=10))
    accuracy = (model.predict_on_batch(features[val]).argmax(axis=1) == labels[val]).mean()
    assert accuracy == pytest.approx(history["val_accuracy"].max())


def test_training_stops_when_validation_no_longer_improves(data):
    _, history = trained(data, lr=1e-9, schedule=TrainingParams(batch=16, epochs=50, patience=2))
    assert len(history) == 3  # the first epoch is the best, two more do not beat it


def test_each_epoch_is_told(data):
    told = []
    learner(data).learn(0.01, lambda epoch, measured: told.append((epoch, *measured)))
    assert told == [(epoch, "accuracy", "loss", "val_accuracy", "val_loss") for epoch in range(12)]


def test_a_head_is_traced_once_for_any_number_of_rows(data):
    features, labels, train, val = data
    made, traced = learner(data), []
    step = made.model.train_step

    def counted(batch):
        traced.append(batch)
        return step(batch)

    made.model.train_step = counted
    made.learn(0.01)
    made.again(TrainingData([features], features, labels, train[:-5], val[:-3]), seed=2)
    made.learn(0.01)
    assert len(traced) == 1


def test_fit_head_is_the_learner_s_head(data):
    features, labels, train, val = data
    head = fit_head(features, labels, train, val, 3, HEAD, 0.01, SCHEDULE, MACHINE)
    for one, other in zip(head.get_weights(), trained(data)[0].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def tail():
    """Six numbers in, six out, by way of a layer to train, a dropout and a batch norm."""
    inputs = keras.Input((6,))
    x = keras.layers.Dense(6, activation="relu")(inputs)
    return keras.Model([inputs], keras.layers.Dropout(0.1)(keras.layers.BatchNormalization()(x)))


@pytest.mark.parametrize("make", [lambda: None, tail])
def test_what_was_learned_before_leaves_no_trace(data, make):
    runtime.set_seed(5)
    own = learner(data, tail=make())
    first = own.learn(0.01)
    weights = own.model.get_weights()
    other = own.learn(0.1)
    assert not other.equals(first)
    pd.testing.assert_frame_equal(own.learn(0.01), first)
    for one, again in zip(weights, own.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, again)


def test_what_is_kept_is_told_with_the_number_of_trained_parameters(data):
    own = learner(data, schedule=TrainingParams(batch=16, epochs=6, patience=6))
    history = own.learn(0.3)
    kept = own.kept(history)
    best = int(history["val_accuracy"].argmax())
    assert (kept["epochs"], kept["best_epoch"]) == (6, best)
    assert kept["val_loss"] == history["val_loss"][best]
    assert kept["trainable_parameters"] == 6 * 16 + 16 + 16 * 3 + 3


def test_only_the_rows_of_a_batch_are_gathered_and_every_row_once_an_epoch():
    arrays = [np.arange(10, dtype=np.float32)[:, None], np.arange(10, dtype=np.float32)[:, None] * 2]
    batches = Batches(arrays, np.arange(10), np.array([1, 3, 5, 7, 9]), 2, 4)
    epochs = []
    for epoch in (0, 1, 0):
        shown = list(batches.epoch(epoch))
        assert [len(labels) for _, labels in shown] == [2, 2, 1]
        for (one, two), labels in shown:
            assert one[:, 0].tolist() == labels.tolist()
            assert two[:, 0].tolist() == (2 * labels).tolist()
        epochs.append([int(label) for _, labels in shown for label in labels])
    assert sorted(epochs[0]) == sorted(epochs[1]) == [1, 3, 5, 7, 9]
    assert epochs[0] != epochs[1]
    assert epochs[0] == epochs[2]


def test_training_is_what_keras_s_own_fit_makes_of_the_same_batches(data):
    features, labels, train, val = data
    schedule, plain = TrainingParams(batch=16, epochs=4, patience=4), HEAD.model_copy(update={"dropout": 0.0})
    history = learner(data, schedule=schedule, head=plain).learn(0.01)
    other = learner(data, schedule=schedule, head=plain)
    keras.utils.set_random_seed(1)
    other.model.optimizer.learning_rate = 0.01
    batches = Batches([features], labels, train, 16, 1)
    for epoch in range(4):
        x, y = (np.concatenate(parts) for parts in zip(*batches.epoch(epoch), strict=True))
        told = other.model.fit(
            x, y, batch_size=16, shuffle=False, validation_data=(features[val], labels[val]), verbose=0
        )
        for name in ("accuracy", "loss", "val_accuracy", "val_loss"):
            assert told.history[name][0] == pytest.approx(history[name][epoch], rel=1e-5)
