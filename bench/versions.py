"""Measure the cost of versioning with a file a title, the layout of data/raw, against the same thumbnails as loose files.

Reads:  nothing; with --project, a project whose pipeline has run, which stays unchanged.
Writes: nothing but temporary folders (TMPDIR); tables in Markdown on stdout, progress on stderr.
bench/README.md explains the tables.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench import layouts
from bench.layouts import Layout, Size
from bench.project import Duration, Project
from webtoon_genre.core.errors import InputError

LAYOUTS: tuple[Layout, ...] = (layouts.titles, layouts.loose)
MIB = 2**20
HEADER = "| what | a file a title, s | CPU s | a file a thumbnail, s | CPU s | times |\n|---|--:|--:|--:|--:|--:|"
Step = tuple[str, Duration]  # what is done, and how long it takes
log = logging.getLogger(__name__)


def measure_layout(layout: Layout, size: Size, work: Path) -> Iterator[Step]:
    """Measure all steps with one layout, in their order."""
    source = Project.new(work / "source", work / "remote", work / "notes")
    yield "an empty project: `dvc status`", source.dvc("status")
    result = layouts.fill(source.raw, layout, size)
    source.track()
    yield "all: `dvc commit`", source.dvc("commit", "--force")
    source.commit("all")
    yield "all: `dvc push`", source.dvc("push")
    yield from measure_unchanged(source)
    yield "nothing new: `dvc push`", source.dvc("push")
    clone = source.clone(work / "clone", work / "clone-notes")
    yield "all: `dvc pull` into a fresh clone", clone.dvc("pull")
    before = mebibytes(work / "remote")
    layouts.grow(source.raw, layout, size, result)
    yield "one more episode: `dvc status`", source.dvc("status")
    yield "one more episode: `dvc commit`", source.dvc("commit", "--force")
    source.commit("one more episode")
    yield "one more episode: `dvc push`", source.dvc("push")
    growth = mebibytes(work / "remote") - before
    log.info("%s: one more episode is %.2f MiB more in the remote", layout.__name__, growth)
    clone.follow()
    yield "one more episode: `dvc pull`", clone.dvc("pull")
    check_equal(source.raw, clone.raw)


def measure_unchanged(project: Project) -> Iterator[Step]:
    """Measure commands that find everything up to date."""
    yield "nothing new: `dvc status`", project.dvc_unchanged("status")
    yield "nothing new: `dvc repro`", project.dvc_unchanged("repro")


def mebibytes(folder: Path) -> float:
    """The size of all files in a folder, in MiB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MIB


def check_equal(source: Path, clone: Path) -> None:
    """Raise InputError unless both folders hold the same files."""
    pushed, pulled = (
        {str(path.relative_to(raw)): path.stat().st_size for path in raw.rglob("*") if path.is_file()}
        for raw in (source, clone)
    )
    if differing := sorted(pushed.items() ^ pulled.items()):
        raise InputError(f"{len(pushed)} files were pushed and {len(pulled)} pulled; they differ in {differing[0][0]}")


def compare_layouts(size: Size, rounds: int) -> None:
    """Measure both layouts, with the order reversed in every second round, and print the medians over all rounds and their ratio."""
    durations: dict[str, dict[Layout, list[Duration]]] = {}
    for index in range(rounds):
        for layout in LAYOUTS[:: 1 if index % 2 == 0 else -1]:
            with tempfile.TemporaryDirectory(prefix="bench-versions-") as work:
                for step, duration in measure_layout(layout, size, Path(work)):
                    log.info("round %s, %s: %s: %.2f s", index + 1, layout.__name__, step, duration.wall)
                    durations.setdefault(step, {}).setdefault(layout, []).append(duration)
    typer.echo(HEADER)
    for step, by_layout in durations.items():
        typer.echo(format_row(step, *(by_layout[layout] for layout in LAYOUTS)))


def format_row(step: str, titles: list[Duration], loose: list[Duration]) -> str:
    """Format the medians over the rounds and the ratio of the seconds; for several rounds, with the least and the largest ratio."""
    ratios = [second.wall / first.wall for first, second in zip(titles, loose, strict=True)]
    times = f"{median(loose) / median(titles):.1f}"
    span = f" ({min(ratios):.1f} to {max(ratios):.1f})" if len(ratios) > 1 else ""
    cells = [f"{value:.2f}" for durations in (titles, loose) for value in (median(durations), median(durations, "cpu"))]
    return f"| {step} | {' | '.join(cells)} | {times}{span} |"


def median(durations: list[Duration], clock: str = "wall") -> float:
    """The median over the rounds."""
    return float(np.median([getattr(duration, clock) for duration in durations]))


def measure_project(project: Project, rounds: int) -> None:
    """Measure and print how long commands take that find everything up to date, in any project."""
    durations: dict[str, list[Duration]] = {}
    for _ in range(rounds):
        for step, duration in measure_unchanged(project):
            durations.setdefault(step, []).append(duration)
    typer.echo("\n| this project | s | CPU s |\n|---|--:|--:|")
    for step, values in durations.items():
        typer.echo(f"| {step} | {median(values):.2f} | {median(values, 'cpu'):.2f} |")


def main(
    images: Annotated[int, typer.Option(help="Thumbnails; the study had 82,549. 0: only --project.")] = 82_549,
    titles: Annotated[int, typer.Option(help="Titles of the thumbnails.")] = 700,
    bytes_: Annotated[int, typer.Option("--bytes", help="Bytes of a thumbnail.")] = 7_800,
    rounds: Annotated[int, typer.Option(help="Measurements of both layouts, in alternating order.")] = 1,
    project: Annotated[Path | None, typer.Option(help="A project whose pipeline has run, to be measured too.")] = None,
) -> None:
    """Measure the cost of versioning with a file a title, against the same thumbnails as loose files."""
    for name, value, least in (("titles", titles, 1), ("bytes", bytes_, 100), ("rounds", rounds, 1)):
        if value < least:
            raise InputError(f"--{name} is {value}; at least {least}")
    if images and images < titles:
        raise InputError(f"--images is {images}; at least one a title, of which there are {titles}")
    if images:
        compare_layouts(Size(images, titles, bytes_), rounds)
    if project is not None:
        measure_project(Project(project), rounds)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="bench: %(message)s")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    try:
        app(prog_name="python -m bench.versions")
    except InputError as error:
        sys.exit(f"bench: {error}")
