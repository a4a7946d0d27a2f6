"""Decode each thumbnail once and fit it into a black square.

Reads: data/raw/thumbnails/<title_id>.parquet, and nothing else of data/raw: new ratings change no pixel.
Writes: data/resized/<title_id>.npy, uint8 (n, side, side, 3), RGB, rows by ascending no; data/resized/index.parquet, a row an image;
data/resized/rejected.parquet, a row an image that cannot be used, with the reason; metrics/resize.json. A title without a usable
image has no .npy.
Params: resize.
"""

import contextlib
import hashlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing_folder, write_json
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.core.progress import track
from webtoon_genre.data.images import BadImage, Interpolation, decode_rgb, fit_square, perceptual_hash
from webtoon_genre.data.tables import IMAGES, INDEX, REJECTED, read_table, write_table

log = logging.getLogger(__name__)


class Resize(Section):
    """The square and how pictures get into it."""

    side: int = Field(ge=8, le=2048)
    interpolation: Interpolation
    max_pixels: int = Field(ge=1)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    resize: Resize


class Rows(NamedTuple):
    """Rows of the tables INDEX and REJECTED."""

    usable: list[dict[str, Any]]
    rejected: list[dict[str, Any]]


def resize_title(title_id: int, images: pd.DataFrame, section: Resize) -> tuple[np.ndarray, Rows]:
    """Fit the images of one title (columns no and image, the bytes as served), by ascending no: uint8 (n, side, side, 3), RGB."""
    pixels = np.empty((len(images), section.side, section.side, 3), np.uint8)
    rows = Rows([], [])
    for no, data in images.sort_values("no", kind="stable")[["no", "image"]].itertuples(index=False):
        try:
            picture = decode_rgb(data, f"{title_id}/{no}", section.max_pixels)
        except BadImage as bad:
            rows.rejected.append({"title_id": title_id, "no": no, "reason": bad.reason, "detail": bad.detail})
            continue
        pixels[len(rows.usable)] = fit_square(picture, section.side, section.interpolation)
        rows.usable.append(index_row(title_id, no, len(rows.usable), data, picture))
    return pixels[: len(rows.usable)], rows


def index_row(title_id: int, no: int, row: int, data: bytes, picture: np.ndarray) -> dict[str, Any]:
    """The row of INDEX for a picture, uint8 (height, width, 3), RGB, decoded from `data`."""
    height, width = picture.shape[:2]
    return {
        "title_id": title_id,
        "no": no,
        "row": row,
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": width,
        "height": height,
        "perceptual_hash": perceptual_hash(picture),
    }


def resize_file(path: Path, folder: Path, section: Resize) -> Rows:
    """Fit one title's file and save its array to `folder`, unless it is empty."""
    pixels, rows = resize_title(int(path.stem), read_table(path, IMAGES), section)
    if rows.usable:
        np.save(folder / f"{path.stem}.npy", pixels)
    return rows


def title_files(folder: Path) -> list[Path]:
    """The files of `folder` by ascending title_id."""
    paths = [path for path in folder.glob("*.parquet") if not path.name.startswith(".")]
    if strange := sorted(path.name for path in paths if not path.stem.isdecimal()):
        raise InputError(f"{folder} holds {strange[0]}, which is no <title_id>.parquet; take it out")
    if not paths:
        raise InputError(f"{folder} holds no <title_id>.parquet; `dvc repro crawl` makes them")
    return sorted(paths, key=lambda path: int(path.stem))


def summary(index: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """What the metrics tell."""
    return {
        "images": len(index),
        "titles": index["title_id"].nunique(),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
    }


@contextlib.contextmanager
def silent_decoders() -> Iterator[None]:
    """Send what C libraries print (libjpeg: "Corrupt JPEG data") to nowhere; Python's own log and bars go on to stderr."""
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
    ]
    with (
        os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as terminal,
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stderr(terminal),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", module="PIL")  # broken EXIF or animation; the picture is judged by its pixels
        streams = [handler.setStream(terminal) for handler in handlers]
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal.fileno(), 2)
            for handler, stream in zip(handlers, streams, strict=True):
                handler.setStream(stream)


def resize_files(paths: list[Path], folder: Path, section: Resize) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Save the arrays of all titles to `folder`; the rows of INDEX and of REJECTED, by title_id and no."""
    cv2.setNumThreads(1)  # the threads are ours, a title each
    with silent_decoders(), ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(lambda path: resize_file(path, folder, section), paths)
        titles = list(track(done, len(paths), "resize", "titles"))
    usable = [row for title in titles for row in title.usable]
    rejected = [row for title in titles for row in title.rejected]
    return pd.DataFrame(usable, columns=INDEX.names), pd.DataFrame(rejected, columns=REJECTED.names)


def main() -> None:
    """Decode the thumbnails and fit each into a black square of resize.side pixels."""
    section = read(Params).resize
    paths = title_files(paths.THUMBNAILS)
    with replacing_folder(paths.RESIZED) as folder:
        index, rejected = resize_files(paths, folder, section)
        numbers = summary(index, rejected)
        if index.empty:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(numbers["rejected_by_reason"].items()))
            raise InputError(f"{paths.THUMBNAILS} holds no usable picture; reasons: {reasons}")
        write_table(index, INDEX, folder / "index.parquet")
        write_table(rejected, REJECTED, folder / "rejected.parquet")
    write_json(paths.metrics("resize"), numbers)
    log.info("%s images of %s titles, %s rejected", len(index), numbers["titles"], len(rejected))


if __name__ == "__main__":
    run(main, "resize")
