"""A thumbnail as pixels: a scene of a title in its style, then the tone and texture of that style."""

import numpy as np

from webtoon_genre.demo_site.art import scene, textures
from webtoon_genre.demo_site.art.blend import blend
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import BLACK
from webtoon_genre.demo_site.art.style import Style, style_of
from webtoon_genre.demo_site.seeded_random import SeededRandom

__all__ = ["HEIGHT", "WIDTH", "thumbnail"]


def thumbnail(seed: int, key: str, painter_id: int, slot: int) -> np.ndarray:
    """Draw episode `slot` of the title `key` ("fantasy/3") by a painter: uint8 (120, 202, 3), BGR."""
    style, rng = style_of(seed, key, painter_id), SeededRandom(seed, "scene", key, slot)
    canvas = Canvas(style.shade in ("dots", "hatch"), style.brush)
    scene.draw(canvas, style, rng)
    return finish(canvas, style, rng)


def finish(canvas: Canvas, style: Style, rng: SeededRandom) -> np.ndarray:
    """Downsample the canvas; add tone, texture and vignette."""
    image, shade = canvas.downsample()
    if shade is not None:
        image = textures.tone(image, shade, style.shade, style.pitch, style.ink, 150)
    if style.texture != "none":
        image = textures.noise(image, style.texture, style.number + rng.integer(0, 1), style.grain)
    if style.vignette > 0.05:
        dark = textures.vignette(20 * rng.integer(3, 7), 20 * rng.integer(2, 4), 56)
        image = blend(image, BLACK, (dark * round(style.vignette * 128)) >> 7)
    return image
