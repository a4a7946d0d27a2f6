"""Decode each thumbnail once and fit it into a black square.

Reads:  data/raw/thumbnails/<title_id>.parquet, and nothing else of data/raw: new ratings change no pixel
Writes: data/resized/<title_id>.npy (uint8 (n, side, side, 3), RGB, rows by ascending no; none for a title without a usable image),
        data/resized/index.parquet (a row an image), data/resized/rejected.parquet (a row an unusable image, with the reason),
        metrics/resize.json
Params: resize
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
    """params.yaml: resize."""

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


def resize_title(title_id: int, images: pd.DataFrame, params: Resize) -> tuple[np.ndarray, Rows]:
    """Fit the images of one title (columns no and image, the bytes as served), by ascending no: uint8 (n, side, side, 3), RGB."""
    pixels = np.empty((len(images), params.side, params.side, 3), np.uint8)
    rows = Rows([], [])
    for no, data in images.sort_values("no", kind="stable")[["no", "image"]].itertuples(index=False):
        try:
            image = decode_rgb(data, f"{title_id}/{no}", params.max_pixels)
        except BadImage as error:
            rows.rejected.append({"title_id": title_id, "no": no, "reason": error.reason, "detail": error.detail})
            continue
        pixels[len(rows.usable)] = fit_square(image, params.side, params.interpolation)
        rows.usable.append(index_row(title_id, no, len(rows.usable), data, image))
    return pixels[: len(rows.usable)], rows


def index_row(title_id: int, no: int, row: int, data: bytes, image: np.ndarray) -> dict[str, Any]:
    """Return the row of INDEX for an image, uint8 (height, width, 3), RGB, decoded from `data`."""
    height, width = image.shape[:2]
    return {
        "title_id": title_id,
        "no": no,
        "row": row,
        "sha256": hashlib.sha256(data).hexdigest(),
        "width": width,
        "height": height,
        "perceptual_hash": perceptual_hash(image),
    }


def resize_file(path: Path, folder: Path, params: Resize) -> Rows:
    """Fit the images of one title's file and save its array to `folder`, unless it is empty."""
    pixels, rows = resize_title(int(path.stem), read_table(path, IMAGES), params)
    if rows.usable:
        np.save(folder / f"{path.stem}.npy", pixels)
    return rows


def title_files(folder: Path) -> list[Path]:
    """Return the files of `folder` by ascending title_id."""
    files = [path for path in folder.glob("*.parquet") if not path.name.startswith(".")]
    if invalid := sorted(path.name for path in files if not path.stem.isdecimal()):
        raise InputError(f"{folder} holds {invalid[0]}, which is no <title_id>.parquet; remove it")
    if not files:
        raise InputError(f"{folder} holds no <title_id>.parquet; `dvc repro crawl` makes them")
    return sorted(files, key=lambda path: int(path.stem))


def summary(index: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """Return metrics/resize.json."""
    return {
        "images": len(index),
        "titles": index["title_id"].nunique(),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
    }


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


def resize_files(files: list[Path], folder: Path, params: Resize) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Save the arrays of all titles to `folder`; return the rows of INDEX and of REJECTED, by title_id and no."""
    cv2.setNumThreads(1)  # this function runs one thread a title
    with silent_decoders(), ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda path: resize_file(path, folder, params), files)
        titles = list(track(results, len(files), "resize", "titles"))
    usable = [row for title in titles for row in title.usable]
    rejected = [row for title in titles for row in title.rejected]
    return pd.DataFrame(usable, columns=INDEX.names), pd.DataFrame(rejected, columns=REJECTED.names)


def main() -> None:
    """Decode the thumbnails and fit each into a black square of resize.side pixels."""
    params = read(Params).resize
    files = title_files(paths.THUMBNAILS)
    with replacing_folder(paths.RESIZED) as folder:
        index, rejected = resize_files(files, folder, params)
        metrics = summary(index, rejected)
        if index.empty:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(metrics["rejected_by_reason"].items()))
            raise InputError(f"{paths.THUMBNAILS} holds no usable image; reasons: {reasons}")
        write_table(index, INDEX, folder / "index.parquet")
        write_table(rejected, REJECTED, folder / "rejected.parquet")
    write_json(paths.metrics("resize"), metrics)
    log.info("%s images of %s titles, %s rejected", len(index), metrics["titles"], len(rejected))


if __name__ == "__main__":
    run(main, "resize")
