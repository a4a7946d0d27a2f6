"""Calibration of a randomly initialised backbone on real images, so that every layer has useful statistics; no files."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from webtoon_genre.features.pooling import EPSILON

if TYPE_CHECKING:
    import keras


def calibration_rows(dataset: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` train rows, evenly spaced over the table, so that they hold every genre and many titles."""
    train = dataset[dataset["split"] == "train"]
    positions = np.linspace(0, len(train) - 1, min(count, len(train))).round().astype(int)
    return train.iloc[positions]


def calibrate(extractor: "keras.Model", images: np.ndarray) -> None:
    """Calibrate a feature extractor with random weights on preprocessed images, float32 (n, side, side, 3).

    With batch norm: one pass in training mode sets the moving statistics of every layer to those of this batch. With layer norm:
    nothing, since it uses the statistics of each image. With neither: the channels of each convolution are scaled and shifted to
    zero mean and unit variance over the batch, from the bottom up (Krähenbühl et al., 2015, arXiv:1511.06856, section 3.1).
    """
    import keras

    backbone = extractor.get_layer("backbone")
    norms = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if norms:
        adopt_batch_statistics(backbone, norms, images)
    elif not any(isinstance(layer, keras.layers.LayerNormalization) for layer in backbone.layers):
        standardise_convolutions(backbone, images)


def adopt_batch_statistics(
    backbone: "keras.Model", norms: list["keras.layers.BatchNormalization"], images: np.ndarray
) -> None:
    """Set the moving mean and variance of each batch norm to those of the batch, each layer on its calibrated input."""
    import keras

    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    keras.Model(backbone.input, backbone.outputs)(images, training=True)  # `backbone` itself is never in training mode
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def standardise_convolutions(backbone: "keras.Model", images: np.ndarray) -> None:
    """Scale kernels and set biases of a plain chain of layers so that each channel has mean 0 and variance 1 before its ReLU."""
    import keras

    x = keras.ops.convert_to_tensor(images)
    for layer in backbone.layers[1:]:
        if not isinstance(layer, keras.layers.Conv2D):
            x = layer(x)
            continue
        kernel, bias = layer.get_weights()
        activation, layer.activation = layer.activation, keras.activations.linear
        outputs = layer(x)  # (n, h, w, channels), before the activation
        mean = keras.ops.convert_to_numpy(keras.ops.mean(outputs, axis=(0, 1, 2)))
        scale = 1 / np.sqrt(keras.ops.convert_to_numpy(keras.ops.var(outputs, axis=(0, 1, 2))) + EPSILON)
        with np.errstate(over="ignore", invalid="ignore"):  # the caller checks the weights
            layer.set_weights([kernel * scale, (bias - mean) * scale])
        layer.activation = activation
        x = activation((outputs - mean) * scale)
