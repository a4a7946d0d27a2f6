"""Epochs of a compiled Keras model over batches: the steps of Keras's `fit` and `evaluate`, called directly; no paths, no files.

A step of a head takes hardly longer than calling it: many steps in one call of TensorFlow's graph make 2.2 times as many steps a second
as `fit` (bench/fit.py). With a tail a call makes one step, on batches of fixed size, whose sums have the same bits in every epoch.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from webtoon_genre.training.batches import Batch, EpochBatches

if TYPE_CHECKING:
    import keras

CALL_BYTES = 2**24  # of inputs passed to TensorFlow in one call
Metrics = dict[str, float]


class EpochLoop:
    """Runs epochs of `model`: training or evaluation. short: steps are short, so many of them make one call."""

    def __init__(self, model: "keras.Model", short: bool):
        self.model, self.short = model, short
        self.calls: dict[bool, Callable[..., Any]] = {}

    def epoch(self, batches: EpochBatches, number: int, train: bool) -> Metrics:
        """Accuracy and loss over all rows of one epoch; `number` decides the order of rows."""
        import keras

        if keras.backend.backend() != "tensorflow":
            metrics = keras_epoch(self.model, batches, number, train)
        elif self.short:
            metrics = self._in_few_calls(batches, number, train)
        else:
            metrics = step_by_step(self.model, batches.epoch(number), train)
        return {"accuracy": float(metrics["accuracy"]), "loss": float(metrics["loss"])}

    def _in_few_calls(self, batches: EpochBatches, number: int, train: bool) -> dict[str, Any]:
        """The steps of `step_by_step`, in the same order, inside TensorFlow's graph."""
        if train not in self.calls:
            self.calls[train] = graph_steps(self.model, self.model.train_step if train else self.model.test_step)
        self.model.reset_metrics()
        metrics: dict[str, Any] = {}
        for inputs, labels in batches.epoch(number, max(1, CALL_BYTES // batches.bytes)):
            metrics = self.calls[train](inputs, labels, batches.batch)
        return metrics


def graph_steps(model: "keras.Model", step: Callable[..., Any]) -> Callable[..., Any]:
    """A function of inputs, labels and batch size that runs `step` on each batch; the last batch may be smaller."""
    import tensorflow as tf  # Keras has no loop inside the graph for all backends

    compiled = tf.function(step, jit_compile=True) if model.jit_compile else step

    @tf.function
    def steps(inputs: Any, labels: Any, batch: Any) -> Any:
        for start in tf.range(0, tf.shape(labels)[0], batch):
            compiled((inputs[start : start + batch], labels[start : start + batch]))
        return model.get_metrics_result()

    def call(inputs: Any, labels: Any, batch: int) -> Any:
        tensors = tf.convert_to_tensor(inputs), tf.convert_to_tensor(labels)
        # any number of rows, so that another number is not traced again
        specs = [tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype) for tensor in tensors]
        return steps.get_concrete_function(*specs, tf.TensorSpec([], tf.int32))(*tensors, tf.constant(batch))

    return call


def step_by_step(model: "keras.Model", batches: Iterator[Batch], train: bool) -> dict[str, Any]:
    """One epoch, one call a step."""
    model.make_train_function()
    model.make_test_function()
    step = model.train_function if train else model.test_function
    model.reset_metrics()
    metrics: dict[str, Any] = {}
    for batch in batches:
        metrics = step(iter([batch]))  # over all batches so far; read after the last one, so that no step waits
    return metrics


def keras_epoch(model: "keras.Model", batches: EpochBatches, number: int, train: bool) -> dict[str, Any]:
    """One epoch by Keras's own methods, on its other backends."""
    epoch = batches.epoch(number)
    if train:
        history = model.fit(epoch, steps_per_epoch=batches.steps, shuffle=False, verbose=0).history
        return {name: values[-1] for name, values in history.items()}
    return model.evaluate(epoch, steps=batches.steps, verbose=0, return_dict=True)
