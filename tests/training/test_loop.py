"""webtoon_genre/training/loop.py: an epoch in few calls, in one call a step, and by Keras's `fit` are the same epoch."""

import keras
import numpy as np
import pytest

from tests.support.runtime_params import RUNTIME
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import loop
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.loop import EpochLoop, keras_epoch


@pytest.fixture(autouse=True)
def _keras():
    runtime.start_keras(RUNTIME)


def new_model(inputs: int = 1) -> keras.Model:
    """A compiled model of five numbers, or of as many for each of several inputs, to three classes."""
    runtime.set_seed(3)
    tensors = [keras.Input((5,)) for _ in range(inputs)]
    x = keras.layers.Concatenate()(tensors) if inputs > 1 else tensors[0]
    x = keras.layers.Dropout(0.3)(keras.layers.Dense(8, "relu")(x))
    outputs = keras.layers.Dense(3, "softmax")(x)
    model = keras.Model(tensors if inputs > 1 else tensors[0], outputs)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    keras.utils.set_random_seed(3)
    return model


def new_batches(inputs: int = 1, rows: int = 53, seed: int | None = 1) -> Batches:
    """`rows` rows by 8: the last batch of 53 has 5."""
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=(60, 5)).astype(np.float32) for _ in range(inputs)]
    return Batches(arrays, np.arange(60) % 3, np.arange(rows), 8, seed)


def run_epochs(short: bool, inputs: int = 1) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """The metrics of three epochs, the last one of evaluation, and the weights after them."""
    model = new_model(inputs)
    epochs = EpochLoop(model, short)
    metrics = [epochs.epoch(new_batches(inputs), number, train=number < 2) for number in range(3)]
    return metrics, model.get_weights()


def assert_equal_weights(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for left, right in zip(first, second, strict=True):
        np.testing.assert_array_equal(left, right)


def test_steps_in_few_calls_equal_single_steps_to_the_last_bit():
    few_calls, single = run_epochs(short=True), run_epochs(short=False)
    assert few_calls[0] == single[0]
    assert_equal_weights(few_calls[1], single[1])


@pytest.mark.parametrize("inputs", [1, 2])
def test_two_runs_are_equal_to_the_last_bit(inputs):
    first, second = run_epochs(short=False, inputs=inputs), run_epochs(short=False, inputs=inputs)
    assert first[0] == second[0]
    assert_equal_weights(first[1], second[1])


def single_steps(model: keras.Model, batches: Batches, number: int, train: bool) -> dict:
    return EpochLoop(model, short=False).epoch(batches, number, train)


@pytest.mark.parametrize("rows", [5, 8, 16, 17])  # one smaller batch, one full, two full, two full and one row
@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("run_epoch", [single_steps, keras_epoch])
def test_an_epoch_takes_every_row_once_without_a_warning_or_output(run_epoch, inputs, rows, capsys):
    model, batches = new_model(inputs), new_batches(inputs, rows)
    before = int(model.optimizer.iterations.numpy())
    for number, train in ((0, True), (1, True), (2, False)):
        run_epoch(model, batches, number, train)  # a warning is an error in tests
    assert int(model.optimizer.iterations.numpy()) == before + 2 * batches.steps
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("run_epoch", [single_steps, keras_epoch])
def test_several_inputs_are_trained_on_in_the_order_of_their_arrays(run_epoch):
    model, expected = new_model(2), new_model(2)
    batches = new_batches(2)
    metrics = run_epoch(model, batches, 0, True)
    losses, rows = [], []
    for inputs, labels in batches.epoch(0):
        expected.reset_metrics()
        losses.append(float(np.asarray(expected.train_on_batch(inputs, labels)[0])))
        rows.append(len(labels))
    assert float(metrics["loss"]) == pytest.approx(np.average(losses, weights=rows), rel=1e-5)
    for left, right in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def test_splitting_the_rows_of_a_call_changes_nothing(monkeypatch):
    together = run_epochs(short=True)
    monkeypatch.setattr(loop, "CALL_BYTES", 2 * new_batches().bytes)
    parts = run_epochs(short=True)
    assert parts[0] == together[0]
    assert_equal_weights(parts[1], together[1])


@pytest.mark.parametrize("short", [True, False])
def test_an_epoch_is_an_epoch_of_fit(short):
    model, expected = new_model(), new_model()
    metrics = EpochLoop(model, short).epoch(new_batches(), 0, train=True)
    batches = new_batches()
    history = expected.fit(batches.epoch(0), steps_per_epoch=batches.steps, shuffle=False, verbose=0).history
    assert metrics["loss"] == pytest.approx(history["loss"][0], rel=1e-5)
    assert metrics["accuracy"] == pytest.approx(history["accuracy"][0])


@pytest.mark.parametrize("short", [True, False])
def test_evaluation_changes_no_weight(short):
    model = new_model()
    before = model.get_weights()
    first, second = (EpochLoop(model, short).epoch(new_batches(seed=None), 0, train=False) for _ in range(2))
    assert first == second
    assert_equal_weights(model.get_weights(), before)


def test_several_batches_as_one_array_hold_the_same_rows_in_the_same_order():
    single = np.concatenate([labels for _, labels in new_batches().epoch(4)])
    together = [labels for _, labels in new_batches().epoch(4, batches_at_once=3)]
    assert [len(labels) for labels in together] == [24, 24, 5]
    np.testing.assert_array_equal(np.concatenate(together), single)
