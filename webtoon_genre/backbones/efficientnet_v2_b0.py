"""EfficientNetV2-B0 (Tan and Le, 2021, arXiv:2104.00298): fused inverted residuals; pretrained on RGB of mean 0 and deviation 1."""

import keras
import numpy as np

URL = "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/efficientnetv2-b0_notop.h5"
HASH = "md5:893217f2bb855e2983157299931e43ff"
SMALLEST_SIDE = 32
STYLE = ("stem_activation", "block1a_project_activation", "block2b_add", "block3b_add")
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255  # of ImageNet's pixels, R, G, B


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 1280); weights not loaded."""
    return keras.applications.EfficientNetV2B0(
        include_top=False, weights=None, input_shape=(side, side, 3), include_preprocessing=False
    )


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Scale RGB minus the train mean (ImageNet's in pretraining): about [-128, 128] → about [-2, 2], unit deviation on ImageNet."""
    return centred / DEVIATION
