"""A thumbnail as the bytes that the image host serves: JPEG, or one of the oddities that real hosts serve under that name."""

import io

import cv2
import numpy as np
from PIL import Image

from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.world import Title

QUALITY = 88
NO_PICTURE = b"<!doctype html><title>503</title><p>The image is not available at the moment.</p>\n"


def served(seed: int, title: Title, slot: int) -> bytes:
    """The bytes under a slot's address; slot -1 is the title's cover."""
    image = drawing.thumbnail(seed, title.key, title.painters[0].id, slot)
    return encoded(image, title.times.kind(slot))


def encoded(image: np.ndarray, kind: str) -> bytes:
    """uint8 (height, width, 3), BGR, as an episode of this kind has it."""
    if kind == "html":
        return NO_PICTURE
    if kind == "grey":
        return jpeg(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    if kind == "pixel":
        return jpeg(image[:1, :1])
    if kind == "truncated":
        return half(jpeg(image))
    if kind == "png":
        # stored, not deflated: compressors differ from one processor to another
        return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    if kind == "cmyk":
        return cmyk(image)
    return jpeg(image)


def jpeg(image: np.ndarray) -> bytes:
    """Baseline JPEG with 4:2:0 chroma."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 0])[1].tobytes()


def half(data: bytes) -> bytes:
    """The first half, as after a broken upload: the header promises a whole picture."""
    return data[: len(data) // 2]


def cmyk(image: np.ndarray) -> bytes:
    """JPEG in four inks, as print shops deliver it; OpenCV writes none."""
    inks = Image.fromarray(image[:, :, ::-1].copy()).convert("CMYK")
    with io.BytesIO() as buffer:
        inks.save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()
