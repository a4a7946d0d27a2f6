"""ConvNeXt-Tiny (Liu et al., 2022, arXiv:2201.03545): depthwise 7×7 blocks, layer norm; pretrained on RGB of mean 0 and deviation 1."""

import keras
import numpy as np

URL = "https://storage.googleapis.com/tensorflow/keras-applications/convnext/convnext_tiny_notop.h5"
HASH = "sha256:d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"
SMALLEST_SIDE = 32
STYLE = (  # residuals of blocks, before their scale: sums have no fixed names, and the scale is 1e-6 in random weights
    "convnext_tiny_stem",
    "convnext_tiny_stage_0_block_0_pointwise_conv_2",
    "convnext_tiny_stage_0_block_2_pointwise_conv_2",
    "convnext_tiny_stage_1_block_1_pointwise_conv_2",
)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32) * 255  # of ImageNet's pixels, R, G, B


def build(side: int) -> keras.Model:
    """Build the model: float32 (n, side, side, 3) → float32 (n, side / 32, side / 32, 768); weights not loaded."""
    return keras.applications.ConvNeXtTiny(
        include_top=False, weights=None, input_shape=(side, side, 3), include_preprocessing=False
    )


def convention(centred: keras.KerasTensor) -> keras.KerasTensor:
    """Scale RGB minus the train mean (ImageNet's in pretraining): about [-128, 128] → about [-2, 2], unit deviation on ImageNet."""
    return centred / DEVIATION
