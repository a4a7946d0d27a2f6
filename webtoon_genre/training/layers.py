"""Keras layers and models that only training needs; importing this module imports keras."""

from collections.abc import Sequence
from typing import Any

import keras

from webtoon_genre.reproducibility.layers import softmax
from webtoon_genre.training.losses import Loss


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
    """Keras's layer of that name, with mean and variance as variables in the graph: Keras takes them as constants when it traces."""

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


class StackedNormalization(keras.layers.Layer):
    """Brings the features of many heads, float32 (n, heads, width), to zero mean and unit variance; both are weights, not trained."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create mean and variance, float32 (heads, width)."""
        self.mean, self.variance = (
            self.add_weight(shape=shape[1:], initializer=name, trainable=False, name=label)
            for label, name in (("mean", "zeros"), ("variance", "ones"))
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """Standardise."""
        mean, variance = (keras.ops.cast(value, self.compute_dtype) for value in (self.mean, self.variance))
        return (inputs - mean) / keras.ops.maximum(keras.ops.sqrt(variance), keras.config.epsilon())


class StackedLoss(keras.losses.Loss):
    """The sum over heads of a loss, cross-entropy without one, so that heads share no gradient.

    It takes labels (n, heads) and probabilities (n, heads, k).
    """

    def __init__(self, loss: Loss | None):
        super().__init__(name="stacked_loss")
        self.loss = loss

    def call(self, labels: Any, probabilities: Any) -> Any:
        """Return float (n,)."""
        if self.loss is None:
            return keras.ops.sum(keras.losses.sparse_categorical_crossentropy(labels, probabilities), axis=-1)
        flat = keras.ops.reshape(probabilities, (-1, probabilities.shape[-1]))
        return keras.ops.sum(keras.ops.reshape(self.loss(labels, flat), (-1, probabilities.shape[1])), axis=-1)


def build_stack(heads: int, width: int, units: int, classes: int) -> keras.Model:
    """Heads side by side: float32 (n, heads, width + units), features and the hidden units' factors → probabilities (n, heads, classes)."""
    inputs = keras.Input((heads, width + units), dtype="float32")
    features, factors = inputs[..., :width], inputs[..., width:]
    x = StackedNormalization()(features)
    x = keras.layers.EinsumDense("nhi,hio->nho", (heads, units), bias_axes="ho", activation="relu")(x)
    x = x * factors
    outputs = keras.layers.EinsumDense(
        "nhi,hio->nho", (heads, classes), bias_axes="ho", activation=softmax, dtype="float32"
    )(x)
    return keras.Model(inputs, outputs, name="heads")
