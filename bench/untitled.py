"""Measure the stages on pictures without titles beside the same pictures with titles: seconds and their ratio.

Reads:  params.yaml (the command sets crawl.source and crawl.folder.path).
Writes: temporary folders only; a table in Markdown on stdout, and progress on stderr.
bench/README.md explains the table.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import cv2
import numpy as np
import typer
from ruamel.yaml import YAML

from bench.project import Duration
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.progress import track

STAGES = ("crawl", "resize", "label", "validate", "zero_center", "split")
DRAWN = 200  # different drawings; the other pictures are these with another comment in the file, so other bytes
WIDTH, HEIGHT = 200, 160  # pixels
REPOSITORY = Path(__file__).parents[1]
Durations = dict[tuple[str, int], list[Duration]]  # by stage and pictures a title


def draw(number: int) -> bytes:
    """Draw a smooth random picture, as JPEG."""
    noise = np.random.default_rng(number).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))[1].tobytes()


def with_comment(jpeg: bytes, text: str) -> bytes:
    """Return a JPEG with a comment after its first marker."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def write_pictures(folder: Path, images: int, labels: Sequence[str]) -> list[str]:
    """Write <label>/<number>.jpg, as many for each label; return the paths, relative to `folder`."""
    drawings = [draw(number) for number in range(DRAWN)]
    names = [f"{labels[number * len(labels) // images]}/{number}.jpg" for number in range(images)]
    for label in labels:
        (folder / label).mkdir(parents=True)
    for number, name in track(enumerate(names), images, "drawing", "pictures"):
        (folder / name).write_bytes(with_comment(drawings[number % DRAWN], str(number)))
    return names


def write_manifest(path: Path, names: Sequence[str], size: int) -> None:
    """Group the pictures of each label into titles of `size` pictures; without titles for 1."""
    path.unlink(missing_ok=True)
    if size == 1:
        return
    numbers: dict[str, int] = {}
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "title"])
        for name in names:
            label = name.split("/")[0]
            numbers[label] = numbers.get(label, -1) + 1
            rows.writerow([name, f"{label} {numbers[label] // size}"])


def write_params(folder: Path, pictures: Path) -> list[str]:
    """Write params.yaml with `pictures` as the source; return the labels."""
    yaml = YAML()
    params = yaml.load(REPOSITORY / paths.PARAMS)
    params["crawl"]["source"], params["crawl"]["folder"]["path"] = "folder", str(pictures)
    yaml.dump(params, folder / paths.PARAMS)
    return list(params["label"]["genres"])


def measure(stage: str, folder: Path) -> Duration:
    """Run a stage in `folder`; return its duration without imports."""
    command = [sys.executable, "-m", "bench.stage_time", stage]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise InputError(f"the stage {stage} failed: {result.stderr.strip()}")
    wall, cpu = map(float, result.stdout.split()[-2:])
    return Duration(wall, cpu)


def table(durations: Durations, sizes: Sequence[int]) -> str:
    """Format the median durations of each stage, and their ratios to those of the last size."""
    lines = ["| stage | pictures a title | s | CPU s | s, times | CPU s, times |", "|---|--:|--:|--:|--:|--:|"]
    for stage in STAGES:
        reference = medians(durations[stage, sizes[-1]])
        for size in sizes:
            values = medians(durations[stage, size])
            numbers = [*values, *np.divide(values, reference)]
            lines.append(f"| {stage} | {size} | {' | '.join(f'{number:.2f}' for number in numbers)} |")
    return "\n".join(lines)


def medians(durations: Sequence[Duration]) -> tuple[float, float]:
    """Return the medians of wall-clock and of CPU seconds."""
    return median(duration.wall for duration in durations), median(duration.cpu for duration in durations)


def run(images: int, sizes: Sequence[int], rounds: int, work: Path) -> str:
    """Measure all stages on the same pictures in titles of each size; return the table."""
    pictures, durations = work / "pictures", Durations({(stage, size): [] for stage in STAGES for size in sizes})
    names = write_pictures(pictures, images, write_params(work, pictures))
    for number in range(rounds):
        for size in sizes[:: -1 if number % 2 else 1]:
            write_manifest(pictures / "manifest.csv", names, size)
            for stage in STAGES:
                durations[stage, size].append(measure(stage, work))
                typer.echo(f"{size} a title: {stage} {durations[stage, size][-1]}", err=True)
            for folder in (paths.DATA, paths.METRICS, paths.PLOTS):
                shutil.rmtree(work / folder)
    return table(durations, sizes)


def main(
    images: Annotated[int, typer.Option(help="Pictures.")] = 50_000,
    sizes: Annotated[list[int], typer.Option("--size", help="Pictures a title; 1: without titles.")] = [1, 18],  # noqa: B006
    rounds: Annotated[int, typer.Option(help="Runs of every data set, in alternating order.")] = 1,
) -> None:
    """Measure the stages on the same pictures without and with titles; ratios are to the last --size."""
    for name, value, least in (("images", images, 100), ("rounds", rounds, 1), ("size", min(sizes), 1)):
        if value < least:
            raise InputError(f"--{name} is {value}; at least {least}")
    with tempfile.TemporaryDirectory(prefix="bench-untitled-") as work:
        typer.echo(run(images, sizes, rounds, Path(work)))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    try:
        app(prog_name="python -m bench.untitled")
    except InputError as error:
        sys.exit(f"bench: {error}")
