"""The best trial of the grid and the best trained model by validation accuracy, and the whole grid as figures and a table.

Reads:  metrics/handling/BACKBONE.json and metrics/train/BACKBONE.json of each of train.backbones, data/features/, models/extractor/,
        data/predictions/, models/trained/, plots/train/
Writes: metrics/select.json (the best trial, the best of each backbone and `unfreeze`, the trial that `finetune` starts from, the best
        trained model and the validation accuracy of all), metrics/handling.md (the best of each backbone and `unfreeze` as a table),
        models/selected/ (the start's features, extractor and predictions before fine-tuning; the best trained model with its
        features, predictions and curves), plots/handling/: grid.png, learning_rate.png, parameters.png, trials.csv (all
        trials, for `dvc plots`)
Params: handling.grid, train.backbones

Trials whose training ended in NaN or infinity are counted and left out. Test rows are not read. `python -m stages.select times` draws
accuracy against training time from logs/handling/: times belong to a machine and not to a version.
"""

import json
import logging
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import keep_only, read_json, replacing_folder, write_json, write_text
from webtoon_genre.core.params import ParamsFile, SharedKeys, read
from webtoon_genre.features.backbone import architecture_file
from webtoon_genre.grid.figures import accuracy_figure, grid_figure, rates_figure
from webtoon_genre.grid.ranking import Grid, failed_trials, ranked
from webtoon_genre.plotting.figures import save
from webtoon_genre.training.setup import InputPaths
from webtoon_genre.training.trainer import describe_val_accuracy

log = logging.getLogger(__name__)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class SelectGrid(Grid):
    """params.yaml: handling.grid; fine-tuning starts from no backbone in `frozen`, if it can."""

    frozen: list[str]


class Handling(SharedKeys):
    """params.yaml: handling, the keys that this stage shares."""

    grid: SelectGrid


class Train(SharedKeys):
    """params.yaml: train, the key that this stage shares."""

    backbones: list[str] = Field(min_length=1)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    handling: Handling
    train: Train


def gather(params: Params) -> pd.DataFrame:
    """One row a trial, in the order of the params: backbone, unfreeze (text) and the row that the stage `handling` wrote."""
    rows = []
    for backbone, path in runs(params).items():
        rows += [{"backbone": backbone, **trial} for trial in read_json(path, "handling")["cells"]]
    trials = pd.DataFrame(rows)
    return trials.assign(unfreeze=trials["unfreeze"].map(str))


def runs(params: Params) -> dict[str, Path]:
    """The metrics of each run of the stage `handling`, by backbone."""
    return {backbone: paths.metrics("handling", backbone) for backbone in params.train.backbones}


def failures(trials: pd.DataFrame) -> str:
    """How many trials failed, as a sentence; empty where none did."""
    count = failed_trials(trials)
    return f"{count} of {len(trials)} trials failed: their training ended in NaN or infinity." if count else ""


def best_by_depth(trials: pd.DataFrame) -> pd.DataFrame:
    """The best trial of each backbone and `unfreeze`, the best first."""
    return ranked(trials).groupby(["backbone", "unfreeze"], sort=False).head(1)


