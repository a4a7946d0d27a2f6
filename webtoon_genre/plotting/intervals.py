"""Rows of values with intervals: a name, a point on a line, and the numbers in words beside it, so that no line crosses them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webtoon_genre.plotting.artists import Axes
from webtoon_genre.plotting.figures import BLUE, GREY, NUMBERS
from webtoon_genre.plotting.fonts import plain

PALE = 0.35  # opacity of rows that too few titles decide


@dataclass(frozen=True)
class IntervalRow:
    """A value and its interval [low, high]; `text` says both. pale: too few titles decide it."""

    name: str
    value: float
    interval: Sequence[float]
    text: str
    colour: str = BLUE
    pale: bool = False


def draw_intervals(axes: Axes, rows: Sequence[IntervalRow]) -> None:
    """Draw a point and a line a row, from top to bottom, the names on the left and the texts on the right of the axes."""
    for line, row in enumerate(rows):
        opacity = PALE if row.pale else 1
        axes.plot(
            row.interval, [line, line], color=row.colour, linewidth=3, alpha=0.45 * opacity, solid_capstyle="butt"
        )
        axes.plot(row.value, line, "o", color=row.colour, markersize=8, alpha=opacity)
        colour = GREY if row.pale else "black"
        position: dict[str, Any] = {
            "xycoords": axes.get_yaxis_transform(),
            "xytext": (8, 0),
            "textcoords": "offset points",
        }
        axes.annotate(row.text, (1, line), va="center", fontsize=NUMBERS, color=colour, **position)
    axes.set_yticks(range(len(rows)), [plain(row.name) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color="0.85", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def draw_markers(axes: Axes, values: Sequence[float], marker: str, label: str) -> None:
    """Draw a grey mark a row for another value, such as that of always the largest genre; "o" is a ring."""
    fill = "none" if marker == "o" else GREY
    axes.scatter(
        values, range(len(values)), marker=marker, s=40, facecolors=fill, edgecolors=GREY, zorder=3, label=label
    )


def name_points(axes: Axes, label: str, colour: str = BLUE) -> None:
    """Name the points of `draw_intervals` in `colour` in the legend."""
    axes.plot([], [], "o-", color=colour, markersize=8, linewidth=3, label=label)


def show_range(axes: Axes, *values: Sequence[float]) -> None:
    """Show the tenths from below the least to above the largest of `values`, shares."""
    numbers = np.concatenate([*values])
    low, high = float(numbers.min()), float(numbers.max())
    axes.set_xlim(np.floor(10 * low + 1e-9) / 10 - 0.02, np.ceil(10 * high - 1e-9) / 10 + 0.02)
