"""VGG16 (Simonyan and Zisserman, 2014, arXiv:1409.1556): thirteen 3×3 convolutions, no batch norm; pretrained on mean-centred BGR."""

import keras

URL = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
HASH = "md5:6d6bbae143d832006294945121d1f1fc"
SMALLEST_SIDE = 32
STYLE = ("block1_conv2", "block2_conv2", "block3_conv3")


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 512); weights not loaded."""
    return keras.applications.VGG16(include_top=False, weights=None, input_shape=(side, side, 3))


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Reorder RGB minus the train mean, about [-128, 128] → the same in BGR."""
    return centred[..., ::-1]
