"""Compare the stage `resize` with the study's loop, tf.data, Pillow, img2dataset, and decoding alone: images a second, in one run.

Reads:  data/raw/thumbnails, as a run of the pipeline left it; the command repeats its JPEG files with another comment in each
Writes: temporary folders only; a table in Markdown on stdout
bench/README.md explains the table.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import typer
from PIL import Image

from bench.untitled import with_comment
from stages.resize import image_files, resize_changed_files
from webtoon_genre.cluster.params import LOCAL
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.fingerprint import fingerprint
from webtoon_genre.data.earlier_arrays import EarlierArrays
from webtoon_genre.data.resizing import ResizeParams
from webtoon_genre.data.tables import IMAGES, write_table

SIDE, IN_A_TITLE = 112, 118  # pixels; images of a title, as in the study: 82,549 of 700
PARAMS = ResizeParams(side=SIDE, interpolation="linear", max_pixels=20_000_000)


def jpegs(number: int) -> list[bytes]:
    """So many JPEG files of data/raw/thumbnails, no two with equal bytes."""
    contents = [
        image
        for path in sorted(paths.THUMBNAILS.glob("*.parquet"))
        for image in pq.read_table(path, columns=["image"])["image"].to_pylist()
        if image and image.startswith(b"\xff\xd8") and decode(image) is not None
    ]
    if not contents:
        raise InputError(f"{paths.THUMBNAILS} holds no JPEG; `dvc repro crawl` makes them")
    return [with_comment(content, str(index)) for index, content in enumerate(islice(cycle(contents), number))]


def write_inputs(folder: Path, contents: Sequence[bytes]) -> list[Path]:
    """The files as the study has them, a .jpg each, and as the stage has them, a Parquet file a title; the paths of the former."""
    (folder / "loose").mkdir()
    names = [folder / "loose" / f"{index}.jpg" for index in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        name.write_bytes(content)
    for title, start in enumerate(range(0, len(contents), IN_A_TITLE), 1):
        images = contents[start : start + IN_A_TITLE]
        table = pd.DataFrame({"no": range(1, len(images) + 1), "image": images})
        write_table(table, IMAGES, folder / "titles" / f"{title}.parquet")
    return names


def decode(content: bytes) -> np.ndarray | None:
    """Pixels by OpenCV, uint8 (h, w, 3), BGR."""
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def study_loop(names: Sequence[Path], target: Path) -> None:
    """The study's loop as written: read, scale, centre by a translation, write a JPEG; one thread, OpenCV's own threads as it has them."""
    cv2.setNumThreads(-1)
    target.mkdir()
    for name in names:
        image = cv2.imread(str(name))
        assert image is not None
        factor = SIDE / max(image.shape[:2])
        scaled = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        shift = np.array([[1, 0, (SIDE - scaled.shape[1]) / 2], [0, 1, (SIDE - scaled.shape[0]) / 2]], np.float32)
        cv2.imwrite(str(target / name.name), cv2.warpAffine(scaled, shift, (SIDE, SIDE)))


def tf_data(names: Sequence[Path], target: Path) -> None:
    """tf.data with parallel calls: read, decode, resize with padding, into one array."""
    import tensorflow as tf

    def load(name: "tf.Tensor") -> "tf.Tensor":
        image = tf.io.decode_jpeg(tf.io.read_file(name), channels=3)
        return tf.cast(tf.image.resize_with_pad(image, SIDE, SIDE), tf.uint8)

    dataset = tf.data.Dataset.from_tensor_slices([str(name) for name in names])
    batches = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(128).as_numpy_iterator()
    np.save(target, np.concatenate(list(batches)))


def pillow(names: Sequence[Path], target: Path) -> None:
    """Pillow in as many processes as cores, bilinear, into one array."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        np.save(target, np.stack(list(pool.map(pillow_square, names, chunksize=64))))


def pillow_square(name: Path) -> np.ndarray:
    """One picture in a black square, by Pillow."""
    square = Image.new("RGB", (SIDE, SIDE))
    with Image.open(name) as image:
        image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
        square.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
    return np.asarray(square)


def img2dataset(python: Path, folder: Path, target: Path) -> float:
    """Seconds of img2dataset's resizer in another environment."""
    command = [str(python), "-m", "bench.img2dataset_resizer", str(folder / "loose"), str(target), str(SIDE)]
    quiet = {"NO_ALBUMENTATIONS_UPDATE": "1"}  # it asks the web for a newer version
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **quiet})
    return float(process.stdout)


def decode_alone(files: Sequence[Path]) -> None:
    """The floor: OpenCV decodes the stage's files in as many processes as cores, and nothing is kept."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        list(pool.map(decode_file, files))


def decode_file(path: Path) -> None:
    """Decode the images of one Parquet file."""
    cv2.setNumThreads(1)
    for content in pq.read_table(path, columns=["image"])["image"].to_pylist():
        decode(content)


def stage(files: Sequence[Path], target: Path, earlier: Path) -> None:
    """The stage's work: decoded pixels, checks, both hashes, arrays, rows, and what a later run may reuse, in `earlier`."""
    target.mkdir()
    arrays = EarlierArrays(earlier, fingerprint(PARAMS.model_dump()))
    arrays.replace(resize_changed_files(files, target, PARAMS, LOCAL, arrays))


def stage_again(files: Sequence[Path], target: Path, earlier: Path) -> None:
    """The stage after a run that left `earlier`, with one file that has changed."""
    write_table(pq.read_table(files[0]).to_pandas().iloc[:-1], IMAGES, files[0])
    stage(files, target, earlier)


def seconds(work: Callable[[], None]) -> float:
    """The time that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(
    images: Annotated[int, typer.Option(min=1, help="Thumbnails.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions of all ways, of which the quickest counts.")] = 3,
    other: Annotated[
        Path | None, typer.Option("--img2dataset", help="Python of an environment with img2dataset, to compare it too.")
    ] = None,
) -> None:
    """Measure all ways, one after the other in each round."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_inputs(folder, jpegs(images))
        files = image_files(folder / "titles")
        for number in range(rounds):
            ways = {
                "the study's loop, one thread": partial(study_loop, names, folder / f"study-{number}"),
                "tf.data": partial(tf_data, names, folder / f"tf-{number}.npy"),
                "Pillow, a process a core": partial(pillow, names, folder / f"pillow-{number}.npy"),
                "`resize`": partial(stage, files, folder / f"stage-{number}", folder / f"earlier-{number}"),
                "`resize` again, one file changed": partial(
                    stage_again, files, folder / f"again-{number}", folder / f"earlier-{number}"
                ),
                "decoding alone, a process a core": partial(decode_alone, files),
            }
            durations = {way: seconds(work) for way, work in ways.items()}
            if other is not None:
                durations["img2dataset's resizer, a process a core"] = img2dataset(
                    other, folder, folder / f"img2dataset-{number}"
                )
            best = {way: min(best.get(way, duration), duration) for way, duration in durations.items()}
        rates = {way: images / duration for way, duration in best.items()}
        typer.echo("| way | images a second | times the study's loop | times decoding alone |\n|---|--:|--:|--:|")
        loop, floor = rates["the study's loop, one thread"], rates["decoding alone, a process a core"]
        for way, rate in rates.items():
            typer.echo(f"| {way} | {rate:,.0f} | {rate / loop:.2f} | {rate / floor:.2f} |")


if __name__ == "__main__":
    run(main, "resize", "bench")
