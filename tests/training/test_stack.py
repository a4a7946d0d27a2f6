"""webtoon_genre/training/stack.py: heads trained at once, against heads trained alone and against Keras's own layers."""

import keras
import numpy as np
import pytest

from tests.support.runtime_params import RUNTIME
from webtoon_genre.training import losses
from webtoon_genre.training.divergence import NotFinite
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.stack import HeadStack, HeadTask, StackedBatches
from webtoon_genre.training.trainer import TrainingParams

HEAD = HeadParams(pool="style", standardise=True, units=16, dropout=0.5)
TRAINING = TrainingParams(batch=16, epochs=8, patience=8)
TRAIN, VAL = np.arange(90), np.arange(90, 120)


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """float32 (120, 6) of three separable classes, row number modulo 3, at a large offset."""
    generator = np.random.default_rng(0)
    centres = generator.normal(0, 3, (3, 6))
    return (1000 + centres[np.arange(120) % 3] + generator.normal(0, 1, (120, 6))).astype(np.float32)


def head_task(classes: int = 3, rows: int = 90, seed: int = 1, **options) -> HeadTask:
    return HeadTask(np.arange(120) % classes, TRAIN[:rows], VAL, classes, seed, **options)


def new_stack(heads: int, classes: int = 3, params=TRAINING, head=HEAD, loss=None) -> HeadStack:
    return HeadStack(heads, 6, classes, head, params, RUNTIME, loss)


TASKS = [head_task(), head_task(rows=85), head_task(classes=2), head_task(seed=2)]


def test_heads_trained_at_once_equal_heads_trained_alone(features):
    stack = new_stack(len(TASKS))
    together = stack.fit(features, TASKS, 0.01)
    predicted = stack.predict(features, [VAL] * len(TASKS))
    for index, task in enumerate(TASKS):
        alone = new_stack(1, task.classes)
        [weights] = alone.fit(features, [task], 0.01)
        for first, second in zip(together[index], weights, strict=True):
            np.testing.assert_allclose(first, second, atol=1e-5)
        expected = alone.predict(features, [VAL])[:, 0]
        np.testing.assert_allclose(predicted[:, index, : task.classes], expected, atol=1e-5)


def test_a_head_has_the_layers_of_keras_and_takes_the_same_steps(features):
    head = HEAD.model_copy(update={"dropout": 0.0})
    params = TrainingParams(batch=16, epochs=1, patience=1)
    task = head_task()
    stack = new_stack(1, params=params, head=head)
    [start] = stack.fit(features, [task], 0.0)
    [trained] = stack.fit(features, [task], 0.01)
    inputs = keras.Input((6,))
    normalization = keras.layers.Normalization(mean=start[0], variance=start[1])
    hidden = keras.layers.Dense(16, activation="relu")(normalization(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    model.set_weights(start[2:])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    order = StackedBatches(features, [task], 16, head).order(task, 0)
    for first in range(0, len(order), 16):
        rows = order[first : first + 16]
        model.train_on_batch(features[rows], task.labels[rows])
    for expected, weights in zip(model.get_weights(), trained[2:], strict=True):
        np.testing.assert_allclose(weights, expected, atol=1e-5)
    np.testing.assert_allclose(stack.predict(features, [VAL])[:, 0], model.predict(features[VAL], verbose=0), atol=1e-5)


def test_the_best_epoch_by_validation_accuracy_is_restored_for_each_head(features):
    stack, seen = new_stack(2), []
    accuracies = stack._val_accuracies
    stack._val_accuracies = lambda *arguments: seen.append(accuracies(*arguments)) or seen[-1]
    tasks = [head_task(), head_task(seed=2)]
    stack.fit(features, tasks, 0.3)
    np.testing.assert_allclose(accuracies(features, tasks), np.max(seen, axis=0))


def test_a_head_stops_after_epochs_without_a_better_accuracy_and_the_stack_with_the_last_head(features, monkeypatch):
    stack = new_stack(2, params=TrainingParams(batch=16, epochs=20, patience=2))
    scores = iter([[0.5, 0.1], [0.5, 0.2], [0.4, 0.3], [0.9, 0.3], [0.9, 0.2], [0.9, 0.9]])
    weights = []
    monkeypatch.setattr(
        stack, "_val_accuracies", lambda *_: weights.append(stack._weights(TASKS[:2])) or np.array(next(scores))
    )
    best = stack.fit(features, TASKS[:2], 0.01)
    assert len(weights) == 5  # the second head: best in the third epoch
    np.testing.assert_array_equal(best[0][2], weights[0][0][2])
    np.testing.assert_array_equal(best[1][2], weights[2][1][2])


def test_an_epoch_has_each_row_once_and_some_again_that_fill_the_last_batch(features):
    batches = StackedBatches(features, TASKS, 16, HEAD)
    for task in TASKS:
        rows, counts = np.unique(batches.order(task, 3), return_counts=True)
        assert set(rows) == set(task.train)
        assert counts.sum() == 96
        assert set(counts) == {1, 2}
    assert [labels.shape for _, labels in batches.epoch(0)] == [(16, 4)] * 6


def test_the_rows_and_the_dropout_of_an_epoch_do_not_depend_on_the_batches_at_once(features):
    batches = StackedBatches(features, TASKS, 16, HEAD)
    one, many = ([np.concatenate(parts) for parts in zip(*batches.epoch(2, number), strict=True)] for number in (1, 4))
    np.testing.assert_array_equal(one[0], many[0])
    np.testing.assert_array_equal(one[1], many[1])
    assert set(np.unique(one[0][..., 6:])) == {0.0, 2.0}


def test_a_head_may_start_from_another_one_but_for_its_last_layer(features):
    [first] = new_stack(1).fit(features, [head_task()], 0.01)
    stack = new_stack(1, classes=2)
    [started] = stack.fit(features, [head_task(classes=2, start=first)], 0.0)
    for before, after in zip(first[:4], started[:4], strict=True):
        np.testing.assert_array_equal(before, after)
    assert started[4].shape == (16, 2)


def test_a_stack_of_more_classes_trains_heads_of_fewer_as_one_of_as_many(features):
    task = head_task(classes=2)
    [wide], [narrow] = (new_stack(1, classes).fit(features, [task], 0.01) for classes in (5, 2))
    for first, second in zip(wide, narrow, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("loss", [losses.focal(0.0), losses.weighted_cross_entropy(np.ones(3))])
def test_a_loss_equal_to_cross_entropy_trains_the_same_heads(features, loss):
    tasks = [head_task(), head_task(seed=2)]
    plain, other = (new_stack(2, loss=function).fit(features, tasks, 0.01) for function in (None, loss))
    for first, second in zip(plain[1], other[1], strict=True):
        np.testing.assert_allclose(first, second, atol=1e-4)


def test_a_loss_that_is_not_finite_names_the_epoch_and_the_learning_rate_and_harms_no_later_run(features):
    stack = new_stack(2)
    first = stack.fit(features, TASKS[:2], 0.01)
    with pytest.raises(NotFinite, match=r"^loss is nan in epoch 1 at the learning rate 1e\+30$"):
        stack.fit(features, TASKS[:2], 1e30)
    again = stack.fit(features, TASKS[:2], 0.01)
    np.testing.assert_array_equal(first[0][2], again[0][2])


def test_a_feature_that_is_not_finite_names_its_row(features):
    broken = features.copy()
    broken[7, 2] = np.inf
    head = HEAD.model_copy(update={"standardise": False})
    with pytest.raises(NotFinite, match=r"^row 8 of the features is not finite$"):
        new_stack(1, head=head).fit(broken, [head_task()], 0.01)
