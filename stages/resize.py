"""Decode each thumbnail once and fit it into a black square.

Reads:  data/raw/thumbnails/<title_id>.parquet and shared-*.parquet (of small titles), and nothing else of data/raw: new ratings
        change no pixel
Writes: data/resized/<as in thumbnails>.npy (uint8 (n, side, side, 3), RGB, rows by ascending title_id and no; none for a file without
        a usable image), data/resized/index.parquet (a row an image), data/resized/rejected.parquet (a row an unusable image, with the
        reason), metrics/resize.json;
        in no version: data/.resized/ (what a later run may reuse: data/earlier_arrays.py)
Params: resize, cluster

Of at least MANY images, those in files whose bytes, params and code did not change are not computed again. On a Ray cluster
(docs/cluster.md) the same bytes are written.
"""

import logging
import os
from collections.abc import Iterator, Sequence
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
from webtoon_genre.core.files import replacing_folder, visible_files, write_json
from webtoon_genre.core.fingerprint import fingerprint
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.core.progress import track
from webtoon_genre.core.workers import end_with_parent
from webtoon_genre.data.earlier_arrays import Computed, EarlierArrays
from webtoon_genre.data.images import silent_decoders
from webtoon_genre.data.resizing import FileResizer, ResizeParams, Rows, read_images, resize_images
from webtoon_genre.data.tables import INDEX, REJECTED, SHARED, write_table

MAX_WORKERS = 16  # a process holds 0.15 GB and the images of one file
MANY = (
    4000  # images; with fewer, the start of processes, a second, takes longer than threads, which share one interpreter
)
LIBRARIES = ("numpy", "opencv-python-headless", "pillow")  # whose versions pixels depend on
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
        np.save(array_path(folder, path), pixels)
    return rows


def image_files(folder: Path) -> list[Path]:
    """Return the files of `folder` by name."""
    files = visible_files(folder, "*.parquet")
    if invalid := sorted(
        path.name for path in files if not path.stem.removeprefix(SHARED).replace("-", "").isdecimal()
    ):
        raise InputError(f"{folder} holds {invalid[0]}, which is no <title_id>.parquet; remove it")
    if not files:
        raise InputError(f"{folder} holds no <title_id>.parquet; `dvc repro crawl` makes them")
    return files


def summary(index: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, Any]:
    """Return metrics/resize.json."""
    return {
        "images": len(index),
        "titles": index["title_id"].nunique(),
        "rejected": len(rejected),
        "rejected_by_reason": rejected["reason"].value_counts().to_dict(),
    }


def count_images(files: Sequence[Path]) -> int:
    """The number of images in `files`, the unusable ones included."""
    return sum(pq.read_metadata(path).num_rows for path in files)


def start_pool(files: Sequence[Path]) -> Executor:
    """Threads, or processes where there are many images: Python's share of the work on an image is a third."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    if workers == 1 or count_images(files) < MANY:
        return ThreadPoolExecutor(workers)
    return ProcessPoolExecutor(workers, get_context("spawn"), start_worker)


def start_worker() -> None:
    """Prepare a process of the pool."""
    end_with_parent()
    cv2.setNumThreads(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as silent_decoders; exceptions go to the parent


def resize_files(files: Sequence[Path], folder: Path, params: ResizeParams, cluster: ClusterParams) -> list[Rows]:
    """Save the arrays of all files to `folder`; return the rows of each."""
    work = resize_on_cluster if cluster.engine == "ray" else resize_here
    with silent_decoders():
        return list(track(work(files, folder, params, cluster), len(files), "resize", "files"))


def resize_here(files: Sequence[Path], folder: Path, params: ResizeParams, _: ClusterParams) -> Iterator[Rows]:
    """Save the arrays of all files, from the workers of this machine."""
    cv2.setNumThreads(1)  # a worker takes one file at a time
    with start_pool(files) as pool:
        yield from pool.map(partial(resize_file, folder=folder, params=params), files)


def resize_on_cluster(
    files: Sequence[Path], folder: Path, params: ResizeParams, cluster: ClusterParams
) -> Iterator[Rows]:
    """The same with the workers of a cluster, which return the arrays."""
    job = ray_data.Job(partial(FileResizer, params), cores=1, gpu=False, files=files)
    for path, (pixels, rows) in zip(files, ray_data.run(job, files, cluster), strict=True):
        yield save(path, folder, pixels, rows)


def resize_changed_files(
    files: Sequence[Path], folder: Path, params: ResizeParams, cluster: ClusterParams, earlier: EarlierArrays
) -> dict[Path, Computed]:
    """Save the arrays of all files to `folder`, those of unchanged files from the run before; return array and rows of each file."""
    results = earlier.reuse({path: array_path(folder, path) for path in files})
    changed = [path for path in files if path not in results]
    log.info("%s of %s files are unchanged since the last run", len(results), len(files))
    for path, rows in zip(changed, resize_files(changed, folder, params, cluster), strict=True):
        results[path] = Computed(array_path(folder, path) if rows.usable else None, rows)
    return results


def resize_all(files: Sequence[Path], folder: Path, params: ResizeParams, cluster: ClusterParams) -> list[Rows]:
    """Save the arrays of all files to `folder`; return the rows of each. Of many images, unchanged files are not computed again."""
    if count_images(files) < MANY:
        return resize_files(files, folder, params, cluster)
    digest = fingerprint(params.model_dump(), [Path(__file__)], LIBRARIES)
    earlier = EarlierArrays(paths.EARLIER_RESIZED, digest)
    results = resize_changed_files(files, folder, params, cluster, earlier)
    earlier.replace(results)
    return [Rows(*result.rows) for result in results.values()]


def array_path(folder: Path, file: Path) -> Path:
    """The array of a file of images."""
    return folder / f"{file.stem}.npy"


def tables(rows: Sequence[Rows]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables INDEX and REJECTED of all files, by title_id and no."""
    usable = [row for file in rows for row in file.usable]
    rejected = [row for file in rows for row in file.rejected]
    return sorted_table(usable, INDEX.names), sorted_table(rejected, REJECTED.names)


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
        index, rejected = tables(resize_all(files, folder, params.resize, params.cluster))
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
