"""Matplotlib figures without pyplot's state, saved so that equal runs write equal files; they show numbers and compute none.

matplotlib's defaults and OURS apply, whatever a matplotlibrc says. All text is plain: a name with dollar signs is no formula.
"""

import logging
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from webtoon_genre.core.files import replacing
from webtoon_genre.plotting import fonts
from webtoon_genre.plotting.artists import (
    Axes,
    EngFormatter,
    Figure,
    FigureCanvasAgg,
    LinearSegmentedColormap,
    LogFormatter,
    Text,
    matplotlib,
)
from webtoon_genre.plotting.fonts import plain

OURS: dict[str, Any] = {
    "font.family": fonts.FAMILIES,
    "text.parse_math": False,
    "figure.titlesize": 11,  # the message
    "figure.titleweight": "bold",
    "axes.titlesize": 10,  # what a panel draws
    "figure.labelsize": 9,  # the caption
    "axes.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
}  # settings of matplotlib that are no defaults
DPI = 100  # pixels an inch
QUALITY = 88  # of JPEGs, for sheets of many images
EDGE = 0.12  # inches between texts and the edge of a figure
GAP = 4  # pixels between two images of a sheet
MARGIN = 160  # pixels for the names of a sheet's rows
NARROWEST = 420  # pixels of a sheet: its title needs them
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
CHANGES = "orange, white, blue"  # the colours of `draw_map`
NUMBERS = 9  # points: numbers beside or in what is drawn
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


def lay_out(figure: Figure, title: str, caption: str) -> None:
    """Add a title and a caption, as `add_texts` does, and fit the axes between them; the last step of drawing."""
    add_texts(figure, title, caption)
    figure.tight_layout()


def add_texts(figure: Figure, title: str, caption: str) -> tuple[float, float]:
    """Add a title above and a caption below, left-aligned, in as many lines as the width needs.

    The figure grows by their heights, so that what it draws keeps its size; returns both heights, inches, with their edges.
    """
    left = EDGE / figure.get_figwidth()
    texts = [
        add(text, x=left, ha="left", wrap=True) for add, text in ((figure.suptitle, title), (figure.supxlabel, caption))
    ]
    heights = [np.ceil(text.get_window_extent().height) / DPI + 2 * EDGE for text in texts]
    height = figure.get_figheight() + sum(heights)
    figure.set_figheight(height)
    for text, position in zip(texts, (height - EDGE, EDGE), strict=True):
        text.set_y(position / height)
    return heights[0], heights[1]


def add_legend(axes: Axes) -> None:
    """Add a legend above the axes, an entry a line."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, handletextpad=0.5, labelspacing=0.3)


def use_log_scale(axes: Axes) -> None:
    """Use a logarithmic horizontal axis, whose labels are plain numbers: matplotlib's default labels are formulas."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(LogNumbers())
    axes.xaxis.set_minor_formatter(LogNumbers())


class LogNumbers(LogFormatter):
    """The ticks that matplotlib labels, as short numbers: "200k" and not "2e+05"."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Format the tick at `x`; empty where it has no label."""
        return EngFormatter(sep="")(x) if super().__call__(x, pos) else ""


