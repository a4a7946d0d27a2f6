"""MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381): inverted residuals, for quick runs; pretrained on RGB in [-1, 1]."""

import keras

URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
)
HASH = None  # Keras publishes none for this file
SMALLEST_SIDE = 32
STYLE = ("Conv1_relu", "expanded_conv_project_BN", "block_2_add", "block_5_add")


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 1280); weights not loaded."""
    return keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(side, side, 3))


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Scale RGB minus the train mean: about [-128, 128] → about [-1, 1]."""
    return centred / 127.5
