"""Compare `webtoon-genre predict` on many thumbnails with decoding alone and with ONNX Runtime alone, and time its first answer.

Reads:  models/best and data/raw/thumbnails, as a run of the pipeline left them
Writes: a temporary folder of JPEG files; a table in Markdown on stdout
bench/README.md explains the table.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
import typer

import webtoon_genre
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.images import silent_decoders
from webtoon_genre.inference.model import BATCH, GenreModel
from webtoon_genre.inference.pictures import read_pictures

STARTS = 5  # cold starts, of which the quickest counts


def write_thumbnails(folder: Path, number: int) -> list[str]:
    """Write so many files: the crawled thumbnails, again from the start where there are fewer."""
    contents = [
        image
        for path in sorted(paths.THUMBNAILS.glob("*.parquet"))
        for image in pq.read_table(path, columns=["image"])["image"].to_pylist()
        if image and image.startswith(b"\xff\xd8")
    ]
    if not contents:
        raise InputError(f"{paths.THUMBNAILS} holds no JPEG; `dvc repro crawl` makes them")
    names = [str(folder / f"{index}.jpg") for index in range(number)]
    for name, content in zip(names, islice(cycle(contents), number), strict=True):
        Path(name).write_bytes(content)
    return names


def rate(work: Callable[[], object], number: int) -> float:
    """Pictures a second."""
    start = time.perf_counter()
    work()
    return number / (time.perf_counter() - start)


def run_alone(model: GenreModel, number: int) -> None:
    """ONNX Runtime on as many pictures that are in memory."""
    side = model.config.side
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    for start in range(0, number, BATCH):
        model.run(pixels[: number - start])


def first_answer(model: Path, name: str) -> float:
    """Seconds from the start of a process to the end of its first prediction, the quickest of STARTS."""
    command = [sys.executable, "-m", "webtoon_genre.cli", "predict", name, "--model", str(model)]
    seconds = []
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main(
    model: Annotated[Path, typer.Option(help="A model's folder.")] = paths.BEST,
    images: Annotated[int, typer.Option(min=1, help="Thumbnails.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="Repetitions, of which the quickest counts.")] = 2,
) -> None:
    """Measure all ways, one after the other in each round."""
    loaded = webtoon_genre.load(model)
    with tempfile.TemporaryDirectory(prefix="bench-predict-") as folder, silent_decoders():
        names = write_thumbnails(Path(folder), images)
        ways: dict[str, Callable[[], object]] = {
            "predict": lambda: sum(1 for _ in loaded.stream(names)),
            "decoding alone": lambda: sum(1 for _ in read_pictures(names, loaded.rule)),
            "ONNX Runtime alone": lambda: run_alone(loaded, images),
        }
        rates = {name: max(rate(work, images) for _ in range(rounds)) for name, work in ways.items()}
        seconds = first_answer(model, names[0])
    slower = min(rates["decoding alone"], rates["ONNX Runtime alone"])
    typer.echo(f"| {loaded.config.backbone}, {images:,} thumbnails | pictures a second | of the slower of both alone |")
    typer.echo("|---|--:|--:|")
    for name, value in rates.items():
        typer.echo(f"| {name} | {value:,.1f} | {value / slower:.2f} |")
    typer.echo(f"\nFirst answer of a new process: {seconds:.2f} s.")


if __name__ == "__main__":
    run(main, "predict", package="bench")
