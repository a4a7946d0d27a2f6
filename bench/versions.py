"""Measure what versioning costs with a file a title, as data/raw is laid out, beside the same thumbnails as loose files.

Reads:  nothing; with --project, a project whose pipeline has run, in which nothing is changed.
Writes: nothing but temporary folders (TMPDIR); tables in Markdown on stdout, progress on stderr.
bench/README.md tells how to read them.
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
from bench.project import Project, Spent
from webtoon_genre.core.errors import InputError

LAYOUTS: tuple[Layout, ...] = (layouts.titles, layouts.loose)
MIB = 2**20
HEADER = "| what | a file a title, s | CPU s | a file a thumbnail, s | CPU s | times |\n|---|--:|--:|--:|--:|--:|"
Timed = tuple[str, Spent]
log = logging.getLogger(__name__)


def measured(layout: Layout, size: Size, work: Path) -> Iterator[Timed]:
    """All that is done with one layout, in an order in which it is done: what, and what it takes."""
    ours = Project.new(work / "ours", work / "remote", work / "notes")
    yield "an empty project: `dvc status`", ours.dvc("status")
    found = layouts.fill(ours.raw, layout, size)
    ours.track()
    yield "all: `dvc commit`", ours.dvc("commit", "--force")
    ours.commit("all")
    yield "all: `dvc push`", ours.dvc("push")
    yield from unchanged(ours)
    yield "nothing new: `dvc push`", ours.dvc("push")
    theirs = ours.clone(work / "theirs", work / "their-notes")
    yield "all: `dvc pull` into a fresh clone", theirs.dvc("pull")
    pushed = weight(work / "remote")
    layouts.grow(ours.raw, layout, size, found)
    yield "one more episode: `dvc status`", ours.dvc("status")
    yield "one more episode: `dvc commit`", ours.dvc("commit", "--force")
    ours.commit("one more episode")
    yield "one more episode: `dvc push`", ours.dvc("push")
    log.info("%s: one more episode is %.2f MiB more in the remote", layout.__name__, weight(work / "remote") - pushed)
    theirs.follow()
    yield "one more episode: `dvc pull`", theirs.dvc("pull")
    same(ours.raw, theirs.raw)


def unchanged(project: Project) -> Iterator[Timed]:
    """What it takes to find that there is nothing to do."""
    yield "nothing new: `dvc status`", project.settled("status")
    yield "nothing new: `dvc repro`", project.settled("repro")


def weight(folder: Path) -> float:
    """MiB in all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MIB


def same(ours: Path, theirs: Path) -> None:
    """InputError unless both folders hold the same files."""
    held, pulled = (
        {str(path.relative_to(raw)): path.stat().st_size for path in raw.rglob("*") if path.is_file()}
        for raw in (ours, theirs)
    )
    if differing := sorted(held.items() ^ pulled.items()):
        raise InputError(f"{len(held)} files were pushed and {len(pulled)} pulled; they differ in {differing[0][0]}")


def report(size: Size, rounds: int) -> None:
    """Both layouts in turn, in the other order in every second round; then the medians over all rounds, and their ratio."""
    spent: dict[str, dict[Layout, list[Spent]]] = {}
    for turn in range(rounds):
        for layout in LAYOUTS[:: 1 if turn % 2 == 0 else -1]:
            with tempfile.TemporaryDirectory(prefix="bench-versions-") as work:
                for what, one in measured(layout, size, Path(work)):
                    log.info("round %s, %s: %s: %.2f s", turn + 1, layout.__name__, what, one.wall)
                    spent.setdefault(what, {}).setdefault(layout, []).append(one)
    typer.echo(HEADER)
    for what, by_layout in spent.items():
        typer.echo(row(what, *(by_layout[layout] for layout in LAYOUTS)))


def row(what: str, ours: list[Spent], loose: list[Spent]) -> str:
    """Medians over the rounds, and the ratio of the seconds; where there are several rounds, the least and the largest ratio of one."""
    ratios = [theirs.wall / own.wall for own, theirs in zip(ours, loose, strict=True)]
    times = f"{median(loose) / median(ours):.1f}"
    span = f" ({min(ratios):.1f} to {max(ratios):.1f})" if len(ratios) > 1 else ""
    cells = [f"{value:.2f}" for each in (ours, loose) for value in (median(each), median(each, "cpu"))]
    return f"| {what} | {' | '.join(cells)} | {times}{span} |"


def median(spent: list[Spent], clock: str = "wall") -> float:
    """The middle one of all rounds."""
    return float(np.median([getattr(one, clock) for one in spent]))


def here(project: Project, rounds: int) -> None:
    """What finding nothing to do takes in a project of any kind."""
    spent: dict[str, list[Spent]] = {}
    for _ in range(rounds):
        for what, one in unchanged(project):
            spent.setdefault(what, []).append(one)
    typer.echo("\n| this project | s | CPU s |\n|---|--:|--:|")
    for what, each in spent.items():
        typer.echo(f"| {what} | {median(each):.2f} | {median(each, 'cpu'):.2f} |")


def main(
    images: Annotated[int, typer.Option(help="Thumbnails; the study had 82,549. 0: --project alone.")] = 82_549,
    titles: Annotated[int, typer.Option(help="Titles they belong to.")] = 700,
    bytes_: Annotated[int, typer.Option("--bytes", help="Of a thumbnail.")] = 7_800,
    rounds: Annotated[int, typer.Option(help="How often both are measured, in alternating order.")] = 1,
    project: Annotated[Path | None, typer.Option(help="A project that has run, to be looked at too.")] = None,
) -> None:
    """Measure what versioning costs with a file a title, beside the same thumbnails as loose files."""
    for name, value, least in (("titles", titles, 1), ("bytes", bytes_, 100), ("rounds", rounds, 1)):
        if value < least:
            raise InputError(f"--{name} is {value}; at least {least}")
    if images and images < titles:
        raise InputError(f"--images is {images}; at least one a title, of which there are {titles}")
    if images:
        report(Size(images, titles, bytes_), rounds)
    if project is not None:
        here(Project(project), rounds)


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="bench: %(message)s")
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    try:
        app(prog_name="python -m bench.versions")
    except InputError as error:
        sys.exit(f"bench: {error}")
