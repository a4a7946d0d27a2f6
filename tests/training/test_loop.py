"""webtoon_genre/training/loop.py: an epoch in few calls is an epoch of `fit`."""

import keras
import numpy as np
import pytest

from tests.support.runtime_params import MACHINE
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import loop
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.loop import EpochLoop


@pytest.fixture(autouse=True)
def started():
    runtime.start_keras(MACHINE)


def model() -> keras.Model:
    runtime.set_seed(3)
    made = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(3, "softmax")]
    )
    made.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    keras.utils.set_random_seed(3)
    return made


def batches(seed: int | None = 1) -> Batches:
    """53 rows by 8: the last batch has 5."""
    generator = np.random.default_rng(0)
    return Batches([generator.normal(size=(60, 5)).astype(np.float32)], np.arange(60) % 3, np.arange(53), 8, seed)


def told(short: bool) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """What three epochs measure, the last one only looked at, and the weights after them."""
    trained = model()
    run = EpochLoop(trained, short)
    found = [run.epoch(batches(), number, train=number < 2) for number in range(3)]
    return found, trained.get_weights()


def test_few_calls_make_the_steps_that_single_calls_make_to_the_last_digit():
    few, single = told(True), told(False)
    assert few[0] == single[0]
    for one, other in zip(few[1], single[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_handed_over_in_parts_change_nothing(monkeypatch):
    whole = told(True)
    monkeypatch.setattr(loop, "AT_ONCE", 2 * batches().bytes)
    parts = told(True)
    assert parts[0] == whole[0]
    np.testing.assert_array_equal(parts[1][0], whole[1][0])


def test_an_epoch_is_keras_s_own():
    trained, other = model(), model()
    found = EpochLoop(trained, short=True).epoch(batches(), 0, train=True)
    keras.utils.set_random_seed(3)
    history = other.fit(batches().epoch(0), steps_per_epoch=batches().steps, shuffle=False, verbose=0).history
    assert found["loss"] == pytest.approx(history["loss"][0], rel=1e-5)
    assert found["accuracy"] == pytest.approx(history["accuracy"][0])


def test_looking_changes_no_weight():
    trained = model()
    before = trained.get_weights()
    first, again = (EpochLoop(trained, short=True).epoch(batches(None), 0, train=False) for _ in range(2))
    assert first == again
    for one, other in zip(trained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_handed_over_together_are_the_same_rows_in_the_same_order():
    single = np.concatenate([labels for _, labels in batches().epoch(4)])
    together = [labels for _, labels in batches().epoch(4, at_once=3)]
    assert [len(labels) for labels in together] == [24, 24, 5]
    np.testing.assert_array_equal(np.concatenate(together), single)
