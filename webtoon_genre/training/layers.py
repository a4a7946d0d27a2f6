"""The layer that subtracts the train mean image, so that a saved model carries it; importing this imports keras."""

from typing import Any

import keras


class SubtractMean(keras.layers.Layer):
    """uint8 (n, side, side, 3), RGB → float32 of the same shape, minus the mean image, a weight that is not trained."""

    def __init__(self, **options: Any):
        super().__init__(dtype="float32", **options)  # in mixed precision too: the mean has 256 levels and more

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the mean, float32 (side, side, 3), zero until it is set or loaded."""
        self.mean = self.add_weight(shape=shape[1:], initializer="zeros", trainable=False, name="mean")

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Subtract."""
        return keras.ops.cast(images, "float32") - self.mean