def note(text: str) -> Figure:
    """Draw a sentence in place of a figure that there is no data for."""
    figure = new_figure(7, 0.8 + 0.2 * (1 + columns(text) // 70))
    figure.text(0.5, 0.5, text, ha="center", va="center", wrap=True)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write `figure` atomically as PNG or JPEG, by the path's suffix, without matplotlib's version.

    A PNG has its texts in its metadata, Title and Description; a JPEG has both as its comment, the title in the first line. The log names
    characters that no font has; matplotlib draws boxes for them.
    """
    title, caption = (" ".join(get().split()) for get in (figure.get_suptitle, figure.get_supxlabel))
    if not title:  # of a note, which is one sentence
        title = " ".join(text.get_text() for text in figure.texts)
    options: dict[str, Any] = {"metadata": {"Software": None, "Title": title, "Description": caption}}
    if path.suffix == ".jpg":
        options = {"pil_kwargs": {"quality": QUALITY, "comment": f"{title}\n{caption}"}}
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


def sheet(rows: Sequence[Sequence[np.ndarray]], names: Sequence[str], title: str, caption: str) -> Figure:
    """Draw rows of images, uint8 (side, side, 3), RGB, unscaled, with the rows' names on the left."""
    side = len(rows[0][0])
    pixels = tile(rows, side)
    height, width = pixels.shape[:2]
    across = width + MARGIN + GAP
    figure = new_figure(max(across, NARROWEST) / DPI, (height + 2 * GAP) / DPI)
    _, below = add_texts(figure, title, caption)
    axes = figure.add_axes(box(figure, MARGIN, below * DPI + GAP, width, height))
    axes.imshow(pixels, interpolation="nearest")
    axes.set_xticks([])
    labels = ["\n".join(shorten(line) for line in name.split("\n")) for name in names]
    axes.set_yticks([top * (side + GAP) + side / 2 for top in range(len(rows))], labels)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def box(figure: Figure, left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
    """A box given in pixels as shares of the figure's width and height."""
    across, down = figure.bbox.size
    return left / across, bottom / down, width / across, height / down


def draw_confusion(axes: Axes, counts: np.ndarray, genres: Sequence[str]) -> None:
    """Draw counts, int (true genre, predicted genre), as row shares in per cent; the diagonal is recall, an empty cell is 0."""
    totals = counts.sum(axis=1)
    shares = 100 * counts / np.maximum(totals, 1)[:, None]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    size = NUMBERS if len(genres) <= 12 else 7.5
    for true, predicted in np.argwhere((counts > 0) | np.diag(totals > 0)):
        value = shares[true, predicted]
        weight = "bold" if true == predicted else "normal"
        colour = "white" if value > DARK else "black"
        axes.text(
            predicted, true, f"{value:.0f}", ha="center", va="center", fontsize=size, color=colour, fontweight=weight
        )
    rows = [f"{shorten(genre)} ({total})" for genre, total in zip(genres, totals, strict=True)]
    name_cells(axes, rows, [shorten(genre) for genre in genres])
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
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(values), borderaxespad=0.2)
    axes.grid(axis="x", color="0.85", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def draw_map(axes: Axes, values: np.ndarray, few: np.ndarray, texts: np.ndarray, largest: float) -> None:
    """Draw values, float (rows, columns), -`largest` to `largest`, orange to blue, with a text in each cell; nan stays empty.

    few: bool (rows, columns), the cells that too few titles decide: they are grey. texts: str (rows, columns).
    """
    colours = LinearSegmentedColormap.from_list(CHANGES, [ORANGE, "white", BLUE])
    axes.imshow(np.where(few, np.nan, values), cmap=colours, vmin=-largest, vmax=largest, aspect="auto")
    axes.imshow(np.where(few & (texts != ""), 0.1, np.nan), cmap="Greys", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(texts != ""):
        strong = abs(values[row, column]) > 0.6 * largest and not few[row, column]
        colour = "white" if strong else GREY if few[row, column] else "black"
        axes.text(column, row, texts[row, column], ha="center", va="center", fontsize=NUMBERS - 1, color=colour)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def name_cells(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name the rows and columns of a map; the columns' names are slanted."""
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)


def draw_captioned(axes: Axes, image: np.ndarray, caption: str, colour: str) -> None:
    """Draw one image, uint8 (h, w, 3), RGB, in a frame of `colour` with its caption below."""
    axes.imshow(image, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for line, text in enumerate(caption.split("\n"), 1):  # one by one: a row's captions are level
        position: dict[str, Any] = {
            "xycoords": "axes fraction",
            "xytext": (0, -11 * line),
            "textcoords": "offset points",
        }
        axes.annotate(text, (0.5, 0), ha="center", va="baseline", fontsize=8, **position)
    axes.set_anchor("N")  # aligns the images of a row at the top
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(2)


def columns(text: str) -> int:
    """Count the columns of a text, as a terminal does: two for a Korean, Chinese or Japanese character."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def shorten(name: str) -> str:
    """Shorten a name to one line of LONGEST columns, so that it does not overlap others."""
    name = plain(name)
    if columns(name) <= LONGEST:
        return name
    return next(part for end in range(len(name), -1, -1) if columns(part := name[:end] + "…") <= LONGEST)
