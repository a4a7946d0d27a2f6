"""One thumbnail: decoding, resizing to the square that models take, and a perceptual hash; no paths, no files.

OpenCV decodes JPEG, PNG, WebP and GIF; of an animation, the first frame. EXIF orientation is applied; grey, CMYK, palette and 16-bit
images become 8-bit RGB; colour profiles are ignored. Transparent areas become white, as on the web page that shows the thumbnail.
A truncated or too large image and a single pixel raise `BadImage`.
"""

import contextlib
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageOps
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from webtoon_genre.data import image_format

Interpolation = Literal["nearest", "linear", "area", "cubic", "lanczos"]
INTERPOLATIONS: dict[str, int] = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}
# Pillow's readers by format, not Image.open, which has its own pixel limit and warns or raises there
HEADERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "png": PngImageFile,
    "webp": WebPImageFile,
    "gif": GifImageFile,
}
HEADER_ERRORS = (SyntaxError, OSError, ValueError, OverflowError)  # Pillow's errors on broken files
JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)  # never inside compressed data
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the markers before height and width
JPEG_END = 0xD9
JPEG_FILL = bytes([128] * 3)  # a pixel after the end of the compressed data
JPEG_PADDING = b"\x55" * 64  # arbitrary compressed data; not zeros, which libjpeg adds itself
LARGEST_INT32_SUM = (2**31 - 1) // 255  # pixels whose sum of 8-bit values fits int32
WHITE = (255, 255, 255, 255)
PNG_DEPTH, PNG_COLOURS = 24, 25  # offsets of the bits a sample and of the colour type in a PNG
PNG_GREY, PNG_RGB = 0, 2  # colour types in which one colour may be transparent


class BadImage(ValueError):  # noqa: N818  (it names the image, not a mistake)
    """A thumbnail that the pipeline leaves out; `reason` is a slug counted in the metrics."""

    def __init__(self, origin: str, reason: str, detail: str):
        super().__init__(f"{origin}: {detail} [{reason}]")
        self.origin, self.reason, self.detail = origin, reason, detail


def decode_rgb(data: bytes, origin: str, max_pixels: int) -> np.ndarray:
    """Decode JPEG, PNG, WebP or GIF bytes to uint8 (height, width, 3), RGB; `origin` only names them in errors."""
    form = image_format.detect_format(data)
    if form is None:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes starting {data[:4]!r} are no JPEG, PNG, WebP or GIF")
    markers = jpeg_markers(data) if form == "jpeg" else {}
    if not (JPEG_END in markers if form == "jpeg" else has_end(data, form)):
        raise BadImage(origin, "truncated", f"the {form} stops after {len(data)} bytes, before its end")
    header = None if form == "jpeg" else read_header(data, form, origin)
    width, height = header.size if header else jpeg_size(data, markers, origin)
    if width * height > max_pixels:
        raise BadImage(origin, "too_many_pixels", f"{width} × {height} pixels are more than {max_pixels}")
    if width * height == 1:
        raise BadImage(origin, "one_pixel", "1 × 1 pixel shows nothing")
    if header and (colour := transparent_colour(data, header)) is not None:
        return without_colour(data, colour, origin)
    if header and header.has_transparency_data:
        return on_white(header, origin)
    rgb = decode_pixels(data)
    if rgb is None:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes of {form} cannot be decoded")
    if form == "jpeg" and ends_early(data, markers[JPEG_END], rgb):
        raise BadImage(origin, "truncated", f"the {form} ends before its picture does")
    return rgb


def has_end(data: bytes, form: str) -> bool:
    """Return whether a PNG, WebP or GIF has its format's end mark."""
    if form == "png":
        return b"IEND" in data
    if form == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return data.rstrip(b"\x00").endswith(b";")


def jpeg_markers(data: bytes) -> dict[int, int]:
    """Return the offset of the first marker of each code, in order, up to the end marker, which a truncated file lacks.

    Segments are skipped: EXIF may hold a small JPEG. Some versions of OpenCV fill the rest of a truncated JPEG with grey.
    """
    markers: dict[int, int] = {}
    offset = 2
    while JPEG_END not in markers and (match := JPEG_MARKER.search(data, offset)):
        end = match.end()
        markers.setdefault(data[end - 1], end - 2)
        offset = end + int.from_bytes(data[end : end + 2], "big")
    return markers


def jpeg_size(data: bytes, markers: dict[int, int], origin: str) -> tuple[int, int]:
    """Return width and height from the header, before EXIF orientation."""
    for code, offset in markers.items():
        if code in JPEG_FRAMES:
            sides = data[offset + 5 : offset + 9]  # after marker, length and precision
            return int.from_bytes(sides[2:], "big"), int.from_bytes(sides[:2], "big")
    raise BadImage(origin, "undecodable", f"{len(data)} bytes of jpeg hold no picture")


def read_header(data: bytes, form: str, origin: str) -> ImageFile:
    """Read size and transparency of PNG, WebP or GIF; no pixel is decoded."""
    try:
        return HEADERS[form](io.BytesIO(data))
    except Image.DecompressionBombError as error:  # Pillow's pixel limit, which its WebP reader always applies
        raise BadImage(origin, "too_many_pixels", str(error)) from None
    except HEADER_ERRORS as error:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes of {form} have a broken header ({error})") from None


