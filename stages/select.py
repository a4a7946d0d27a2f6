"""Which cell of the grid is best on validation images, and the whole grid as figures and a table.

Reads:  metrics/handling/BACKBONE-UNFREEZE.json of each backbone and cut in handling.grid
Writes: metrics/select.json (the best cell, and the best of each cut), metrics/handling.md (those as a table),
        plots/handling/: grid.png, learning_rate.png, parameters.png
Params: handling.grid

Test rows choose nothing and are not looked at. `python -m stages.select times` draws accuracy against training time from logs/handling/:
a time belongs to a machine and not to a version.
"""

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing_folder, write_json, write_text
from webtoon_genre.plotting import figures
from webtoon_genre.training.freezing import Unfreeze

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
METRICS, LOGS = Path("metrics/handling"), Path("logs/handling")


class Grid(params.SharedKeys):
    """params.yaml: handling.grid."""

    backbones: list[str] = Field(min_length=1)
    unfreeze: list[Unfreeze] = Field(min_length=1)
    units: list[int] = Field(min_length=1)
    lr: list[float] = Field(min_length=1)


class Handling(params.SharedKeys):
    """What is shared of params.yaml: handling."""

    grid: Grid


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    handling: Handling


def gather(grid: Grid, folder: Path) -> pd.DataFrame:
    """One row a cell, in the order of the params: backbone, unfreeze (text) and what the stage `handling` says of the cell."""
    rows = []
    for backbone in grid.backbones:
        for layers in grid.unfreeze:
            cells = read(folder / f"{backbone}-{layers}.json")["cells"]
            rows += [{"backbone": backbone, "unfreeze": str(layers), **cell} for cell in cells]
    return pd.DataFrame(rows)


