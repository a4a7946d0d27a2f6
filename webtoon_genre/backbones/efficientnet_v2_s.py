"""EfficientNetV2-S (Tan and Le, 2021, arXiv:2104.00298): fused, then plain inverted residuals; pretrained on RGB in [-1, 1]."""

import keras

URL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/efficientnetv2-s_notop.h5"
HASH = "md5:af0682fb74e8c54910f2d4393339c070"
SMALLEST_SIDE = 32
STYLE = ("stem_activation", "block1b_add", "block2d_add", "block3d_add")


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 1280); weights not loaded."""
    return keras.applications.EfficientNetV2S(
        include_top=False, weights=None, input_shape=(side, side, 3), include_preprocessing=False
    )


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Scale RGB minus the train mean: about [-128, 128] → about [-1, 1]."""
    return centred / 128
