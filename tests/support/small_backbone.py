"""A small backbone in place of MobileNetV2's, whose build takes a second: for tests in this process that build many models."""

import keras
import pytest

from webtoon_genre.backbones import mobilenet_v2

STYLE = ("relu_0", "relu_2")


def build(side: int) -> keras.Model:
    """The kinds of layers that MobileNetV2 consists of: float32 (n, side, side, 3) → float32 (n, side / 8, side / 8, 128)."""
    image = x = keras.Input((side, side, 3))
    for number in range(3):
        x = keras.layers.Conv2D(128, 3, strides=2, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(name=f"norm_{number}")(x)
        x = keras.layers.DepthwiseConv2D(3, padding="same", name=f"depthwise_{number}")(x)
        x = keras.layers.ReLU(6, name=f"relu_{number}")(x)
    return keras.Model(image, x, name="small")


def replace_mobilenet_v2(patch: pytest.MonkeyPatch) -> None:
    """Let the backbone mobilenet_v2 be the small one, until `patch` is undone."""
    patch.setattr(mobilenet_v2, "build", build)
    patch.setattr(mobilenet_v2, "STYLE", STYLE)
