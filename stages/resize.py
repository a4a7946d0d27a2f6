"""Decode each thumbnail once and fit it into a black square.

Reads:  data/raw/thumbnails/<title_id>.parquet and shared-*.parquet (of small titles), and nothing else of data/raw: new ratings
        change no pixel
Writes: data/resized/<as in thumbnails>.npy (uint8 (n, side, side, 3), RGB, rows by ascending title_id and no; none for a file without
        a usable image), data/resized/index.parquet (a row an image), data/resized/rejected.parquet (a row an unusable image, with the
        reason), metrics/resize.json
Params: resize, cluster

On a Ray cluster (docs/cluster.md) the same bytes are written.
"""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from webtoon_genre.cluster import ray_data
from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing_folder, write_json
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.core.progress import track
from webtoon_genre.core.workers import end_with_parent
from webtoon_genre.data.images import silent_decoders
from webtoon_genre.data.resizing import FileResizer, ResizeParams, Rows, read_images, resize_images
from webtoon_genre.data.tables import INDEX, REJECTED, SHARED, write_table

MAX_WORKERS = 16  # a process holds 0.15 GB and the images of one file
MANY = (
    4000  # images; with fewer, the start of processes, a second, takes longer than threads, which share one interpreter
)
log = logging.getLogger(__name__)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    untracked: ClassVar = frozenset({"cluster"})

    resize: ResizeParams
    cluster: ClusterParams


def resize_file(path: Path, folder: Path, params: ResizeParams) -> Rows:
    """Fit the images of one file and save their array to `folder`."""
    return save(path, folder, *resize_images(read_images(path, path.stem), path.stem, params))


def save(path: Path, folder: Path, pixels: np.ndarray, rows: Rows) -> Rows:
    """Save the array of the file at `path` to `folder`, unless it is empty."""
    if rows.usable:
        np.save(folder / f"{path.stem}.npy", pixels)
    return rows


def image_files(folder: Path) -> list[Path]:
    """Return the files of `folder` by name."""
    files = [path for path in folder.glob("*.parquet") if not path.name.startswith(".")]
    if invalid := sorted(
        path.name for path in files if not path.stem.removeprefix(SHARED).replace("-", "").isdecimal()
    ):
        raise InputError(f"{folder} holds {invalid[0]}, which is no <title_id>.parquet; remove it")
    if not files:
        raise InputError(f"{folder} holds no <title_id>.parquet; `dvc repro crawl` makes them")
    return sorted(files)


def summary(index: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """Return metrics/resize.json."""
    return {
        "images": len(index),
        "titles": index["title_id"].nunique(),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
    }


def start_pool(files: list[Path]) -> Executor:
    """Threads, or processes where there are many images: Python's share of the work on an image is a third."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    if workers == 1 or sum(pq.read_metadata(path).num_rows for path in files) < MANY:
        return ThreadPoolExecutor(workers)
    return ProcessPoolExecutor(workers, get_context("spawn"), start_worker)


def start_worker() -> None:
    """Prepare a process of the pool."""
    end_with_parent()
    cv2.setNumThreads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as silent_decoders; exceptions go to the parent


def resize_files(
    files: list[Path], folder: Path, params: ResizeParams, cluster: ClusterParams
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Save the arrays of all files to `folder`; return the rows of INDEX and of REJECTED, by title_id and no."""
    work = resize_on_cluster if cluster.engine == "ray" else resize_here
    with silent_decoders():
        rows = list(track(work(files, folder, params, cluster), len(files), "resize", "files"))
    usable = [row for file in rows for row in file.usable]
    rejected = [row for file in rows for row in file.rejected]
    return sorted_table(usable, INDEX.names), sorted_table(rejected, REJECTED.names)


def resize_here(files: list[Path], folder: Path, params: ResizeParams, _: ClusterParams) -> Iterator[Rows]:
    """Save the arrays of all files, from the workers of this machine."""
    cv2.setNumThreads(1)  # a worker takes one file at a time
    with start_pool(files) as pool:
        yield from pool.map(partial(resize_file, folder=folder, params=params), files)


def resize_on_cluster(files: list[Path], folder: Path, params: ResizeParams, cluster: ClusterParams) -> Iterator[Rows]:
    """The same with the workers of a cluster, which return the arrays."""
    job = ray_data.Job(partial(FileResizer, params), cores=1, gpu=False, files=files)
    for path, (pixels, rows) in zip(files, ray_data.run(job, files, cluster), strict=True):
        yield save(path, folder, pixels, rows)


def sorted_table(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Return rows of images as a table by title_id and no."""
    return pd.DataFrame(rows, columns=columns).sort_values(["title_id", "no"], ignore_index=True, kind="stable")


def check_unique(index: pd.DataFrame, rejected: pd.DataFrame) -> None:
    """Raise InputError where an image is in two files: a crawl that is killed at its end leaves a title in its old and new file."""
    images = pd.concat([index[["title_id", "no"]], rejected[["title_id", "no"]]])
    repeated = images[images.duplicated()].to_numpy()
    if len(repeated):
        title_id, no = repeated[0]
        raise InputError(
            f"{paths.THUMBNAILS} holds image {no} of title {title_id} twice: the last crawl did not end; "
            "run `dvc repro --force crawl`"
        )


def main() -> None:
    """Decode the thumbnails and fit each into a black square of resize.side pixels."""
    params = read(Params)
    files = image_files(paths.THUMBNAILS)
    with replacing_folder(paths.RESIZED) as folder:
        index, rejected = resize_files(files, folder, params.resize, params.cluster)
        check_unique(index, rejected)
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
