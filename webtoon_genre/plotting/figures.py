"""Matplotlib figures without pyplot's state, saved so that equal runs write equal files; they show numbers and compute none.

matplotlib's defaults and OURS apply, whatever a matplotlibrc says. All text is plain: a name with dollar signs is no formula.
"""

import logging
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from webtoon_genre.core.files import replacing
from webtoon_genre.plotting import fonts
from webtoon_genre.plotting.artists import Axes, Figure, FigureCanvasAgg, LogFormatter, Text, matplotlib
from webtoon_genre.plotting.fonts import plain

OURS: dict[str, Any] = {
    "font.family": fonts.FAMILIES,
    "text.parse_math": False,
}  # settings of matplotlib that are no defaults
DPI = 100  # pixels an inch
QUALITY = 88  # of JPEGs, for sheets of many images
GAP = 4  # pixels between two images of a sheet
MARGIN = 150  # pixels for the names of a sheet's rows
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#7F7F7F"  # distinguishable with colour blindness (Okabe and Ito, 2008)
PALETTE = (
    BLUE,
    "#E69F00",
    "#009E73",
    "#CC79A7",
    ORANGE,
    "#56B4E9",
    "#F0E442",
    "#000000",
)  # of adjacent bars, in this order
DARK = 55  # per cent above which a cell of "Blues" needs white text
LONGEST = 18  # columns of a name in a figure
log = logging.getLogger(__name__)


def new_figure(width: float, height: float) -> Figure:
    """Create an empty white figure of `width` × `height` inches, outside pyplot and without a window."""
    use_defaults()
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def use_defaults() -> None:
    """Set matplotlib's defaults, OURS and the fonts for everything that this process draws from now on."""
    fonts.install()
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(OURS)  # type: ignore[arg-type]
    warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")  # `save` names these characters


def add_title(figure: Figure, text: str) -> None:
    """Add a title, in as many lines as the figure's width needs; call it before `tight_layout`."""
    figure.suptitle(text, fontsize=11, wrap=True)


def add_caption(axes: Axes, text: str, loc: Literal["left", "center", "right"] = "left") -> None:
    """Add an explanation below the axes, in as many lines as the figure's width needs."""
    axes.set_xlabel(text, fontsize=9, loc=loc, wrap=True)


def use_log_scale(axes: Axes) -> None:
    """Use a logarithmic horizontal axis, whose labels are plain numbers: matplotlib's default labels are formulas."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(LogFormatter())
    axes.xaxis.set_minor_formatter(LogFormatter())


def note(text: str) -> Figure:
    """Draw a sentence in place of a figure that there is no data for."""
    figure = new_figure(7, 0.8 + 0.2 * (1 + columns(text) // 70))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write `figure` atomically as PNG or JPEG, by the path's suffix, without matplotlib's version or other metadata.

    The log names characters that no font has; matplotlib draws boxes for them.
    """
    options = {"pil_kwargs": {"quality": QUALITY}} if path.suffix == ".jpg" else {"metadata": {"Software": None}}
    with replacing(path) as part:
        figure.savefig(part, dpi=DPI, facecolor="white", **options)
    if characters := fonts.without_glyph(text.get_text() for text in figure.findobj(Text)):
        log.warning("%s: boxes stand for characters that no font has: %s", path, " ".join(characters))


def tile(rows: Sequence[Sequence[np.ndarray]], side: int) -> np.ndarray:
    """Arrange images, uint8 (side, side, 3), one list a row, on white: uint8 (height, width, 3), RGB."""
    step = side + GAP
    columns = max(len(row) for row in rows)
    canvas = np.full((len(rows) * step - GAP, columns * step - GAP, 3), 255, np.uint8)
    for top, row in enumerate(rows):
        for left, image in enumerate(row):
            canvas[top * step : top * step + side, left * step : left * step + side] = image
    return canvas


