"""The best trial of the grid by validation accuracy, and the whole grid as figures and a table.

Reads:  metrics/handling/BACKBONE-UNFREEZE.json of each backbone and `unfreeze` in handling.grid, data/features/, models/extractor/
Writes: metrics/select.json (the best trial, and the best of each backbone and `unfreeze`), metrics/handling.md (the latter as a table),
        models/selected/ (the inputs of the best trial's backbone), plots/handling/: grid.png, learning_rate.png, parameters.png
Params: handling.grid

Test rows are not read. `python -m stages.select times` draws accuracy against training time from logs/handling/: times belong to a
machine and not to a version.
"""

import json
import shutil
from hashlib import sha256
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

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import read_json, replacing_folder, write_json, write_text
from webtoon_genre.core.params import ParamsFile, SharedKeys, read
from webtoon_genre.features.backbone import architecture_file
from webtoon_genre.plotting.figures import GREY, ORANGE, PALETTE, new_figure, save, shorten
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.setup import InputPaths

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Grid(SharedKeys):
    """params.yaml: handling.grid."""

    backbones: list[str] = Field(min_length=1)
    unfreeze: list[Unfreeze] = Field(min_length=1)
    units: list[int] = Field(min_length=1)
    lr: list[float] = Field(min_length=1)


class Handling(SharedKeys):
    """params.yaml: handling, the keys that this stage shares."""

    grid: Grid


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    handling: Handling


def gather(grid: Grid) -> pd.DataFrame:
    """One row a trial, in the order of the params: backbone, unfreeze (text) and the row that the stage `handling` wrote."""
    rows = []
    for backbone in grid.backbones:
        for layers in grid.unfreeze:
            trials = read_json(paths.metrics("handling", f"{backbone}-{layers}"), "handling")["cells"]
            rows += [{"backbone": backbone, "unfreeze": str(layers), **trial} for trial in trials]
    return pd.DataFrame(rows)


def ranked(trials: pd.DataFrame) -> pd.DataFrame:
    """The best first: by validation accuracy, among equals by validation loss, then in the order of the params."""
    return trials.sort_values(["val_accuracy", "val_loss"], ascending=[False, True], kind="stable")


def best_by_depth(trials: pd.DataFrame) -> pd.DataFrame:
    """The best trial of each backbone and `unfreeze`, the best first."""
    return ranked(trials).groupby(["backbone", "unfreeze"], sort=False).head(1)


def summarise(trials: pd.DataFrame) -> dict[str, Any]:
    """metrics/select.json: the number of trials, the best of all, and the best of each backbone and `unfreeze`."""
    columns = ["units", "lr", "val_accuracy", "trainable_parameters"]
    return {
        "cells": len(trials),
        "best": ranked(trials).iloc[0].to_dict(),
        "cuts": {
            f"{trial['backbone']}-{trial['unfreeze']}": trial[columns].to_dict()
            for _, trial in best_by_depth(trials).iterrows()
        },
    }


