"""Batch normalisation and softmax with exact roots and quotients instead of the processor's approximations; it imports keras.

x86-64 has instructions for an approximate 1/x and 1/√x, which TensorFlow refines by a Newton step. Their tables differ between
processor makers, so the last bits differ between machines. IEEE 754 defines the rounding of roots and quotients on all machines.
"""

from typing import Any

import keras
from keras import ops


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's layer, for its last axis only, without renorm or masks: γ (x - mean) / √(variance + ε) + β."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise by the batch's mean and variance in training mode, and update the moving ones; otherwise by the moving ones."""
        x = ops.cast(inputs, "float32")
        mean, variance = ops.convert_to_tensor(self.moving_mean), ops.convert_to_tensor(self.moving_variance)
        if training and self.trainable:
            moments = ops.moments(x, axes=list(range(len(x.shape) - 1)))
            for moving, old, new in zip(
                (self.moving_mean, self.moving_variance), (mean, variance), moments, strict=True
            ):
                moving.assign(old * self.momentum + new * (1 - self.momentum))
            mean, variance = moments
        spread = variance + self.epsilon
        # 1 / √spread in a form that TensorFlow's graph optimizer does not rewrite: it replaces 1 / x and x / √y by approximations
        scale = ops.sqrt(spread) / spread
        scale = scale * self.gamma if self.scale else scale
        shift = (self.beta if self.center else 0) - mean * scale
        return ops.cast(x * scale + shift, self.compute_dtype)


def use_portable_layers(model: keras.Model) -> keras.Model:
    """Copy a functional model, with equal weights, names and order of layers, and the batch norm above in place of Keras's."""
    first = model.layers[
        0
    ]  # the input; without a tensor of that name Keras names it by a counter, which weights files would hold
    images = keras.Input(batch_shape=first.batch_shape, dtype=first.dtype, name=first.name)
    copy = keras.models.clone_model(model, input_tensors=images, clone_function=portable_layer)
    copy.set_weights(model.get_weights())
    return copy


def portable_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Create a layer of equal configuration, the batch norm above in place of Keras's."""
    is_norm = type(layer) is keras.layers.BatchNormalization
    return (BatchNormalization if is_norm else type(layer)).from_config(layer.get_config())


def softmax(logits: Any) -> Any:
    """Compute probabilities, float (n, k), from logits, float (n, k)."""
    exponentials = ops.exp(logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True)))
    probabilities = exponentials / ops.sum(exponentials, axis=-1, keepdims=True)
    probabilities._keras_logits = logits  # Keras's cross-entropy reads this attribute, which Keras's softmax sets too
    return probabilities
