"""webtoon_genre/training/trainer.py, head.py and batches.py: the study's head, trained the same way every time."""

import keras
import numpy as np
import pandas as pd
import pytest

from tests.support.runtime_params import RUNTIME
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.column_statistics import column_statistics
from webtoon_genre.training.divergence import NotFinite
from webtoon_genre.training.head import HeadParams, build_head
from webtoon_genre.training.trainer import Trainer, TrainingData, TrainingParams

HEAD = HeadParams(pool="style", standardise=True, units=16, dropout=0.5)
TRAINING = TrainingParams(batch=16, epochs=12, patience=12)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    """Features float32 (120, 6) of three separable classes at a large offset: 90 train rows, 30 val rows."""
    generator = np.random.default_rng(0)
    labels = np.arange(120) % 3
    centres = generator.normal(0, 3, (3, 6))
    features = (1000 + centres[labels] + generator.normal(0, 1, (120, 6))).astype(np.float32)
    return training_data(features, labels)


def training_data(features: np.ndarray, labels: np.ndarray) -> TrainingData:
    return TrainingData([features], features, labels, np.arange(120) // 5, np.arange(90), np.arange(90, 120))


def new_trainer(data: TrainingData, seed: int = 1, params=TRAINING, head=HEAD, tail=None) -> Trainer:
    return Trainer(tail, data, 3, head, params, RUNTIME, seed)


def fit_head(data: TrainingData, seed: int = 1, params=TRAINING, lr: float = 0.01) -> tuple[keras.Model, pd.DataFrame]:
    """The trained head and its history."""
    trainer = new_trainer(data, seed, params)
    return trainer.head, trainer.fit(lr)


def test_the_head_is_dense_relu_dropout_dense_softmax(data):
    head = build_head(6, 3, HEAD, column_statistics(data.features, np.arange(len(data.features))))
    assert [type(layer).__name__ for layer in head.layers] == [
        "InputLayer",
        "Normalization",
        "Dense",
        "Dropout",
        "Dense",
    ]
    assert [head.layers[index].activation.__name__ for index in (2, 4)] == ["relu", "softmax"]
    assert (head.layers[2].units, head.layers[3].rate) == (16, 0.5)


def test_without_standardising_the_head_has_no_normalization(data):
    head = build_head(6, 3, HEAD.model_copy(update={"standardise": False}), None)
    assert [type(layer).__name__ for layer in head.layers] == ["InputLayer", "Dense", "Dropout", "Dense"]


def test_standardising_uses_train_rows_only(data):
    features = data.features.copy()
    features[data.val] += 500
    first, _ = fit_head(data)
    second, _ = fit_head(training_data(features, data.labels))
    assert np.array_equal(first.layers[1].get_weights()[0], second.layers[1].get_weights()[0])
    np.testing.assert_allclose(first.layers[1].get_weights()[0], data.features[data.train].mean(axis=0), rtol=1e-5)


def test_separable_classes_are_learned(data):
    _, history = fit_head(data)
    assert history["val_accuracy"].max() > 0.9
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]


def test_shuffled_labels_stay_near_chance(data):
    shuffled = np.random.default_rng(3).permutation(data.labels)
    _, history = fit_head(training_data(data.features, shuffled))
    assert history["val_accuracy"].max() < 0.7


def test_equal_seeds_give_equal_weights_bit_for_bit_and_other_seeds_do_not(data):
    first, second, third = (fit_head(data, seed)[0].get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, third, strict=True))


def test_the_weights_of_the_best_epoch_are_restored(data):
    head, history = fit_head(data, lr=0.3, params=TrainingParams(batch=16, epochs=10, patience=10))
    predicted = head.predict_on_batch(data.features[data.val]).argmax(axis=1)
    assert (predicted == data.labels[data.val]).mean() == pytest.approx(history["val_accuracy"].max())


def test_training_stops_when_validation_accuracy_no_longer_improves(data):
    _, history = fit_head(data, lr=1e-9, params=TrainingParams(batch=16, epochs=50, patience=2))
    assert len(history) == 3  # the first epoch is the best, two more are no better


def test_the_callback_gets_each_epoch_and_its_metrics(data):
    calls = []
    new_trainer(data).fit(0.01, lambda epoch, metrics: calls.append((epoch, *metrics)))
    assert calls == [(epoch, "accuracy", "loss", "val_accuracy", "val_loss") for epoch in range(12)]


def test_a_head_is_traced_once_for_all_batches_and_rates(data):
    trainer, traced = new_trainer(data), []
    step = trainer.model.train_step

    def counting_step(batch):
        traced.append(batch)
        return step(batch)

    trainer.model.train_step = counting_step
    trainer.fit(0.01)
    trainer.fit(0.001)
    assert len(traced) == 1


@pytest.mark.parametrize("lr", [1e30, 1e300])  # finite, and infinite in 32 bits
def test_a_learning_rate_at_which_training_overflows_is_named_and_harms_no_later_run(data, lr):
    trainer = new_trainer(data, params=TrainingParams(batch=16, epochs=2, patience=2))
    first = trainer.fit(0.01)
    with pytest.raises(NotFinite) as caught:
        trainer.fit(lr)
    assert str(caught.value) == f"loss is nan in epoch 1 at the learning rate {lr:g}"
    pd.testing.assert_frame_equal(trainer.fit(0.01), first)


