"""A figure of thumbnails at positions in the plane, framed in the colour of their class, none over another; it computes no positions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure, Rectangle
from webtoon_genre.plotting.figures import DPI

# ten colours by Petroff (2021, arXiv:2107.02270), chosen for colour blindness; numbers distinguish the classes, too
COLOURS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
CELLS = 2.0  # cells of the grid for one thumbnail
FLATTEST = 0.25  # the smallest ratio of the grid's sides
TINY = 1e-300
# pixels
WIDTH = 1200  # of the longer side of the grid, as far as SMALLEST and LARGEST, the width of a cell, allow it
SMALLEST, LARGEST = 56, 130
GAP = 2  # between two cells
TAG = 13  # the side of the corner with the number of the class
EDGE = 12  # around everything
NARROWEST = 760
ENTRY = 200  # the width of an entry of the legend
LINE = 19  # the height of a line of the legend
NUMBERS = 7  # points: those in the corners


def grid_cells(positions: np.ndarray, ratio: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a cell of a grid for each of `positions`, float (n, 2), as int (n, 2), column and row; and the grid's columns and rows.

    ratio: of a cell's height to its width. No cell is taken twice. Positions take the nearest free cell, those in the middle first, so
    that crowds spread outwards.
    """
    positions = positions / [1, ratio]
    low, high = positions.min(axis=0), positions.max(axis=0)
    extent = np.maximum(high - low, max(FLATTEST * (high - low).max(), TINY))
    side = np.sqrt(extent[0] / CELLS) * np.sqrt(extent[1] / len(positions))
    shape = np.ceil(extent / side).astype(np.int64)
    wanted = (positions - (low + high) / 2) / side
    cells = np.stack(np.divmod(np.arange(shape.prod()), shape[1]), axis=1)
    centres, taken = cells - (shape - 1) / 2, np.zeros(len(cells))
    chosen = np.zeros(len(positions), np.int64)
    for index in np.argsort(np.square(wanted).sum(axis=1), kind="stable"):
        chosen[index] = (np.square(centres - wanted[index]).sum(axis=1) + taken).argmin()
        taken[chosen[index]] = np.inf
    return cells[chosen], (int(shape[0]), int(shape[1]))


def colour_of(label: int) -> str:
    """Return the colour of a class; beyond ten classes colours repeat."""
    return COLOURS[label % len(COLOURS)]


def rgb(colour: str) -> tuple[int, ...]:
    """Return the three bytes of a colour such as "#3f90da"."""
    return tuple(bytes.fromhex(colour[1:]))


def cell_size(shape: tuple[int, int], ratio: float) -> tuple[int, int]:
    """Return the width and height of a cell, pixels, for a grid of `shape`, columns and rows; ratio: of height to width."""
    width = float(np.clip(min(WIDTH / shape[0], WIDTH / shape[1] / ratio), SMALLEST, LARGEST))
    return round(width), round(width * ratio)


def without_padding(images: np.ndarray) -> np.ndarray:
    """Crop the outer rows and columns that are black in most of `images`, uint8 (n, h, w, 3)."""
    filled = images.max(axis=3) > 0
    rows, columns = (np.flatnonzero(filled.any(axis=axis).mean(axis=0) > 0.5) for axis in (2, 1))
    if not len(rows) or not len(columns):
        return images
    return images[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def paste(
    images: np.ndarray, labels: np.ndarray, cells: np.ndarray, shape: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Return a canvas, uint8 (height, width, 3), RGB, white, with `images`, uint8 (n, h, w, 3), framed in their cells.

    size: of a cell, width and height, pixels.
    """
    width, height = size
    frame = max(2, width // 24)
    inner = width - GAP - 2 * frame, height - GAP - 2 * frame
    canvas = np.full((shape[1] * height, shape[0] * width, 3), 255, np.uint8)
    for image, label, (column, row) in zip(images, labels, cells, strict=True):
        tile = canvas[row * height : (row + 1) * height - GAP, column * width : (column + 1) * width - GAP]
        tile[:] = rgb(colour_of(label))
        # Pillow's filters use integers, so that all machines give equal pixels
        thumbnail = Image.fromarray(image).resize(inner, Image.Resampling.BILINEAR)
        tile[frame:-frame, frame:-frame] = np.asarray(thumbnail)
        tile[:TAG, :TAG] = rgb(colour_of(label))
    return canvas


@dataclass(frozen=True)
class Layout:
    """Thumbnails on a grid: images, uint8 (n, h, w, 3), RGB, without padding, and their cells, int (n, 2), column and row.

    shape: columns and rows. ratio: of a cell's height to its width.
    """

    images: np.ndarray
    cells: np.ndarray
    shape: tuple[int, int]
    ratio: float

    @classmethod
    def of(cls, images: np.ndarray, positions: np.ndarray) -> "Layout":
        """Place images, uint8 (n, side, side, 3), in cells near `positions`, float (n, 2)."""
        cropped = without_padding(images)
        ratio = float(np.clip(cropped.shape[1] / cropped.shape[2], 0.5, 2))
        return cls(cropped, *grid_cells(positions, ratio), ratio)


def draw(layout: Layout, labels: np.ndarray, names: Sequence[str], title: str, caption: str) -> Figure:
    """Draw thumbnails in their cells, framed by `labels`, int (n,), which `names` explain."""
    cells = layout.cells
    size = cell_size(layout.shape, layout.ratio)
    canvas = paste(layout.images, labels, cells, layout.shape, size)
    height, width = canvas.shape[:2]
    across = max(width, NARROWEST) + 2 * EDGE
    columns = across // ENTRY
    legend = LINE * -(-len(np.unique(labels)) // columns)
    figure = figures.new_figure(across / DPI, (height + legend + EDGE) / DPI)
    _, below = figures.add_texts(figure, title, caption)
    bottom = below * DPI + legend
    axes = figure.add_axes(figures.box(figure, (across - width) / 2, bottom + EDGE, width, height))
    axes.imshow(canvas, interpolation="nearest")
    axes.set_axis_off()
    for label, (column, row) in zip(labels, cells, strict=True):
        x, y = column * size[0] + TAG / 2 - 0.5, row * size[1] + TAG / 2 - 0.5
        axes.text(x, y, str(label + 1), fontsize=NUMBERS, ha="center", va="center", color=ink(colour_of(label)))
    corner = figures.box(figure, EDGE, bottom, 0, 0)[:2]
    add_legend(figure, labels, names, columns, corner)
    return figure


def ink(colour: str) -> str:
    """Return black or white, whichever is easier to read on a colour."""
    red, green, blue = rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "white"


def add_legend(
    figure: Figure, labels: np.ndarray, names: Sequence[str], columns: int, corner: tuple[float, float]
) -> None:
    """Add the numbers, names and frequencies of the labels; corner: the upper left one, as shares of the figure's sides."""
    present, counts = np.unique(labels, return_counts=True)
    entries = [
        f"{label + 1} {figures.shorten(names[label])} ({count})" for label, count in zip(present, counts, strict=True)
    ]
    patches = [Rectangle((0, 0), 1, 1, color=colour_of(label)) for label in present]
    figure.legend(
        patches,
        entries,
        loc="upper left",
        bbox_to_anchor=corner,
        ncols=columns,
        handlelength=1.2,
        borderpad=0,
        borderaxespad=0,
    )