def table(trials: pd.DataFrame) -> str:
    """The best trial of each backbone and `unfreeze` as Markdown, the best first."""
    lines = [
        "| backbone | unfrozen | Dense | learning rate | trained parameters | epochs | val accuracy |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for _, trial in best_by_depth(trials).iterrows():
        lines.append(
            f"| {trial['backbone']} | {trial['unfreeze']} | {trial['units']} | {trial['lr']:g} "
            f"| {trial['trainable_parameters']:,} | {trial['epochs']} | {trial['val_accuracy']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def grid_figure(trials: pd.DataFrame, grid: Grid) -> Figure:
    """Small multiples: a row a backbone, a column an `unfreeze`; each panel has Dense units by learning rate, coloured by accuracy."""
    low, high = trials["val_accuracy"].min(), trials["val_accuracy"].max()
    rows, columns = len(grid.backbones), len(grid.unfreeze)
    width, height = 1.9 + columns * (0.5 + 0.55 * len(grid.lr)), 1.3 + rows * (0.55 + 0.42 * len(grid.units))
    figure = new_figure(max(4.8, width), height)
    panels = figure.subplots(rows, columns, squeeze=False)
    best = ranked(trials).iloc[0]
    for row, backbone in enumerate(grid.backbones):
        for column, layers in enumerate(grid.unfreeze):
            axes = panels[row, column]
            subset = trials[(trials["backbone"] == backbone) & (trials["unfreeze"] == str(layers))]
            values = subset["val_accuracy"].to_numpy().reshape(len(grid.units), len(grid.lr))
            draw_values(axes, values, low, high)
            if (backbone, str(layers)) == (best["backbone"], best["unfreeze"]):
                corner = (grid.lr.index(best["lr"]) - 0.5, grid.units.index(best["units"]) - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=3))
            axes.set_xticks(range(len(grid.lr)), [f"{rate:g}" for rate in grid.lr] if row == rows - 1 else [])
            axes.set_yticks(range(len(grid.units)), grid.units if column == 0 else [])
            if row == 0:
                axes.set_title(f"{layers} unfrozen", fontsize=9)
            if column == 0:
                axes.set_ylabel(f"{shorten(backbone)}\nDense units", fontsize=9)
            if row == rows - 1:
                axes.set_xlabel("learning rate", fontsize=9)
    figure.suptitle(
        f"Validation accuracy of {len(trials)} trials\nframed: the best, {best['val_accuracy']:.3f}", fontsize=11
    )
    figure.tight_layout()
    return figure


def draw_values(axes: Axes, values: np.ndarray, low: float, high: float) -> None:
    """Draw one panel: values, float (units, rates), coloured from `low` to `high`, with their numbers."""
    axes.imshow(values, cmap="Blues", vmin=low - 0.5 * (high - low), vmax=high + 1e-9, aspect="auto")
    dark = low + 0.6 * (high - low)
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if value > dark else "black"
        axes.text(column, row, f"{value:.3f}", ha="center", va="center", fontsize=8, color=colour)
    axes.tick_params(length=0, labelsize=8)


def rates_figure(trials: pd.DataFrame, grid: Grid) -> Figure:
    """Accuracy by learning rate: a panel a backbone, a line an `unfreeze` (the mean over Dense units), a dot a trial."""
    figure = new_figure(3.0 * len(grid.backbones) + 0.9, 3.4)
    panels = figure.subplots(1, len(grid.backbones), sharey=True, squeeze=False)[0]
    colours = shades(len(grid.unfreeze))
    for axes, backbone in zip(panels, grid.backbones, strict=True):
        for layers, colour in zip(grid.unfreeze, colours, strict=True):
            subset = trials[(trials["backbone"] == backbone) & (trials["unfreeze"] == str(layers))]
            mean = subset.groupby("lr")["val_accuracy"].mean()
            axes.plot(mean.index, mean, color=colour, linewidth=2, label=str(layers))
            axes.scatter(subset["lr"], subset["val_accuracy"], s=18, color=colour, zorder=3)
        axes.set_xscale("log")
        axes.set_xticks(sorted(grid.lr), [f"{rate:g}" for rate in sorted(grid.lr)], minor=False)
        axes.minorticks_off()
        axes.set_title(shorten(backbone), fontsize=10)
        axes.set_xlabel("learning rate")
        simplify_axes(axes)
    panels[0].set_ylabel("validation accuracy")
    panels[-1].legend(title="unfrozen", frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.suptitle("Lines: mean over Dense units; dots: trials", fontsize=11)
    figure.tight_layout()
    return figure


def accuracy_figure(trials: pd.DataFrame, grid: Grid, column: str, label: str) -> Figure:
    """Validation accuracy against a column of `trials` on a logarithmic axis: a colour a backbone, a shape an `unfreeze`."""
    figure = new_figure(7, 4)
    axes = figure.subplots()
    colours = dict(zip(grid.backbones, cycle(PALETTE), strict=False))
    shapes = dict(zip(map(str, grid.unfreeze), cycle("osD^vP*X"), strict=False))
    for (backbone, layers), rows in trials.groupby(["backbone", "unfreeze"], sort=False):
        axes.scatter(
            rows[column], rows["val_accuracy"], s=36, color=colours[backbone], marker=shapes[layers], alpha=0.85
        )
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("validation accuracy")
    simplify_axes(axes)
    entries = [Line2D([], [], color=colour, marker="o", linestyle="", label=name) for name, colour in colours.items()]
    entries += [
        Line2D([], [], color=GREY, marker=shape, linestyle="", label=f"{layers} unfrozen")
        for layers, shape in shapes.items()
    ]
    axes.legend(handles=entries, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    figure.suptitle(f"Accuracy against {label}", fontsize=11)
    figure.tight_layout()
    return figure


def shades(count: int) -> list[Any]:
    """So many blues, light to dark."""
    from matplotlib import colormaps

    return [colormaps["Blues"](share) for share in np.linspace(0.4, 1, count)]


def simplify_axes(axes: Axes) -> None:
    """Draw a light grid and no frame."""
    axes.grid(color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def with_seconds(trials: pd.DataFrame) -> pd.DataFrame:
    """`trials` with a column seconds, from the logs of this machine's runs; trials without a log are left out."""
    seconds: list[float | None] = []
    for _, trial in trials.iterrows():
        path = paths.logs("handling", f"{trial['backbone']}-{trial['unfreeze']}")
        log = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        seconds.append(log.get(f"{trial['units']}-{trial['lr']:g}"))
    timed = trials.assign(seconds=seconds).dropna(subset="seconds")
    if timed.empty:
        raise InputError(
            f"{paths.LOGS}/handling has no times of these trials; `dvc repro handling` writes them where it trains, `dvc pull` does not"
        )
    return timed


def hand_on(backbone: str) -> None:
    """Put the inputs of the best trial into models/selected as hard links: `finetune` depends on them and on no other backbone's."""
    sources, targets = InputPaths.of(backbone), InputPaths.selected()
    with replacing_folder(paths.SELECTED) as folder:
        for name in ("features", "augmented_features", "extractor"):
            link_or_copy(getattr(sources, name), folder / getattr(targets, name).name)


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link `target` to `source`, or copy it where the disk has no hard links."""
    if not source.is_file():
        raise InputError(f"{source} is not there; `dvc repro features` makes it")
    try:
        target.hardlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, target)


def architecture_digest(backbone: str) -> str:
    """sha256 of the backbone's module: `finetune` runs again where it changes."""
    return f"sha256:{sha256(architecture_file(backbone).read_bytes()).hexdigest()}"


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Select the best trial of the grid; with `times`, draw what trials cost."""
    if context.invoked_subcommand is not None:
        return
    grid = read(Params).handling.grid
    trials = gather(grid)
    best = ranked(trials).iloc[0]["backbone"]
    hand_on(best)
    write_json(paths.metrics("select"), {**summarise(trials), "architecture": architecture_digest(best)})
    write_text(paths.table("handling"), table(trials))
    with replacing_folder(paths.plots("handling")) as folder:
        save(grid_figure(trials, grid), folder / "grid.png")
        save(rates_figure(trials, grid), folder / "learning_rate.png")
        save(accuracy_figure(trials, grid, "trainable_parameters", "trained parameters"), folder / "parameters.png")


@app.command()
def times() -> None:
    """Draw validation accuracy against the seconds that each trial took on this machine."""
    grid, target = read(Params).handling.grid, paths.LOGS / "times.png"
    save(accuracy_figure(with_seconds(gather(grid)), grid, "seconds", "training time, seconds"), target)
    typer.echo(target)


if __name__ == "__main__":
    run(app, "select")
