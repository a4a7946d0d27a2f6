"""Blending a colour into pixels by integer weights; the three channels of a pixel lie side by side, which keeps numpy fast."""

from functools import lru_cache

import numpy as np

from webtoon_genre.demo_site.art.colour import Colour

FULL = 256


def blend(image: np.ndarray, colour: Colour, weight: np.ndarray) -> np.ndarray:
    """Blend a colour into uint8 (height, width, 3); `weight` is its share, uint16 (height, 3 × width), 0..256."""
    base = image.reshape(image.shape[0], -1).astype(np.uint16)
    row = np.tile(np.array(colour, np.uint16), image.shape[1])
    return ((base * (FULL - weight) + row * weight) >> 8).astype(np.uint8).reshape(image.shape)


def per_channel(weight: np.ndarray) -> np.ndarray:
    """Repeat a weight per pixel for each channel: uint16 (height, 3 × width)."""
    return np.repeat(weight.astype(np.uint16), 3, axis=1)


@lru_cache(maxsize=256)
def falloff(reach: int) -> np.ndarray:
    """Return the weights of a light: 256 at its centre, 0 at `reach` pixels; uint16 (2 × reach, 6 × reach)."""
    line = np.arange(2 * reach) - reach
    distance = line[:, None] ** 2 + line[None] ** 2
    return per_channel(np.maximum(0, FULL - FULL * distance // (reach * reach)))