def test_a_loss_that_is_not_finite_in_a_later_epoch_ends_the_run_before_the_callback(data, monkeypatch):
    trainer, epochs = new_trainer(data), []

    def epoch(batches, number, train):
        return {"accuracy": 0.5, "loss": np.inf if number == 2 and not train else 1.0}

    monkeypatch.setattr(trainer.loop, "epoch", epoch)
    with pytest.raises(NotFinite, match=r"^val_loss is inf in epoch 3 at the learning rate 0\.01$"):
        trainer.fit(0.01, lambda number, _: epochs.append(number))
    assert epochs == [0, 1]


@pytest.mark.parametrize(
    ("row", "value", "standardise", "message"),
    [
        (5, np.inf, True, "the mean of feature 2 over the train rows is inf"),
        (5, np.nan, True, "the mean of feature 2 over the train rows is nan"),
        (5, 1e25, True, "the variance of feature 2 over the train rows is inf"),
        (5, np.inf, False, "row 6 of the features is not finite"),
        (95, np.nan, True, "row 96 of the features is not finite"),
    ],
)
def test_features_that_are_not_finite_are_named_and_not_the_learning_rate(data, row, value, standardise, message):
    features = data.features.copy()
    features[row, 2] = value
    head = HEAD.model_copy(update={"standardise": standardise})
    with pytest.raises(NotFinite) as caught:
        new_trainer(training_data(features, data.labels), head=head).fit(0.01)
    assert (caught.value.reason, caught.value.remedy) == (
        message,
        "make the features anew: `dvc repro --force features`",
    )


def new_tail(inputs: int = 1) -> keras.Model:
    """Six numbers in, or as many for each of several inputs, six out, through a trainable layer, batch norm and dropout."""
    tensors = [keras.Input((6,)) for _ in range(inputs)]
    x = keras.layers.Add()(tensors) if inputs > 1 else tensors[0]
    x = keras.layers.Dense(6, activation="relu")(x)
    return keras.Model(tensors, keras.layers.Dropout(0.1)(keras.layers.BatchNormalization()(x)))


@pytest.mark.parametrize("inputs", [0, 1, 2])
def test_a_fit_does_not_depend_on_those_before_it(data, inputs):
    runtime.set_seed(5)
    params = TrainingParams(batch=16, epochs=4, patience=4)
    trainer = new_trainer(with_inputs(data, inputs), params=params, tail=new_tail(inputs) if inputs else None)
    first = trainer.fit(0.01)
    weights = trainer.model.get_weights()
    other = trainer.fit(0.1)
    assert not other.equals(first)
    pd.testing.assert_frame_equal(trainer.fit(0.01), first)
    for before, after in zip(weights, trainer.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def with_inputs(data: TrainingData, inputs: int) -> TrainingData:
    """`data` with the features as each of so many inputs."""
    return TrainingData([data.features] * max(inputs, 1), data.features, data.labels, data.groups, data.train, data.val)


def test_the_best_epoch_has_its_metrics_and_the_number_of_trained_parameters(data):
    trainer = new_trainer(data, params=TrainingParams(batch=16, epochs=6, patience=6))
    history = trainer.fit(0.3)
    row = trainer.best_epoch(history)
    best = int(history["val_accuracy"].argmax())
    assert (row["epochs"], row["best_epoch"]) == (6, best)
    assert row["val_loss"] == history["val_loss"][best]
    low, high = row["val_accuracy_interval"]
    assert low <= row["val_accuracy"] <= high
    assert row["val_titles"] == len(np.unique(data.groups[data.val]))
    assert row["trainable_parameters"] == 6 * 16 + 16 + 16 * 3 + 3


def test_a_batch_reads_its_rows_only_and_an_epoch_every_row_once():
    arrays = [np.arange(10, dtype=np.float32)[:, None], np.arange(10, dtype=np.float32)[:, None] * 2]
    batches = Batches(arrays, np.arange(10), np.array([1, 3, 5, 7, 9]), 2, 4)
    epochs = []
    for epoch in (0, 1, 0):
        steps = list(batches.epoch(epoch))
        assert [len(labels) for _, labels in steps] == [2, 2, 1]
        for (first, second), labels in steps:
            assert first[:, 0].tolist() == labels.tolist()
            assert second[:, 0].tolist() == (2 * labels).tolist()
        epochs.append([int(label) for _, labels in steps for label in labels])
    assert sorted(epochs[0]) == sorted(epochs[1]) == [1, 3, 5, 7, 9]
    assert epochs[0] != epochs[1]
    assert epochs[0] == epochs[2]


def test_training_equals_keras_fit_on_the_same_batches(data):
    params, head = TrainingParams(batch=16, epochs=4, patience=4), HEAD.model_copy(update={"dropout": 0.0})
    history = new_trainer(data, params=params, head=head).fit(0.01)
    trainer = new_trainer(data, params=params, head=head)
    keras.utils.set_random_seed(1)
    trainer.model.optimizer.learning_rate = 0.01
    batches = Batches(data.inputs, data.labels, data.train, 16, 1)
    val = data.features[data.val], data.labels[data.val]
    for epoch in range(4):
        x, y = (np.concatenate(parts) for parts in zip(*batches.epoch(epoch), strict=True))
        expected = trainer.model.fit(x, y, batch_size=16, shuffle=False, validation_data=val, verbose=0).history
        for name in ("accuracy", "loss", "val_accuracy", "val_loss"):
            assert expected[name][0] == pytest.approx(history[name][epoch], rel=1e-5)
