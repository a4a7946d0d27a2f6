"""VGG19 (Simonyan and Zisserman, 2014, arXiv:1409.1556): sixteen 3×3 convolutions, no batch norm; pretrained on mean-centred BGR."""

import keras

URL = "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
HASH = "md5:253f8cb515780f3b799900260a226db6"
SMALLEST_SIDE = 32
STYLE = ("block1_conv2", "block2_conv2", "block3_conv4")


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 512); weights not loaded."""
    return keras.applications.VGG19(include_top=False, weights=None, input_shape=(side, side, 3))


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Reorder RGB minus the train mean, about [-128, 128] → the same in BGR."""
    return centred[..., ::-1]
