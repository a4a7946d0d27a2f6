"""A thumbnail as pixels: a scene of a title, in its style, with the style's tone and texture laid over."""

import numpy as np

from webtoon_genre.demo_site.art import scene, textures
from webtoon_genre.demo_site.art.blend import blended
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import BLACK
from webtoon_genre.demo_site.art.style import Style, style_of
from webtoon_genre.demo_site.dice import Dice

__all__ = ["HEIGHT", "WIDTH", "thumbnail"]


def thumbnail(seed: int, key: str, hand: int, slot: int) -> np.ndarray:
    """uint8 (120, 202, 3), BGR: episode `slot` of the title with this key ("fantasy/3"), by the painter with this id."""
    style, dice = style_of(seed, key, hand), Dice(seed, "scene", key, slot)
    canvas = Canvas(style.shade in ("dots", "hatch"), style.brush)
    scene.draw(canvas, style, dice)
    return finished(canvas, style, dice)


def finished(canvas: Canvas, style: Style, dice: Dice) -> np.ndarray:
    """The canvas at its final size, with tone, texture and dark corners."""
    image, shade = canvas.small()
    if shade is not None:
        image = textures.tone(image, shade, style.shade, style.pitch, style.ink, 150)
    if style.texture != "none":
        image = textures.noise(image, style.texture, style.number + dice.integer(0, 1), style.grain)
    if style.vignette > 0.05:
        dark = textures.vignette(20 * dice.integer(3, 7), 20 * dice.integer(2, 4), 56)
        image = blended(image, BLACK, (dark * round(style.vignette * 128)) >> 7)
    return image
