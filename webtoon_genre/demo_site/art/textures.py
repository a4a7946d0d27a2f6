"""Patterns laid over a finished thumbnail: screentone, hatching, paper, grain, washes, vignettes. All whole-number arithmetic."""

from functools import lru_cache

import numpy as np

from webtoon_genre.demo_site.art.blend import FULL, blended, thrice
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH
from webtoon_genre.demo_site.art.colour import Colour

FIELDS = 8  # different noise fields of a kind


def tone(image: np.ndarray, shade: np.ndarray, kind: str, pitch: int, ink: Colour, strength: int) -> np.ndarray:
    """Lay ink where `shade` (uint8 (120, 202)) and the pattern of this kind both are; strength in 0..256."""
    pattern = dots(pitch) if kind == "dots" else hatch(pitch)
    weight = (shade.astype(np.int32) * pattern >> 8) * strength >> 8
    return blended(image, ink, thrice(weight))


def noise(image: np.ndarray, kind: str, number: int, amount: int) -> np.ndarray:
    """Paper grain, film noise or a watercolour's blotches; amount in 0..100."""
    cell = {"film": 1, "paper": 2, "wash": 24}[kind]
    factor = grain(cell, number % FIELDS, amount)  # 128 leaves a pixel as it is
    flat = image.reshape(HEIGHT, -1).astype(np.uint16)
    return np.minimum(flat * factor >> 7, 255).astype(np.uint8).reshape(image.shape)


@lru_cache(maxsize=128)
def grain(cell: int, number: int, amount: int) -> np.ndarray:
    """What the pixels of a noise are multiplied by, in 128ths, uint16 (120, 606)."""
    return thrice(128 + (field(cell, number) * amount >> 8))


@lru_cache(maxsize=64)
def field(cell: int, number: int) -> np.ndarray:
    """Noise in -128..127 that varies over `cell` pixels, int32 (120, 202)."""
    generator = np.random.Generator(np.random.PCG64(1000 * cell + number))
    coarse = generator.integers(0, 256, (HEIGHT // cell + 2, WIDTH // cell + 2))
    return eased(eased(coarse, cell, HEIGHT).T, cell, WIDTH).T - 128


def eased(coarse: np.ndarray, cell: int, length: int) -> np.ndarray:
    """Rows between the given ones, `cell` apart, that pass smoothly from one to the next; whole numbers."""
    row, step = np.divmod(np.arange(length), cell)
    weight = (step * step * (3 * cell - 2 * step))[:, None]
    return coarse[row] + (coarse[row + 1] - coarse[row]) * weight // cell**3


@lru_cache(maxsize=16)
def dots(pitch: int) -> np.ndarray:
    """A screentone at 45 degrees, 0 or 256 softened at the rim, int32 (120, 202)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    along, across = (rows + columns) % pitch * 2 - pitch + 1, (rows - columns) % pitch * 2 - pitch + 1
    distance = along * along + across * across
    return np.clip((pitch * pitch * 6 // 10 - distance) * 256 // (pitch * 2), 0, 256).astype(np.int32)


@lru_cache(maxsize=16)
def hatch(pitch: int) -> np.ndarray:
    """Slanting pen strokes, 0 or 256, int32 (120, 202)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    phase = (2 * columns + 3 * rows) % (3 * pitch)
    return np.where(phase < 4, 256, 0).astype(np.int32)


@lru_cache(maxsize=64)
def vignette(x: int, y: int, hole: int) -> np.ndarray:
    """0 within `hole` pixels of a point, rising to 256 far from it, uint16 (120, 606)."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = (columns - x) ** 2 + 2 * (rows - y) ** 2
    return thrice(np.clip((distance - hole * hole) * FULL // (hole * hole * 3 + 1), 0, FULL))