def sheet(rows: Sequence[Sequence[np.ndarray]], names: Sequence[str], side: int) -> Figure:
    """Draw rows of images, uint8 (side, side, 3), RGB, unscaled, with the rows' names on the left."""
    pixels = tile(rows, side)
    height, width = pixels.shape[:2]
    across, down = width + MARGIN + GAP, height + 2 * GAP
    figure = new_figure(across / DPI, down / DPI)
    axes = figure.add_axes((MARGIN / across, GAP / down, width / across, height / down))
    axes.imshow(pixels, interpolation="nearest")
    axes.set_xticks([])
    labels = ["\n".join(shorten(line) for line in name.split("\n")) for name in names]
    axes.set_yticks([top * (side + GAP) + side / 2 for top in range(len(rows))], labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def draw_confusion(axes: Axes, counts: np.ndarray, genres: Sequence[str]) -> None:
    """Draw counts, int (true genre, predicted genre), as row shares in per cent; the diagonal is recall, an empty cell is 0."""
    totals = counts.sum(axis=1)
    shares = 100 * counts / np.maximum(totals, 1)[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    size = 9 if len(genres) <= 12 else 7.5
    for true, predicted in np.argwhere((counts > 0) | np.diag(totals > 0)):
        value = shares[true, predicted]
        weight = "bold" if true == predicted else "normal"
        colour = "white" if value > DARK else "black"
        axes.text(
            predicted, true, f"{value:.0f}", ha="center", va="center", fontsize=size, color=colour, fontweight=weight
        )
    axes.set_xticks(
        range(len(genres)), [shorten(genre) for genre in genres], rotation=45, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks(
        range(len(genres)), [f"{shorten(genre)} ({total})" for genre, total in zip(genres, totals, strict=True)]
    )
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (images)")
    axes.tick_params(length=0)


def draw_bars(axes: Axes, values: Mapping[str, Sequence[float]], names: Sequence[str]) -> None:
    """Draw horizontal bars from 0 to 1, one group a name from top to bottom, one bar a key of `values`; a dot marks a zero."""
    thickness = 0.8 / len(values)
    for index, (key, row) in enumerate(values.items()):
        heights = np.arange(len(names)) + (index - (len(values) - 1) / 2) * thickness
        axes.barh(heights, row, thickness * 0.9, color=PALETTE[index], label=key)
        zeros = [height for height, value in zip(heights, row, strict=True) if value == 0]
        axes.scatter([0] * len(zeros), zeros, s=8, color=PALETTE[index], clip_on=False, zorder=3)
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=len(values), frameon=False, fontsize=9, borderaxespad=0.2
    )
    axes.grid(axis="x", color="0.85", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def draw_change_map(axes: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Draw changes, float (rows, columns), in hundredths, purple for increases, orange for decreases; nan stays empty."""
    largest = max(0.05, float(np.nanmax(np.abs(values), initial=0)))
    axes.imshow(values, cmap="PuOr", vmin=-largest, vmax=largest, aspect="auto")
    for row, column in np.argwhere(~np.isnan(values)):
        value = values[row, column]
        colour = "white" if abs(value) > 0.6 * largest else "black"
        axes.text(column, row, f"{100 * value:+.0f}", ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_share_map(axes: Axes, values: np.ndarray, names: Sequence[str]) -> None:
    """Draw shares, float (k, k), in per cent, on a colour scale from 50 to 100; nan stays empty."""
    axes.imshow(100 * values, cmap="Blues", vmin=50, vmax=100)
    for row, column in np.argwhere(~np.isnan(values)):
        value = 100 * values[row, column]
        colour = "white" if value > 50 + DARK / 2 else "black"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=9, color=colour)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_captioned(axes: Axes, image: np.ndarray, caption: str, colour: str) -> None:
    """Draw one image, uint8 (h, w, 3), RGB, in a frame of `colour` with its caption below."""
    axes.imshow(image, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(caption, fontsize=8, linespacing=1.25)
    axes.set_anchor("N")  # aligns the images of a row at the top
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(2)


def draw_intervals(
    axes: Axes,
    names: Sequence[str],
    points: Sequence[float],
    intervals: Sequence[Sequence[float]],
    colours: Sequence[str],
) -> None:
    """Draw one point a name from top to bottom, its [low, high] as a line, its value above it."""
    for row, (point, (low, high), colour) in enumerate(zip(points, intervals, colours, strict=True)):
        axes.plot([low, high], [row, row], color=colour, linewidth=3, alpha=0.45, solid_capstyle="butt")
        axes.plot(point, row, "o", color=colour, markersize=8)
        axes.annotate(f"{point:.3f}", (point, row), (0, 8), textcoords="offset points", ha="center", fontsize=9)
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.7)
    axes.grid(axis="x", color="0.85", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def columns(text: str) -> int:
    """Count the columns of a text, as a terminal does: two for a Korean, Chinese or Japanese character."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def shorten(name: str) -> str:
    """Shorten a name to one line of LONGEST columns, so that it does not overlap others."""
    name = plain(name)
    if columns(name) <= LONGEST:
        return name
    return next(part for end in range(len(name), -1, -1) if columns(part := name[:end] + "…") <= LONGEST)
