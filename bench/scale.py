"""How each stage grows between two runs of bench/repro.py, and what it would take with 100 million thumbnails: docs/scale.md.

Reads:  times.json of two folders that `bench.repro --results` wrote, of a tenth of the study's thumbnails and of all
Writes: two tables in Markdown on stdout
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.repro import GIGABYTE
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError

THUMBNAILS = 10**8
MEASURED = 82_549  # of the larger run
SMALLER = 8_255  # a tenth
NOISE = 1.3  # a power up to this counts as linear: other work on the machine made the longer run slower
SHORT = 5.0  # seconds of a stage whose growth is that of its start alone
HEAD = "| stage | 8,255: work, s | 82,549: work, s | 8,255: memory, GB | 82,549: memory, GB |"
HOUR, DAY = 3600, 24


@dataclass(frozen=True)
class Growth:
    """A stage at the two sizes: seconds of work, and memory at most in GB."""

    stage: str
    seconds: tuple[float, float]
    memory: tuple[float, float]

    @property
    def exponent(self) -> float:
        """The power of the number of thumbnails with which seconds grow: 1 is linear, 2 quadratic."""
        return math.log(self.seconds[1] / self.seconds[0]) / math.log(MEASURED / SMALLER)

    def hours(self, thumbnails: int) -> float:
        """Hours for so many thumbnails: linear, or by the measured power where it is clearly larger and the stage not short."""
        power = self.exponent if self.seconds[1] > SHORT and self.exponent > NOISE else 1.0
        return self.seconds[1] * (thumbnails / MEASURED) ** power / HOUR

    def gigabytes(self, thumbnails: int) -> float:
        """Memory for so many thumbnails, if what grew between the two sizes grows on linearly."""
        slope = max(0.0, self.memory[1] - self.memory[0]) / (MEASURED - SMALLER)
        return self.memory[1] + slope * (thumbnails - MEASURED)


def growth_of(small: Path, large: Path) -> list[Growth]:
    """The stages of two results of `bench.repro`, in their order."""
    times = [json.loads((folder / "0" / "times.json").read_text(encoding="utf-8")) for folder in (small, large)]
    smaller = {row["name"]: row for row in times[0]}
    return [
        Growth(
            row["name"],
            (tenths(smaller[row["name"]]["work"]), tenths(row["work"])),
            (tenths(smaller[row["name"]]["memory"] / GIGABYTE), tenths(row["memory"] / GIGABYTE)),
        )
        for row in times[1]
        if row["name"] in smaller
    ]


def tenths(value: float) -> float:
    """The value as tables show it, at least 0.1, so that the arithmetic is that of the table."""
    return max(0.1, round(value, 1))


def growth_table(rows: Sequence[Growth]) -> str:
    """A row a stage with what was measured."""
    lines = [HEAD, "|---|--:|--:|--:|--:|"]
    for row in rows:
        cells = " | ".join(f"{value:.1f}" for value in (*row.seconds, *row.memory))
        lines.append(f"| {row.stage} | {cells} |")
    return "\n".join(lines)


def read_growth(text: str) -> list[Growth]:
    """The rows of a page's `growth_table`."""
    rows = []
    for line in text.partition(HEAD)[2].partition("\n\n")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"[0-9.]+", cells[1]):
            numbers = [float(cell) for cell in cells[1:]]
            rows.append(Growth(cells[0], (numbers[0], numbers[1]), (numbers[2], numbers[3])))
    return rows


def table(rows: Sequence[Growth], thumbnails: int = THUMBNAILS) -> str:
    """A row a stage, those that take longest first."""
    lines = ["| stage | time grows with the power | for 10⁸ thumbnails, days | GB of memory |", "|---|--:|--:|--:|"]
    for row in sorted(rows, key=lambda row: -row.hours(thumbnails)):
        days, memory = row.hours(thumbnails) / DAY, row.gigabytes(thumbnails)
        lines.append(f"| {row.stage} | {row.exponent:.2f} | {days:,.2f} | {memory:,.0f} |")
    return "\n".join(lines)


def main(
    small: Annotated[Path, typer.Argument(help="results of 8,255 thumbnails")],
    large: Annotated[Path, typer.Argument(help="results of 82,549 thumbnails")],
) -> None:
    """Print how stages grow, and what they would take."""
    for folder in (small, large):
        if not (folder / "0" / "times.json").is_file():
            raise InputError(f"{folder} has no 0/times.json; `python -m bench.repro --results {folder}` writes it")
    rows = growth_of(small, large)
    typer.echo(f"{growth_table(rows)}\n\n{table(rows)}")


if __name__ == "__main__":
    run(main, "scale", "bench")