def decode_pixels(data: bytes, flags: int = cv2.IMREAD_COLOR_RGB) -> np.ndarray | None:
    """Decode pixels with OpenCV: uint8 (height, width, 3), RGB, or None; with IMREAD_ANYDEPTH 16-bit samples stay uint16."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def ends_early(data: bytes, end: int, rgb: np.ndarray) -> bool:
    """Return whether a JPEG's end marker, at offset `end`, comes before the image's last block.

    libjpeg then only warns, and fills the rest with grey. An image with a corner of that grey is decoded again with more data before
    the marker: a complete image does not change.
    """
    if JPEG_FILL not in (rgb[row, column].tobytes() for row in (0, -1) for column in (0, -1)):
        return False
    padded = decode_pixels(data[:end] + JPEG_PADDING + data[end:])
    return padded is not None and not np.array_equal(rgb, padded)


def transparent_colour(data: bytes, header: ImageFile) -> np.ndarray | None:
    """Return the one transparent colour of a grey or RGB PNG, int (3,), RGB, as OpenCV decodes it, or None.

    Pillow compares this colour with 8 bits of a 16-bit sample, and before it scales samples of 2 and 4 bits to 8.
    """
    colour = header.info.get("transparency")
    if header.format != "PNG" or data[PNG_COLOURS] not in (PNG_GREY, PNG_RGB) or colour is None:
        return None
    largest = 2 ** data[PNG_DEPTH] - 1
    samples = np.broadcast_to(np.array(colour), 3) & largest
    return samples * (255 // largest if largest < 255 else 1)


def without_colour(data: bytes, colour: np.ndarray, origin: str) -> np.ndarray:
    """Decode a PNG to uint8 (height, width, 3), RGB; pixels of `colour`, int (3,), RGB, in 8 or 16 bits as the PNG, become white."""
    rgb = decode_pixels(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH)  # uint8, or uint16 of 16-bit samples
    if rgb is None:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes of png cannot be decoded")
    transparent = (rgb == colour).all(axis=-1, keepdims=True)
    return np.where(transparent, 255, rgb >> 8 * (rgb.itemsize - 1)).astype(np.uint8)


def on_white(header: ImageFile, origin: str) -> np.ndarray:
    """Blend an image with transparency on white: uint8 (height, width, 3), RGB; OpenCV would show its hidden pixels."""
    try:
        layer = ImageOps.exif_transpose(header).convert("RGBA")
    except HEADER_ERRORS as error:
        raise BadImage(origin, "undecodable", f"transparent picture cannot be decoded ({error})") from None
    background = Image.new("RGBA", layer.size, WHITE)
    return np.array(Image.alpha_composite(background, layer).convert("RGB"))


def fit_square(image: np.ndarray, side: int, interpolation: Interpolation, out: np.ndarray | None = None) -> np.ndarray:
    """Scale uint8 (height, width, 3) by side / longer side and centre it on black: uint8 (side, side, 3), same channel order.

    The study's resize, but shifted by integer pixels only: an odd margin is one pixel larger on the right and at the bottom.
    out: a black square that takes the result.
    """
    scaled = scale(image, side / max(image.shape[:2]), INTERPOLATIONS[interpolation])
    height, width = scaled.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), np.uint8) if out is None else out
    square[top : top + height, left : left + width] = scaled
    return square


def scale(image: np.ndarray, factor: float, flag: int) -> np.ndarray:
    """Resize by a factor, as the study did; a target size would stretch the shorter side to an integer. No side goes below 1 pixel."""
    height, width = (max(1, round(length * factor)) for length in image.shape[:2])
    if min(image.shape[:2]) * factor <= 0.5:  # OpenCV would round this side to 0
        return cv2.resize(image, (width, height), interpolation=flag)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=flag)


def perceptual_hash(image: np.ndarray) -> str:
    """Hash uint8 (height, width, 3), RGB, to 64 bits, as 16 hexadecimal digits: similar images differ in few bits.

    A bit says whether a cell of an 8 × 9 grid is brighter than its left neighbour (dHash). Sums are exact, so that every machine
    computes the same hash. A side with fewer pixels than cells leaves cells empty, that is, black.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    corners, widths = hash_grid(*grey.shape)
    depth = cv2.CV_32S if grey.size <= LARGEST_INT32_SUM else cv2.CV_64F
    sums_from_corner = cv2.integral(grey, sdepth=depth).take(corners)  # (9, 10)
    bands = sums_from_corner[1:] - sums_from_corner[:-1]
    sums = bands[:, 1:] - bands[:, :-1]  # (8, 9), cell by cell
    means = sums / widths  # of equal height in a row
    return np.packbits(means[:, 1:] > means[:, :-1]).tobytes().hex()


@lru_cache(256)
def hash_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The corners of 8 × 9 cells as positions in the flat integral, int (9, 10), and the widths of the cells, at least 1, int (9,)."""
    down, across = (np.arange(cells + 1) * side // cells for side, cells in ((height, 8), (width, 9)))
    return down[:, None] * (width + 1) + across, np.maximum(across[1:] - across[:-1], 1)


@contextlib.contextmanager
def silent_decoders() -> Iterator[None]:
    """Discard what C libraries print (libjpeg: "Corrupt JPEG data"); Python's log and progress bars still reach stderr."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]
    with (
        os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as terminal,
        Path(os.devnull).open("w") as devnull,
        contextlib.redirect_stderr(terminal),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", module="PIL")  # of broken EXIF or animations: only the pixels matter
        streams = [handler.setStream(terminal) for handler in handlers]
        os.dup2(devnull.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal.fileno(), 2)
            for handler, stream in zip(handlers, streams, strict=True):
                handler.setStream(stream)
