"""What of a figure is cut, and which names overlap."""

from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

SLACK = 2  # pixels: of anti-aliasing


def overhang(figure: Figure) -> list[str]:
    """The edges beyond which something of a figure reaches, with the pixels."""
    figure.canvas.draw()
    left, bottom, right, top = figure.get_tightbbox().extents * figure.dpi
    beyond = {"left": -left, "bottom": -bottom, "right": right - figure.bbox.width, "top": top - figure.bbox.height}
    return [f"{edge}: {pixels:.0f} pixels" for edge, pixels in beyond.items() if pixels > SLACK]


def close_names(axes: Axes) -> list[str]:
    """The axes, x and y, whose named ticks are closer than a line of their text."""
    axes.figure.canvas.draw()
    close = []
    for name, ticks, labels in (
        ("x", [axes.transData.transform((tick, 0))[0] for tick in axes.get_xticks()], axes.get_xticklabels()),
        ("y", [axes.transData.transform((0, tick))[1] for tick in axes.get_yticks()], axes.get_yticklabels()),
    ):
        slanted = name == "y" or any(label.get_rotation() for label in labels)
        line = max((label.get_fontsize() for label in labels), default=0) * axes.figure.dpi / 72
        close += [name] * (slanted and any(abs(after - before) < line for before, after in pairwise(ticks)))
    return close
