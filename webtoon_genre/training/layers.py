"""Keras layers and models that only training needs; importing this module imports keras."""

from collections.abc import Sequence
from typing import Any

import keras


class SubtractMean(keras.layers.Layer):
    """uint8 (n, side, side, 3), RGB → float32 of the same shape, minus the mean image, a weight that is not trained."""

    def __init__(self, **options: Any):
        super().__init__(dtype="float32", **options)  # in mixed precision too: 16 bits cannot hold the mean exactly

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the mean, float32 (side, side, 3), zero until it is set or loaded."""
        self.mean = self.add_weight(shape=shape[1:], initializer="zeros", trainable=False, name="mean")

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Subtract the mean image."""
        return keras.ops.cast(images, "float32") - self.mean


class Normalization(keras.layers.Normalization):
    """Keras's layer of that name, with mean and variance as variables in the graph: Keras takes them as constants when it traces.

    So a trainer that assigns the statistics of other train rows need not trace anew.
    """

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Bring float32 (n, width) to zero mean and unit variance."""
        mean, variance = (keras.ops.cast(value, self.compute_dtype) for value in (self.adapt_mean, self.adapt_variance))
        return (inputs - mean) / keras.ops.maximum(keras.ops.sqrt(variance), keras.config.epsilon())


class TrainedLayers(keras.Model):
    """Layers of another model as one weights file; it shares the layers and computes nothing."""

    def __init__(self, layers: Sequence[keras.Layer]):
        super().__init__(name="trained")
        self.parts = list(layers)
        self.built = True
