"""One thumbnail: bytes to pixels, pixels to the square that models see, and a hash of its looks; no paths, no files.

JPEG, PNG, WebP and GIF are decoded by OpenCV, the first frame where there are several. EXIF orientation is applied, grey, CMYK, palette
and 16-bit pictures become 8-bit RGB, colour profiles are not applied. Transparent parts show white, as on the page a thumbnail
is made for. A picture that is cut short, too large or a single pixel is a `BadImage`.
"""

import io
import re
from collections.abc import Callable, Iterator
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
# Pillow's readers by name, not Image.open: that one warns, or raises, at a pixel limit of its own.
HEADERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "png": PngImageFile,
    "webp": WebPImageFile,
    "gif": GifImageFile,
}
HEADER_ERRORS = (SyntaxError, OSError, ValueError, OverflowError)  # what Pillow raises on broken files
JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)  # none of these stands inside compressed data
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the markers before height and width
JPEG_END = 0xD9
JPEG_FILL = 128  # the grey of all channels where the compressed data ran out
JPEG_MORE = b"\x55" * 64  # compressed data of no meaning; not zeros, which libjpeg itself adds
WHITE = (255, 255, 255, 255)


class BadImage(ValueError):  # noqa: N818  (it names the image, not a mistake)
    """A thumbnail that the pipeline leaves out; `reason` is a slug counted in the metrics."""

    def __init__(self, origin: str, reason: str, detail: str):
        super().__init__(f"{origin}: {detail} [{reason}]")
        self.origin, self.reason, self.detail = origin, reason, detail


def decode_rgb(data: bytes, origin: str, max_pixels: int) -> np.ndarray:
    """Decode bytes to uint8 (height, width, 3), RGB; `origin` only names them in errors."""
    name = image_format.detect_format(data)
    if name is None:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes starting {data[:4]!r} are no JPEG, PNG, WebP or GIF")
    if not is_whole(data, name):
        raise BadImage(origin, "truncated", f"the {name} stops after {len(data)} bytes, before its end")
    header = None if name == "jpeg" else read_header(data, name, origin)
    width, height = header.size if header else jpeg_size(data, origin)
    if width * height > max_pixels:
        raise BadImage(origin, "too_many_pixels", f"{width} × {height} pixels are more than {max_pixels}")
    if width * height == 1:
        raise BadImage(origin, "one_pixel", "1 × 1 pixel shows nothing")
    if header and header.has_transparency_data:
        return on_white(header, origin)
    return decode_opaque(data, name, origin)


def is_whole(data: bytes, name: str) -> bool:
    """Whether the file reaches its format's end mark; OpenCV fills the rest of a cut JPEG with grey (some versions do)."""
    if name == "jpeg":
        return any(code == JPEG_END for code, _ in jpeg_markers(data))
    if name == "png":
        return b"IEND" in data
    if name == "webp":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return data.rstrip(b"\x00").endswith(b";")


def jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """The markers up to the end's, each with its place; what stands inside a segment (EXIF holds a small JPEG) is no marker."""
    place = 2
    while found := JPEG_MARKER.search(data, place):
        code = data[found.start() + 1]
        yield code, found.start()
        if code == JPEG_END:
            return
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")


def jpeg_size(data: bytes, origin: str) -> tuple[int, int]:
    """Width and height in the header, before EXIF orientation."""
    for code, place in jpeg_markers(data):
        if code in JPEG_FRAMES:
            sides = data[place + 5 : place + 9]  # after marker, length and precision
            return int.from_bytes(sides[2:], "big"), int.from_bytes(sides[:2], "big")
    raise BadImage(origin, "undecodable", f"{len(data)} bytes of jpeg hold no picture")


def read_header(data: bytes, name: str, origin: str) -> ImageFile:
    """Size and transparency of PNG, WebP or GIF, before any pixel is decoded."""
    try:
        return HEADERS[name](io.BytesIO(data))
    except Image.DecompressionBombError as error:  # Pillow's own limit, which its WebP reader keeps in any case
        raise BadImage(origin, "too_many_pixels", str(error)) from None
    except HEADER_ERRORS as error:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes of {name} have a broken header ({error})") from None


