"""ResNet50 (He et al., 2015, arXiv:1512.03385): post-activation residual blocks; pretrained on mean-centred BGR."""

import keras

URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
HASH = "md5:4d473c1dd8becc155b73f8504c6f6626"
SMALLEST_SIDE = 32
STYLE = ("conv1_relu", "conv2_block1_out", "conv2_block3_out", "conv3_block2_out")


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 2048); weights not loaded."""
    return keras.applications.ResNet50(include_top=False, weights=None, input_shape=(side, side, 3))


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Reorder RGB minus the train mean, about [-128, 128] → the same in BGR."""
    return centred[..., ::-1]
