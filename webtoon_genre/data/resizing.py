"""Thumbnails as served, decoded and fitted into black squares, file by file; no paths.

An image that cannot be used becomes a row with the reason.
"""

import hashlib
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from pydantic import Field

from webtoon_genre.core.params import Section
from webtoon_genre.data.images import BadImage, Interpolation, decode_rgb, fit_square, perceptual_hash
from webtoon_genre.data.tables import IMAGES, SHARED, SHARED_IMAGES, read_columns

ServedImage = tuple[int, int, bytes]  # title_id, no, and the bytes as served


class ResizeParams(Section):
    """params.yaml: resize."""

    side: int = Field(ge=8, le=2048)
    interpolation: Interpolation
    max_pixels: int = Field(ge=1)


class Rows(NamedTuple):
    """Rows of the tables INDEX and REJECTED."""

    usable: list[dict[str, Any]]
    rejected: list[dict[str, Any]]


def resize_images(images: Sequence[ServedImage], file: str, params: ResizeParams) -> tuple[np.ndarray, Rows]:
    """Fit the images of one file, by ascending title_id and no: uint8 (n, side, side, 3), RGB."""
    pixels = np.zeros((len(images), params.side, params.side, 3), np.uint8)
    rows = Rows([], [])
    for title_id, no, data in sorted(images, key=itemgetter(0, 1)):
        try:
            image = decode_rgb(data, f"{title_id}/{no}", params.max_pixels)
        except BadImage as error:
            rows.rejected.append({"title_id": title_id, "no": no, "reason": error.reason, "detail": error.detail})
            continue
        fit_square(image, params.side, params.interpolation, pixels[len(rows.usable)])
        position = {"title_id": title_id, "no": no, "file": file, "row": len(rows.usable)}
        rows.usable.append(position | describe(image, data))
    return pixels[: len(rows.usable)], rows


def describe(image: np.ndarray, data: bytes) -> dict[str, Any]:
    """Return the columns of INDEX that describe an image, uint8 (height, width, 3), RGB, decoded from `data`."""
    height, width = image.shape[:2]
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": width,
        "height": height,
        "perceptual_hash": perceptual_hash(image),
    }


def read_images(path: Path, name: str) -> list[ServedImage]:
    """Read the images of the file `name`.parquet, at `path`: one that titles share, or that of one title, named by its title_id."""
    shared = name.startswith(SHARED)
    table = read_columns(path, SHARED_IMAGES if shared else IMAGES)
    titles = table["title_id"].to_pylist() if shared else repeat(int(name), len(table))
    return list(zip(titles, table["no"].to_pylist(), table["image"].to_pylist(), strict=True))


class FileResizer:
    """Fits the images of files, one file at a time; `locate` gives where the content of a file is, whose name may differ there."""

    def __init__(self, params: ResizeParams, locate: Callable[[Path], Path]):
        cv2.setNumThreads(1)  # a worker takes one file at a time
        self.params, self.locate = params, locate

    def __call__(self, path: Path) -> tuple[np.ndarray, Rows]:
        """As resize_images, of the file at `path`."""
        return resize_images(read_images(self.locate(path), path.stem), path.stem, self.params)
