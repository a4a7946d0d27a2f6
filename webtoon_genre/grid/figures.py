"""Figures of a grid of trials; no files. `trials` as in ranking.py."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd

from webtoon_genre.grid.ranking import Grid, depths, failed_trials, ranked
from webtoon_genre.plotting.artists import Axes, Figure, Line2D, Rectangle, matplotlib
from webtoon_genre.plotting.figures import GREY, NUMBERS, ORANGE, PALETTE, lay_out, new_figure, shorten, use_log_scale
from webtoon_genre.training.trainer import describe_val_accuracy


def grid_figure(trials: pd.DataFrame, grid: Grid) -> Figure:
    """Small multiples: a row a backbone, a column an `unfreeze`; each panel has Dense units by learning rate, coloured by accuracy."""
    low, high = trials["val_accuracy"].min(), trials["val_accuracy"].max()
    backbones = list(trials["backbone"].unique())
    rows, columns = len(backbones), len(depths(trials))
    width, height = 1.9 + columns * (0.5 + 0.55 * len(grid.lr)), 0.7 + rows * (0.55 + 0.42 * len(grid.units))
    figure = new_figure(max(5.4, width), height)
    panels = figure.subplots(rows, columns, squeeze=False)
    best = ranked(trials).iloc[0]
    for row, backbone in enumerate(backbones):
        for column, layers in enumerate(depths(trials)):
            axes = panels[row, column]
            subset = trials[(trials["backbone"] == backbone) & (trials["unfreeze"] == layers)]
            draw_panel(axes, subset, grid, low, high)
            if (backbone, layers) == (best["backbone"], best["unfreeze"]):
                corner = (grid.lr.index(best["lr"]) - 0.5, grid.units.index(best["units"]) - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=3))
            axes.set_xticks(range(len(grid.lr)), [f"{rate:g}" for rate in grid.lr] if row == rows - 1 else [])
            axes.set_yticks(range(len(grid.units)), grid.units if column == 0 else [])
            if row == 0:
                axes.set_title(f"{layers} unfrozen")
            if column == 0:
                axes.set_ylabel(f"{shorten(backbone)}\nDense units")
            if row == rows - 1:
                axes.set_xlabel("learning rate")
    failed = f"; {count} failed" if (count := failed_trials(trials)) else ""
    text = f"validation accuracy of {len(trials)} trials, 95% intervals about ±{half_width(trials):.2f}; framed: the best{failed}"
    lay_out(figure, headline(trials), text)
    return figure


def half_width(trials: pd.DataFrame) -> float:
    """Half the mean width of the trials' intervals."""
    limits = np.array(ranked(trials)["val_accuracy_interval"].to_list(), float)
    return float((limits[:, 1] - limits[:, 0]).mean() / 2)


def headline(trials: pd.DataFrame) -> str:
    """The message of all figures: the best trial."""
    best = ranked(trials).iloc[0]
    return (
        f"Best of {len(trials)} trials on validation images: {shorten(best['backbone'])}, {best['unfreeze']} unfrozen, "
        f"{best['units']} Dense units, learning rate {best['lr']:g}: accuracy {describe_val_accuracy(best)}"
    )


def draw_panel(axes: Axes, trials: pd.DataFrame, grid: Grid, low: float, high: float) -> None:
    """Draw the trials of one backbone and `unfreeze`; none of them where the backbone is frozen."""
    if len(trials):
        values = trials["val_accuracy"].to_numpy(float).reshape(len(grid.units), len(grid.lr))
        return draw_values(axes, values, low, high)
    axes.set(xlim=(-0.5, len(grid.lr) - 0.5), ylim=(len(grid.units) - 0.5, -0.5))
    axes.text(0.5, 0.5, "not in the grid", transform=axes.transAxes, ha="center", va="center", fontsize=8, color=GREY)
    axes.tick_params(length=0, labelsize=8)
    return None


