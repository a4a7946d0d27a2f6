"""Mixing a colour into pixels by whole-number weights; a pixel's three channels lie side by side, which keeps numpy fast."""

from functools import lru_cache

import numpy as np

from webtoon_genre.demo_site.art.colour import Colour

FULL = 256


def blended(image: np.ndarray, colour: Colour, weight: np.ndarray) -> np.ndarray:
    """`weight` (uint16 (height, 3 × width), 0..256) of a colour over uint8 (height, width, 3)."""
    base = image.reshape(image.shape[0], -1).astype(np.uint16)
    row = np.tile(np.array(colour, np.uint16), image.shape[1])
    return ((base * (FULL - weight) + row * weight) >> 8).astype(np.uint8).reshape(image.shape)


def thrice(weight: np.ndarray) -> np.ndarray:
    """A weight a pixel as a weight a channel, uint16 (height, 3 × width)."""
    return np.repeat(weight.astype(np.uint16), 3, axis=1)


@lru_cache(maxsize=256)
def falloff(reach: int) -> np.ndarray:
    """Light about a point: 256 there, 0 at `reach` pixels; uint16 (2 × reach, 6 × reach)."""
    line = np.arange(2 * reach) - reach
    distance = line[:, None] ** 2 + line[None] ** 2
    return thrice(np.maximum(0, FULL - FULL * distance // (reach * reach)))
