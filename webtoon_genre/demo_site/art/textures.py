"""Patterns over a complete thumbnail: screentone, hatching, paper, grain, washes, vignettes. Integer arithmetic alone."""

from functools import lru_cache

import numpy as np

from webtoon_genre.demo_site.art.blend import FULL, blend, per_channel
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH
from webtoon_genre.demo_site.art.colour import Colour

FIELDS = 8  # noise fields of a kind


def tone(image: np.ndarray, shade: np.ndarray, kind: str, pitch: int, ink: Colour, strength: int) -> np.ndarray:
    """Blend ink in where `shade`, uint8 (120, 202), and a pattern overlap; strength in 0..256."""
    pattern = dots(pitch) if kind == "dots" else hatch(pitch)
    weight = (shade.astype(np.int32) * pattern >> 8) * strength >> 8
    return blend(image, ink, per_channel(weight))


def noise(image: np.ndarray, kind: str, number: int, amount: int) -> np.ndarray:
    """Apply paper grain, film noise or watercolour blotches; amount in 0..100."""
    period = {"film": 1, "paper": 2, "wash": 24}[kind]
    factor = grain(period, number % FIELDS, amount)  # 128 leaves a pixel unchanged
    flat = image.reshape(HEIGHT, -1).astype(np.uint16)
    return np.minimum(flat * factor >> 7, 255).astype(np.uint8).reshape(image.shape)


@lru_cache(maxsize=128)
def grain(period: int, number: int, amount: int) -> np.ndarray:
    """Return the factors of a noise in 128ths, uint16 (120, 606)."""
    return per_channel(128 + (field(period, number) * amount >> 8))


@lru_cache(maxsize=64)
def field(period: int, number: int) -> np.ndarray:
    """Return noise in -128..127 that varies over `period` pixels, int32 (120, 202)."""
    generator = np.random.Generator(np.random.PCG64(1000 * period + number))
    coarse = generator.integers(0, 256, (HEIGHT // period + 2, WIDTH // period + 2))
    return interpolate_rows(interpolate_rows(coarse, period, HEIGHT).T, period, WIDTH).T - 128


def interpolate_rows(coarse: np.ndarray, period: int, length: int) -> np.ndarray:
    """Interpolate smoothly between rows that are `period` apart; integers."""
    row, step = np.divmod(np.arange(length), period)
    weight = (step * step * (3 * period - 2 * step))[:, None]
    return coarse[row] + (coarse[row + 1] - coarse[row]) * weight // period**3


@lru_cache(maxsize=16)
def dots(pitch: int) -> np.ndarray:
    """Return a screentone at 45 degrees: 0 or 256 with soft edges, int32 (120, 202)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    along, across = (rows + columns) % pitch * 2 - pitch + 1, (rows - columns) % pitch * 2 - pitch + 1
    distance = along * along + across * across
    return np.clip((pitch * pitch * 6 // 10 - distance) * 256 // (pitch * 2), 0, 256).astype(np.int32)


@lru_cache(maxsize=16)
def hatch(pitch: int) -> np.ndarray:
    """Return slanting pen strokes: 0 or 256, int32 (120, 202)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = (2 * columns + 3 * rows) % (3 * pitch)
    return np.where(phase < 4, 256, 0).astype(np.int32)


@lru_cache(maxsize=64)
def vignette(x: int, y: int, radius: int) -> np.ndarray:
    """Return weights of 0 within `radius` pixels of a point and up to 256 far from it, uint16 (120, 606)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = (columns - x) ** 2 + 2 * (rows - y) ** 2
    return per_channel(np.clip((distance - radius * radius) * FULL // (radius * radius * 3 + 1), 0, FULL))
