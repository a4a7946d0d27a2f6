"""InceptionV3 (Szegedy et al., 2015, arXiv:1512.00567): factorised inception blocks; pretrained on RGB in [-1, 1]."""

import keras

URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
HASH = "md5:bcbd6486424b2319ff4ef7d526e38f63"
SMALLEST_SIDE = 75
STYLE = (3, 9, 16, "mixed0", "mixed1")  # the stem's activations have no fixed names: Keras numbers them by process


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, about side / 32 - 1, ..., 2048); weights not loaded."""
    return keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(side, side, 3))


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Scale RGB minus the train mean: about [-128, 128] → about [-1, 1]."""
    return centred / 127.5