def draw_values(axes: Axes, values: np.ndarray, low: float, high: float) -> None:
    """Draw values, float (units, rates), coloured from `low` to `high`, with their numbers; NaN is a trial that failed."""
    axes.imshow(values, cmap="Blues", vmin=low - 0.5 * (high - low), vmax=high + 1e-9, aspect="auto")
    dark = low + 0.6 * (high - low)
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > dark else "black"
        text = "failed" if np.isnan(value) else f"{value:.3f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.tick_params(length=0, labelsize=8)


def rates_figure(trials: pd.DataFrame, grid: Grid) -> Figure:
    """Accuracy by learning rate: a panel a backbone, a line an `unfreeze` (the mean over Dense units), a dot a trial."""
    backbones = list(trials["backbone"].unique())
    figure = new_figure(max(5.4, 3.0 * len(backbones) + 0.9), 3)
    panels = figure.subplots(1, len(backbones), sharey=True, squeeze=False)[0]
    colours = dict(zip(depths(trials), shades(len(depths(trials))), strict=True))
    for axes, backbone in zip(panels, backbones, strict=True):
        for layers, colour in colours.items():
            subset = trials[(trials["backbone"] == backbone) & (trials["unfreeze"] == layers)]
            mean = subset.groupby("lr")["val_accuracy"].mean()
            axes.plot(mean.index, mean, color=colour, linewidth=2)
            axes.scatter(subset["lr"], subset["val_accuracy"], s=18, color=colour, zorder=3)
        use_log_scale(axes)
        axes.set_xticks(sorted(grid.lr), [f"{rate:g}" for rate in sorted(grid.lr)], minor=False)
        axes.minorticks_off()
        axes.set_title(shorten(backbone))
        axes.set_xlabel("learning rate")
        simplify_axes(axes)
    panels[0].set_ylabel("validation accuracy")
    lines = [Line2D([], [], color=colour, linewidth=2, label=layers) for layers, colour in colours.items()]
    panels[-1].legend(handles=lines, title="unfrozen", title_fontsize=NUMBERS, loc="upper left", bbox_to_anchor=(1, 1))
    lay_out(figure, headline(trials), "dots: trials; lines: mean over Dense units, a line a number of unfrozen layers")
    return figure


def accuracy_figure(trials: pd.DataFrame, column: str, label: str) -> Figure:
    """Validation accuracy against a column of `trials` on a logarithmic axis: a colour a backbone, a shape an `unfreeze`."""
    figure = new_figure(7.4, 3.6)
    axes = figure.subplots()
    colours = dict(zip(trials["backbone"].unique(), cycle(PALETTE), strict=False))
    shapes = dict(zip(depths(trials), cycle("osD^vP*X"), strict=False))
    for (backbone, layers), rows in trials.groupby(["backbone", "unfreeze"], sort=False):
        axes.scatter(
            rows[column], rows["val_accuracy"], s=36, color=colours[backbone], marker=shapes[layers], alpha=0.85
        )
    use_log_scale(axes)
    axes.set_xlabel(label)
    axes.set_ylabel("validation accuracy")
    simplify_axes(axes)
    entries = [Line2D([], [], color=colour, marker="o", linestyle="", label=name) for name, colour in colours.items()]
    entries += [
        Line2D([], [], color=GREY, marker=shape, linestyle="", label=f"{layers} unfrozen")
        for layers, shape in shapes.items()
    ]
    axes.legend(handles=entries, loc="upper left", bbox_to_anchor=(1, 1))
    lay_out(figure, headline(trials), f"validation accuracy against {label}, a point a trial")
    return figure


def shades(count: int) -> list[Any]:
    """So many blues, light to dark."""
    return [matplotlib.colormaps["Blues"](share) for share in np.linspace(0.4, 1, count)]


def simplify_axes(axes: Axes) -> None:
    """Draw a light grid and no frame."""
    axes.grid(color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
