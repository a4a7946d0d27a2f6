"""What TensorFlow computes by a processor's approximations, computed by roots and quotients; importing this imports keras.

x86-64 has instructions for a rough 1/x and 1/√x, which a Newton step refines. Makers fill their tables in different ways, so the
last bits differ between machines. Roots and quotients are rounded by IEEE 754, everywhere alike.
"""

from typing import Any

import keras
from keras import ops


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's, over its last axis, without renorm or masks: γ (x - mean) / √(variance + ε) + β."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """By the batch's mean and variance in training mode, which the moving ones then follow; else by the moving ones."""
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
        # 1 / √spread, but with neither a root below nor a 1 above, of which TensorFlow's graph optimizer makes the approximate operations
        scale = ops.sqrt(spread) / spread
        scale = scale * self.gamma if self.scale else scale
        shift = (self.beta if self.center else 0) - mean * scale
        return ops.cast(x * scale + shift, self.compute_dtype)


def use_portable_layers(model: keras.Model) -> None:
    """Let the batch norms of `model` be those above, in place: the graph, and the order of its layers, stay as they were."""
    for layer in model.layers:
        if type(layer) is keras.layers.BatchNormalization:
            layer.__class__ = BatchNormalization


def softmax(logits: Any) -> Any:
    """Probabilities, float (n, k), of logits, float (n, k)."""
    raised = ops.exp(logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True)))
    answer = raised / ops.sum(raised, axis=-1, keepdims=True)
    answer._keras_logits = logits  # where Keras's cross-entropy looks for them: its own softmax leaves them there too
    return answer