def read(path: Path) -> Any:
    """The JSON in `path`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there; `dvc repro handling` makes it") from None


def ranked(cells: pd.DataFrame) -> pd.DataFrame:
    """The best first: by validation accuracy, among equals by validation loss, then in the order of the params."""
    return cells.sort_values(["val_accuracy", "val_loss"], ascending=[False, True], kind="stable")


def summarise(cells: pd.DataFrame) -> dict[str, Any]:
    """metrics/select.json: how many cells, the best of all, and of each backbone and cut what `dvc metrics diff` should show."""
    order = ranked(cells)
    cuts = order.groupby(["backbone", "unfreeze"], sort=False).head(1)
    shown = ["units", "lr", "val_accuracy", "trainable_parameters"]
    return {
        "cells": len(cells),
        "best": order.iloc[0].to_dict(),
        "cuts": {f"{cell['backbone']}-{cell['unfreeze']}": cell[shown].to_dict() for _, cell in cuts.iterrows()},
    }


def table(cells: pd.DataFrame) -> str:
    """The best cell of each backbone and cut as Markdown, the best first."""
    cuts = ranked(cells).groupby(["backbone", "unfreeze"], sort=False).head(1)
    lines = [
        "| backbone | unfrozen | Dense | learning rate | trained parameters | epochs | val accuracy |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for _, cell in cuts.iterrows():
        lines.append(
            f"| {cell['backbone']} | {cell['unfreeze']} | {cell['units']} | {cell['lr']:g} "
            f"| {cell['trainable_parameters']:,} | {cell['epochs']} | {cell['val_accuracy']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def grid_figure(cells: pd.DataFrame, grid: Grid) -> Figure:
    """Small multiples: a row a backbone, a column a cut; in each, Dense units by learning rate, coloured by validation accuracy."""
    low, high = cells["val_accuracy"].min(), cells["val_accuracy"].max()
    rows, columns = len(grid.backbones), len(grid.unfreeze)
    width, height = 1.9 + columns * (0.5 + 0.55 * len(grid.lr)), 1.3 + rows * (0.55 + 0.42 * len(grid.units))
    figure = figures.new_figure(max(4.8, width), height)
    panels = figure.subplots(rows, columns, squeeze=False)
    best = ranked(cells).iloc[0]
    for row, backbone in enumerate(grid.backbones):
        for column, layers in enumerate(grid.unfreeze):
            axes = panels[row, column]
            own = cells[(cells["backbone"] == backbone) & (cells["unfreeze"] == str(layers))]
            values = own["val_accuracy"].to_numpy().reshape(len(grid.units), len(grid.lr))
            draw_cells(axes, values, low, high)
            if (backbone, str(layers)) == (best["backbone"], best["unfreeze"]):
                place = (grid.lr.index(best["lr"]) - 0.5, grid.units.index(best["units"]) - 0.5)
                axes.add_patch(Rectangle(place, 1, 1, fill=False, edgecolor=figures.ORANGE, linewidth=3))
            axes.set_xticks(range(len(grid.lr)), [f"{rate:g}" for rate in grid.lr] if row == rows - 1 else [])
            axes.set_yticks(range(len(grid.units)), grid.units if column == 0 else [])
            if row == 0:
                axes.set_title(f"{layers} unfrozen", fontsize=9)
            if column == 0:
                axes.set_ylabel(f"{figures.shorten(backbone)}\nDense units", fontsize=9)
            if row == rows - 1:
                axes.set_xlabel("learning rate", fontsize=9)
    figure.suptitle(
        f"Validation accuracy of {len(cells)} cells\nframed: the best, {best['val_accuracy']:.3f}", fontsize=11
    )
    figure.tight_layout()
    return figure


def draw_cells(axes: Axes, values: np.ndarray, low: float, high: float) -> None:
    """One panel: values (units, rates), coloured from `low` to `high`, each written in its cell."""
    axes.imshow(values, cmap="Blues", vmin=low - 0.5 * (high - low), vmax=high + 1e-9, aspect="auto")
    dark = low + 0.6 * (high - low)
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > dark else "black"
        axes.text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=8, color=colour)
    axes.tick_params(length=0, labelsize=8)


def rates_figure(cells: pd.DataFrame, grid: Grid) -> Figure:
    """What the learning rate does: a panel a backbone, a line a cut (the mean over Dense units), a dot a cell."""
    figure = figures.new_figure(3.0 * len(grid.backbones) + 0.9, 3.4)
    panels = figure.subplots(1, len(grid.backbones), sharey=True, squeeze=False)[0]
    colours = shades(len(grid.unfreeze))
    for axes, backbone in zip(panels, grid.backbones, strict=True):
        for layers, colour in zip(grid.unfreeze, colours, strict=True):
            own = cells[(cells["backbone"] == backbone) & (cells["unfreeze"] == str(layers))]
            mean = own.groupby("lr")["val_accuracy"].mean()
            axes.plot(mean.index, mean, color=colour, linewidth=2, label=str(layers))
            axes.scatter(own["lr"], own["val_accuracy"], s=18, color=colour, zorder=3)
        axes.set_xscale("log")
        axes.set_xticks(sorted(grid.lr), [f"{rate:g}" for rate in sorted(grid.lr)], minor=False)
        axes.minorticks_off()
        axes.set_title(figures.shorten(backbone), fontsize=10)
        axes.set_xlabel("learning rate")
        tidy(axes)
    panels[0].set_ylabel("validation accuracy")
    panels[-1].legend(title="unfrozen", frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.suptitle("Lines: mean over Dense units; dots: cells", fontsize=11)
    figure.tight_layout()
    return figure


def against(cells: pd.DataFrame, grid: Grid, column: str, label: str) -> Figure:
    """Validation accuracy against a column of `cells` on a logarithmic axis: a colour a backbone, a shape a cut."""
    figure = figures.new_figure(7, 4)
    axes = figure.subplots()
    colours = dict(zip(grid.backbones, cycle(figures.PALETTE), strict=False))
    shapes = dict(zip(map(str, grid.unfreeze), cycle("osD^vP*X"), strict=False))
    for (backbone, layers), own in cells.groupby(["backbone", "unfreeze"], sort=False):
        axes.scatter(own[column], own["val_accuracy"], s=36, color=colours[backbone], marker=shapes[layers], alpha=0.85)
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("validation accuracy")
    tidy(axes)
    entries = [Line2D([], [], color=colour, marker="o", linestyle="", label=name) for name, colour in colours.items()]
    entries += [
        Line2D([], [], color=figures.GREY, marker=shape, linestyle="", label=f"{layers} unfrozen")
        for layers, shape in shapes.items()
    ]
    axes.legend(handles=entries, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.suptitle(f"Accuracy against {label}", fontsize=11)
    figure.tight_layout()
    return figure


def shades(count: int) -> list[Any]:
    """As many blues, light to dark."""
    from matplotlib import colormaps

    return [colormaps["Blues"](share) for share in np.linspace(0.4, 1, count)]


def tidy(axes: Axes) -> None:
    """A light grid and no frame."""
    axes.grid(color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def timed(cells: pd.DataFrame, logs: Path) -> pd.DataFrame:
    """`cells` with a column seconds, from the logs of the runs of this machine; cells without a log are left out."""
    seconds: list[float | None] = []
    for _, cell in cells.iterrows():
        path = logs / f"{cell['backbone']}-{cell['unfreeze']}.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        seconds.append(known.get(f"{cell['units']}-{cell['lr']:g}"))
    found = cells.assign(seconds=seconds).dropna(subset="seconds")
    if found.empty:
        raise InputError(
            f"{logs} has no times of these cells; they are written where `dvc repro handling` trains, not by dvc pull"
        )
    return found


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Select the best cell of the grid; with `times`, draw what cells cost."""
    if context.invoked_subcommand is not None:
        return
    grid = params.read(Params).handling.grid
    cells = gather(grid, paths.METRICS / "handling")
    write_json(paths.metrics("select"), summarise(cells))
    write_text(paths.table("handling"), table(cells))
    with replacing_folder(paths.plots("handling")) as folder:
        figures.save(grid_figure(cells, grid), folder / "grid.png")
        figures.save(rates_figure(cells, grid), folder / "learning_rate.png")
        figures.save(against(cells, grid, "trainable_parameters", "trained parameters"), folder / "parameters.png")


@app.command()
def times() -> None:
    """Draw validation accuracy against the seconds that each cell took on this machine."""
    grid = params.read(Params).handling.grid
    figures.save(
        against(
            timed(gather(grid, paths.METRICS / "handling"), paths.LOGS / "handling"),
            grid,
            "seconds",
            "training time, seconds",
        ),
        paths.LOGS / "times.png",
    )
    typer.echo(paths.LOGS / "times.png")


if __name__ == "__main__":
    run(app, "select")
