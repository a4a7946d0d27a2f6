"""A trial of the grid trained again, longer, with layers unfrozen; the best of all trained models by validation accuracy is handed on.

Reads:  metrics/select.json, models/selected/, data/dataset.parquet, data/mean.npz, data/resized/,
        data/predictions/colour_histogram.parquet
Writes: models/classifier/ (the model handed on), data/best_predictions.parquet (as data/predictions/BACKBONE.parquet),
        data/best_style.npy (its style vectors, the head's input: float32 (n, width), a row for each of data/dataset.parquet),
        metrics/finetune.json (all scores of the model handed on, val scores of each `unfreeze`, or why it failed, and what fine-tuning
        changes), plots/finetune/: curves, confusion.png, confusion.csv, genres.png, examples.png of the model handed on
Params: finetune, handling.grid.frozen, head but its units, augment, train.preprocess, seed, memory, runtime

The trial, its backbone, Dense units and learning rate, is the one that `select` names as the start. The best model of `train` is handed
on where no fine-tuned one has a higher validation accuracy. Test rows choose nothing.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import DECIMALS, read_json, replacing, replacing_folder, write_json
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.classifier import load_classifier, read_config, style_of
from webtoon_genre.training.curves import learning_curves
from webtoon_genre.training.divergence import NotFinite
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.head import SharedHeadParams
from webtoon_genre.training.prediction_figures import draw
from webtoon_genre.training.predictions import (
    accuracy_change,
    detail_table,
    held_out,
    prediction_table,
    read_predictions,
    score_table,
    write_predictions,
)
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import TrainingParams

log = logging.getLogger(__name__)


class Finetune(Section, TrainingParams):
    """params.yaml: finetune."""

    unfreeze: list[Unfreeze] = Field(min_length=1)


class Grid(SharedKeys):
    """params.yaml: handling.grid, the key that this stage shares."""

    frozen: list[str]


class Handling(SharedKeys):
    """params.yaml: handling, the key that this stage shares."""

    grid: Grid


class Train(SharedKeys):
    """params.yaml: train, the keys that this stage shares."""

    preprocess: Preprocess


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    untracked: ClassVar = frozenset({"memory"})

    finetune: Finetune
    handling: Handling
    head: SharedHeadParams
    train: Train
    augment: AugmentParams
    seed: int = Field(ge=0)
    memory: int = Field(ge=0)
    runtime: Runtime


class Start(BaseModel):
    """The trial in metrics/select.json that fine-tuning starts from."""

    model_config = ConfigDict(extra="ignore")

    backbone: str
    units: int
    lr: float


class Selection(BaseModel):
    """What this stage reads of metrics/select.json; trained: validation accuracy of the models of `train`, by backbone."""

    model_config = ConfigDict(extra="ignore")

    start: Start
    best_trained: str
    trained: dict[str, float]


@dataclass(frozen=True)
class Candidate:
    """A model that may be handed on. name: in texts. table: its predictions, as predictions.py makes them. write: puts it into a folder.

    curves: the folder of its learning curves. style: a file with its style vectors, None where they are not computed yet.
    """

    name: str
    val_accuracy: float
    table: pd.DataFrame
    write: Callable[[Path], None]
    curves: Path
    style: Path | None

    def val_text(self, seed: int) -> str:
        """The validation accuracy with its interval; `seed` as in score_table."""
        scores = score_table(self.table, seed)["val"]
        return bootstrap.format_value(scores["accuracy"], scores["accuracy_interval"], scores["groups"])


def read_selection() -> Selection:
    """What `select` chose."""
    path = paths.metrics("select")
    try:
        return Selection.model_validate(read_json(path, "select"))
    except ValidationError as error:
        raise InputError(
            f"{path} names no trial to start from and no best model ({' '.join(str(error).split())[:120]}); run `dvc repro select`"
        ) from None


def trained_candidate(selection: Selection) -> Candidate:
    """The best model of the stage `train`."""
    name = selection.best_trained
    return Candidate(
        name=f"trained {name}",
        val_accuracy=selection.trained[name],
        table=read_predictions(paths.SELECTED_PREDICTIONS),
        write=copy_selected_model,
        curves=paths.SELECTED_CURVES,
        style=paths.SELECTED_STYLE if read_config(paths.SELECTED_MODEL).unfreeze == 0 else None,
    )


def copy_selected_model(folder: Path) -> None:
    """Copy the best model of `train`, whole or not at all."""
    with replacing_folder(folder) as part:
        shutil.copytree(paths.SELECTED_MODEL, part, dirs_exist_ok=True)


def fine_tune(
    trial: Start, layers: Unfreeze, params: Params, dataset: pd.DataFrame, curves: Path
) -> tuple[dict[str, Any], Candidate]:
    """Train the trial with `layers` unfrozen: scores of its best epoch, and the model; raises NotFinite. curves: a folder to write."""
    head, inputs, rows = params.head.with_units(trial.units), InputPaths.selected(), held_out(dataset)
    name = f"fine-tuned {trial.backbone} ({layers} layers unfrozen)"
    with (
        prepare(
            trial.backbone,
            layers,
            head,
            params.train.preprocess,
            params.finetune.batch,
            params.augment,
            params.runtime,
            params.memory,
            inputs,
        ) as setup,
        learning_curves(curves, name, params.finetune.epochs) as on_epoch_end,
    ):
        trainer = setup.trainer(head, params.finetune, params.runtime, params.seed)
        best = trainer.best_epoch(trainer.fit(trial.lr, on_epoch_end))
        table = prediction_table(dataset.iloc[rows], trainer.predict(rows), setup.classes)
        style = curves.with_suffix(".npy")
        np.save(style, setup.style(np.arange(len(dataset)), params.finetune.batch))

    def write(folder: Path) -> None:
        setup.save(folder, trainer, head, inputs)

    val_accuracy = round(best["val_accuracy"], DECIMALS)  # as in metrics/select.json, with which it is compared
    return best, Candidate(name, val_accuracy, table, write, curves, style)


def fine_tune_all(
    trial: Start, params: Params, dataset: pd.DataFrame, curves: Path
) -> tuple[dict[str, dict[str, Any]], list[Candidate]]:
    """By `unfreeze`, the scores of its best epoch or why it failed; and the models. curves: a folder for their curves."""
    depths: list[Unfreeze] = [0] if trial.backbone in params.handling.grid.frozen else params.finetune.unfreeze
    rows: dict[str, dict[str, Any]] = {}
    models = []
    for layers in depths:
        try:
            rows[str(layers)], model = fine_tune(trial, layers, params, dataset, curves / str(layers))
            models.append(model)
        except NotFinite as error:
            rows[str(layers)] = {"failed": error.reason}
            log.warning(f"{trial.backbone}, {layers} unfrozen: failed: {error.reason}")
    return rows, models


def write_style(model: Candidate, dataset: pd.DataFrame) -> None:
    """Copy the style vectors of the model in models/classifier, or compute them."""
    with replacing(paths.BEST_STYLE) as part:
        if model.style is not None:
            shutil.copyfile(model.style, part)
            return
        classifier = load_classifier(paths.CLASSIFIER)
        style = style_of(classifier, ThumbnailStore(paths.RESIZED), dataset, "finetune: style vectors")
        with part.open("wb") as file:  # np.save would add a suffix to a name
            np.save(file, style)


def outcome(chosen: Candidate, other: Candidate | None, tuned: str, change: dict[str, Any] | None, seed: int) -> str:
    """One sentence: the model handed on, why, and what fine-tuning changes.

    other: the best of the other kind, trained or fine-tuned. tuned: the fine-tuned model's name.
    """
    reason = f"models/best is {chosen.name}: its validation accuracy is {chosen.val_text(seed)}"
    if other is None or change is None:
        return f"{reason}; every fine-tuned model failed"
    against = f"that of the best {other.name} is {other.val_text(seed)}"
    return f"{reason}, {against}; test accuracy of {tuned} against before: {bootstrap.verdict(change)}"


def main() -> None:
    """Fine-tune a trial and hand on the best model of all."""
    params, selection = read(Params), read_selection()
    trial, trained = selection.start, trained_candidate(selection)
    check_backbone(trial.backbone)
    dataset = read_table(paths.DATASET, DATASET)
    start_keras(params.runtime)
    with tempfile.TemporaryDirectory() as scratch:
        rows, models = fine_tune_all(trial, params, dataset, Path(scratch))
        tuned = max(models, key=lambda model: model.val_accuracy, default=None)
        chosen = trained if tuned is None or tuned.val_accuracy <= trained.val_accuracy else tuned
        chosen.write(paths.CLASSIFIER)
        write_style(chosen, dataset)
        scores, detail = score_table(chosen.table, params.seed), detail_table(chosen.table, params.seed)
        with replacing_folder(paths.plots("finetune")) as folder:
            images, name = ThumbnailStore(paths.RESIZED), f"models/best ({chosen.name})"
            draw(chosen.table, scores["test"], detail, images, name, folder)
            shutil.copytree(chosen.curves, folder / "curves")
    write_predictions(chosen.table, paths.BEST_PREDICTIONS)
    change = None
    if tuned is not None:
        change = accuracy_change(tuned.table, read_predictions(paths.PREDICTIONS_BEFORE), params.seed)
    other = tuned if chosen is trained else trained
    text = outcome(chosen, other, tuned.name if tuned else "", change, params.seed)
    config = read_config(paths.CLASSIFIER)
    against = accuracy_change(chosen.table, read_predictions(paths.HISTOGRAM_PREDICTIONS, "baseline"), params.seed)
    best = {
        "backbone": config.backbone,
        "unfreeze": str(config.unfreeze),
        "units": config.head.units,
        "against_colour_histogram": against,
        **scores,
        "test_detail": detail,
    }
    write_json(
        paths.metrics("finetune"),
        {"best": best, "cuts": rows, "trained": selection.trained, "fine_tuning": change, "outcome": text},
    )
    log.info(text)


if __name__ == "__main__":
    run(main, "finetune")