def summarise(trials: pd.DataFrame, trained: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """metrics/select.json: the grid's trials by number, the best of all and of each backbone and `unfreeze`; the `trained` models."""
    columns = ["units", "lr", "val_accuracy", "val_accuracy_interval", "val_titles", "trainable_parameters"]
    return {
        "best_trained": next(iter(trained)),
        "trained": {name: scores["val_accuracy"] for name, scores in trained.items()},
        "cells": len(trials),
        "failed": failed_trials(trials),
        "best": ranked(trials).iloc[0].to_dict(),
        "cuts": {
            f"{trial['backbone']}-{trial['unfreeze']}": trial[columns].to_dict()
            for _, trial in best_by_depth(trials).iterrows()
        },
    }


def table(trials: pd.DataFrame) -> str:
    """The best trial of each backbone and `unfreeze` as Markdown, the best first; those of which all trials failed, and how many did."""
    lines = [
        "| backbone | unfrozen | Dense | learning rate | trained parameters | epochs | val accuracy, 95% interval |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for _, trial in best_by_depth(trials).iterrows():
        lines.append(
            f"| {trial['backbone']} | {trial['unfreeze']} | {trial['units']} | {trial['lr']:g} "
            f"| {trial['trainable_parameters']:,} | {trial['epochs']} | {describe_val_accuracy(trial)} |"
        )
    for (backbone, layers), rows in trials.groupby(["backbone", "unfreeze"], sort=False):
        if rows["val_accuracy"].isna().all():
            lines.append(f"| {backbone} | {layers} | | | | | failed |")
    lines += ["", failures(trials)] if failures(trials) else []
    return "\n".join(lines) + "\n"


def plot_data(trials: pd.DataFrame) -> str:
    """All trials as CSV for `dvc plots`; low, high: of the interval. A failed trial has no validation accuracy."""
    columns = ["backbone", "unfreeze", "units", "lr", "val_accuracy"]
    interval = trials["val_accuracy_interval"]
    limits = {name: interval.str[position].astype(float) for position, name in enumerate(("low", "high"))}
    return trials[columns].assign(**limits).round(6).to_csv(index=False, lineterminator="\n")


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


def trained_models(params: Params) -> dict[str, dict[str, Any]]:
    """The scores of the best epoch of each backbone's model, as `train` wrote them, the best model first."""
    rows = {name: read_json(paths.metrics("train", name), "train")["cells"][0] for name in params.train.backbones}
    return dict(sorted(rows.items(), key=lambda item: (-item[1]["val_accuracy"], item[1]["val_loss"])))


def start_of_finetuning(trials: pd.DataFrame, frozen: list[str]) -> dict[str, Any]:
    """The best trial of the backbones whose layers are trained at all; the best of all where there is none."""
    best = ranked(trials)
    tunable = best[~best["backbone"].isin(frozen)]
    return (best if tunable.empty else tunable).iloc[0].to_dict()


def hand_on(start: str, trained: str) -> None:
    """Hard-link in models/selected what `finetune` needs, so that it depends on no other backbone.

    start: the backbone that fine-tuning starts from. trained: that of the best trained model.
    """
    sources, targets = InputPaths.of(start), InputPaths.selected()
    with replacing_folder(paths.SELECTED) as folder:
        for name in ("features", "augmented_features", "extractor"):
            link_or_copy(getattr(sources, name), folder / getattr(targets, name).name, "features")
        link_or_copy(paths.predictions(start), folder / paths.PREDICTIONS_BEFORE.name, "train")
        link_or_copy(paths.features(trained), folder / paths.SELECTED_STYLE.name, "features")
        link_or_copy(paths.predictions(trained), folder / paths.SELECTED_PREDICTIONS.name, "train")
        link_folder(paths.model(trained), folder / paths.SELECTED_MODEL.name)
        link_folder(paths.plots("train", trained), folder / paths.SELECTED_CURVES.name)


def link_folder(source: Path, target: Path) -> None:
    """Link or copy all files of a folder that the stage `train` made."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    if not files:
        raise InputError(f"{source} is not there; `dvc repro train` makes it")
    for path in files:
        (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(path, target / path.relative_to(source), "train")


def link_or_copy(source: Path, target: Path, stage: str) -> None:
    """Hard-link `target` to `source`, which `stage` makes, or copy it where the disk has no hard links."""
    if not source.is_file():
        raise InputError(f"{source} is not there; `dvc repro {stage}` makes it")
    try:
        target.hardlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, target)


def architecture_digest(backbone: str) -> str:
    """sha256 of the backbone's module: `finetune` runs again where it changes."""
    return f"sha256:{sha256(architecture_file(backbone).read_bytes()).hexdigest()}"


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Select the best trial of the grid and the best trained model; with `times`, draw what trials cost."""
    if context.invoked_subcommand is not None:
        return
    params = read(Params)
    grid, trials = params.handling.grid, gather(params)
    if text := failures(trials):
        log.warning(text)
    start, trained = start_of_finetuning(trials, grid.frozen), trained_models(params)
    hand_on(start["backbone"], next(iter(trained)))
    digest = architecture_digest(start["backbone"])
    write_json(paths.metrics("select"), {**summarise(trials, trained), "start": start, "architecture": digest})
    write_text(paths.table("handling"), table(trials))
    with replacing_folder(paths.plots("handling")) as folder:
        save(grid_figure(trials, grid), folder / "grid.png")
        save(rates_figure(trials, grid), folder / "learning_rate.png")
        save(accuracy_figure(trials, "trainable_parameters", "trained parameters"), folder / "parameters.png")
        write_text(folder / "trials.csv", plot_data(trials))
    keep_only([*runs(params).values()])


@app.command()
def times() -> None:
    """Draw validation accuracy against the seconds that each trial took on this machine."""
    params, target = read(Params), paths.LOGS / "times.png"
    save(accuracy_figure(with_seconds(gather(params)), "seconds", "training time, seconds"), target)
    typer.echo(target)


if __name__ == "__main__":
    run(app, "select")