def decode_opaque(data: bytes, name: str, origin: str) -> np.ndarray:
    """Pixels by OpenCV: uint8 (height, width, 3), RGB."""
    bgr = decode_bgr(data)
    if bgr is None:
        raise BadImage(origin, "undecodable", f"{len(data)} bytes of {name} cannot be decoded")
    if name == "jpeg" and ran_out(data, bgr):
        raise BadImage(origin, "truncated", f"the {name} ends before its picture does")
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def decode_bgr(data: bytes) -> np.ndarray | None:
    """OpenCV's pixels, uint8 (height, width, 3), BGR, or None."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def ran_out(data: bytes, bgr: np.ndarray) -> bool:
    """Whether the end marker came before the picture's last block.

    libjpeg then only warns, and fills with grey. Pictures with a corner of that grey are decoded again with more data before the
    marker: whole pictures ignore it.
    """
    if not (bgr[[0, 0, -1, -1], [0, -1, 0, -1]] == JPEG_FILL).all(axis=1).any():
        return False
    end = next(place for code, place in jpeg_markers(data) if code == JPEG_END)
    longer = decode_bgr(data[:end] + JPEG_MORE + data[end:])
    return longer is not None and not np.array_equal(bgr, longer)


def on_white(header: ImageFile, origin: str) -> np.ndarray:
    """A picture with transparency, laid on white: uint8 (height, width, 3), RGB; OpenCV would show what is hidden."""
    try:
        layer = ImageOps.exif_transpose(header).convert("RGBA")
    except HEADER_ERRORS as error:
        raise BadImage(origin, "undecodable", f"transparent picture cannot be decoded ({error})") from None
    paper = Image.new("RGBA", layer.size, WHITE)
    return np.array(Image.alpha_composite(paper, layer).convert("RGB"))


def fit_square(image: np.ndarray, side: int, interpolation: Interpolation) -> np.ndarray:
    """Scale uint8 (height, width, 3) by side / longer side, and centre it on black: uint8 (side, side, 3), channels as given.

    The study's resize, moved by whole pixels only: where the margin is odd, the right and the bottom get one pixel more.
    """
    scaled = scale(image, side / max(image.shape[:2]), INTERPOLATIONS[interpolation])
    height, width = scaled.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + height, left : left + width] = scaled
    return square


def scale(image: np.ndarray, factor: float, flag: int) -> np.ndarray:
    """Resize by a factor, as the study did; a target size would stretch the shorter side to whole pixels. No side goes below 1 pixel."""
    height, width = (max(1, round(length * factor)) for length in image.shape[:2])
    if min(image.shape[:2]) * factor <= 0.5:  # OpenCV would round this side to 0
        return cv2.resize(image, (width, height), interpolation=flag)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=flag)


def perceptual_hash(image: np.ndarray) -> str:
    """64 bits of uint8 (height, width, 3), RGB, as 16 hexadecimal digits: like pictures differ in few bits.

    Each bit tells whether a cell of an 8 × 9 grid is brighter than its left neighbour (known as dHash); exact sums, so that every
    machine finds the same. A side of fewer pixels than cells leaves cells empty, and so black.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    down, across = (np.arange(cells + 1) * side // cells for side, cells in zip(grey.shape, (8, 9), strict=True))
    corners = cv2.integral(grey, sdepth=cv2.CV_64F)[down[:, None], across]  # (9, 10) sums from the upper left
    bands = corners[1:] - corners[:-1]
    sums = bands[:, 1:] - bands[:, :-1]  # (8, 9), one a cell
    means = sums / np.maximum(across[1:] - across[:-1], 1)  # of equal height in a row
    return np.packbits(means[:, 1:] > means[:, :-1]).tobytes().hex()
