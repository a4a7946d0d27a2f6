"""Thumbnails as the bytes that the image host serves: JPEG, or another kind of file that real hosts serve under that name."""

import io

import cv2
import numpy as np
from PIL import Image

from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.world import Title

QUALITY = 88
NO_PICTURE = b"<!doctype html><title>503</title><p>The image is not available at the moment.</p>\n"


def thumbnail_bytes(seed: int, title: Title, slot: int) -> bytes:
    """Return the bytes at the address of a slot; slot -1 is the cover of the title."""
    image = drawing.thumbnail(seed, title.key, title.painters[0].id, slot)
    return encode(image, title.timetable.kind(slot))


def encode(image: np.ndarray, kind: str) -> bytes:
    """Encode uint8 (height, width, 3), BGR, as the file of an episode of this kind."""
    if kind == "html":
        return NO_PICTURE
    if kind == "grey":
        return jpeg(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    if kind == "pixel":
        return jpeg(image[:1, :1])
    if kind == "truncated":
        return truncate(jpeg(image))
    if kind == "png":
        # no compression: the output of compressors differs between processors
        return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    if kind == "cmyk":
        return cmyk(image)
    return jpeg(image)


def jpeg(image: np.ndarray) -> bytes:
    """Encode a baseline JPEG with 4:2:0 chroma."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 0])[1].tobytes()


def truncate(data: bytes) -> bytes:
    """Keep the first 50% of a file, as after a broken upload: the header is that of a complete picture."""
    return data[: len(data) // 2]


def cmyk(image: np.ndarray) -> bytes:
    """Encode a CMYK JPEG, as print shops deliver it; OpenCV cannot write it."""
    inks = Image.fromarray(image[:, :, ::-1].copy()).convert("CMYK")
    with io.BytesIO() as buffer:
        inks.save(buffer, "JPEG", quality=QUALITY)
        return buffer.getvalue()
