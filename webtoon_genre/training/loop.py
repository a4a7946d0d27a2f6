"""Epochs of a compiled Keras model over batches: what `fit` and `evaluate` do, with less between two steps; no paths, no files."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from webtoon_genre.training.batches import Batch, Batches

if TYPE_CHECKING:
    import keras

CALL_BYTES = 2**24  # bytes of inputs handed to TensorFlow for one call
Measured = dict[str, float]


class EpochLoop:
    """Trains `model` for an epoch, or only looks; accuracy and loss over all rows.

    short: a step takes hardly longer than calling it, so many of them make one call. On Keras's other backends its own `fit` runs.
    """

    def __init__(self, model: "keras.Model", short: bool):
        self.model, self.short = model, short
        self.calls: dict[bool, Callable[..., Any]] = {}

    def epoch(self, batches: Batches, number: int, train: bool) -> Measured:
        """One epoch; its number decides the order of rows."""
        import keras

        if keras.backend.backend() != "tensorflow":
            found = keras_epoch(self.model, batches, number, train)
        elif self.short:
            found = self._in_few_calls(batches, number, train)
        else:
            found = step_by_step(self.model, batches.epoch(number), train)
        return {"accuracy": float(found["accuracy"]), "loss": float(found["loss"])}

    def _in_few_calls(self, batches: Batches, number: int, train: bool) -> dict[str, Any]:
        """Steps that follow each other inside TensorFlow's graph, the same ones in the same order."""
        if train not in self.calls:
            self.calls[train] = graph_steps(self.model, self.model.train_step if train else self.model.test_step)
        self.model.reset_metrics()
        found: dict[str, Any] = {}
        for inputs, labels in batches.epoch(number, max(1, CALL_BYTES // batches.bytes)):
            found = self.calls[train](inputs, labels, batches.batch)
        return found


def graph_steps(model: "keras.Model", step: Callable[..., Any]) -> Callable[..., Any]:
    """A function of inputs, labels and a batch size that makes `step`s of so many rows, the last of what is left."""
    import tensorflow as tf  # a loop that stays in the graph is nothing that Keras has for all backends

    once = tf.function(step, jit_compile=True) if model.jit_compile else step

    @tf.function
    def several(inputs: Any, labels: Any, batch: Any) -> Any:
        for start in tf.range(0, tf.shape(labels)[0], batch):
            once((inputs[start : start + batch], labels[start : start + batch]))
        return model.get_metrics_result()

    def call(inputs: Any, labels: Any, batch: int) -> Any:
        given = tf.convert_to_tensor(inputs), tf.convert_to_tensor(labels)
        any_rows = [
            tf.TensorSpec([None, *each.shape[1:]], each.dtype) for each in given
        ]  # or it is traced again for other numbers
        return several.get_concrete_function(*any_rows, tf.TensorSpec([], tf.int32))(*given, tf.constant(batch))

    return call


def step_by_step(model: "keras.Model", batches: Iterator[Batch], train: bool) -> dict[str, Any]:
    """A call a step, without the new input pipeline for each epoch of `fit`."""
    model.make_train_function()
    model.make_test_function()
    step = model.train_function if train else model.test_function
    model.reset_metrics()
    found: dict[str, Any] = {}
    for batch in batches:
        found = step(iter([batch]))  # over all batches so far; read at the end alone, so that no step waits for it
    return found


def keras_epoch(model: "keras.Model", batches: Batches, number: int, train: bool) -> dict[str, Any]:
    """By Keras's own methods."""
    shown = batches.epoch(number)
    if train:
        told = model.fit(shown, steps_per_epoch=batches.steps, shuffle=False, verbose=0)
        return {name: values[-1] for name, values in told.history.items()}
    return model.evaluate(shown, steps=batches.steps, verbose=0, return_dict=True)
