"""The best trial of the grid trained again, longer, with more or fewer layers unfrozen; the best of these is the model handed on.

Reads:  metrics/select.json, models/selected/, data/dataset.parquet, data/mean.npz, data/resized/
Writes: models/best/ (the DVC artifact genre-classifier), metrics/finetune.json (val scores of each `unfreeze`, or why it failed, and all
        scores of the best)
Params: finetune, handling.grid.frozen, head but its units, augment, train.preprocess, seed, memory, runtime

Backbone, Dense units and learning rate are the trial's. Validation accuracy chooses the model; then its test rows are scored.
"""

import logging
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import read_json, write_json
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.evaluation.metrics import score_splits
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.classifier import Classifier, held_out_rows, load_classifier, save_classifier
from webtoon_genre.training.divergence import NotFinite
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.head import SharedHeadParams
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


class BestTrial(BaseModel):
    """The best trial in metrics/select.json."""

    model_config = ConfigDict(extra="ignore")

    backbone: str
    units: int
    lr: float


def best_trial() -> BestTrial:
    """The trial that `select` chose."""
    path = paths.metrics("select")
    try:
        return BestTrial.model_validate(read_json(path, "select")["best"])
    except (KeyError, ValidationError) as error:
        raise InputError(
            f"{path} names no best trial ({' '.join(str(error).split())[:120]}); run `dvc repro select`"
        ) from None


def score(model: Classifier, seed: int) -> dict[str, Any]:
    """Scores of `model` on val and test rows."""
    rows = held_out_rows(read_table(paths.DATASET, DATASET), model.classes)
    probabilities = model.predict_rows(ThumbnailStore(paths.RESIZED), rows, model.config.backbone)
    return score_splits(rows, probabilities, model.classes, seed)


def failures(rows: dict[str, dict[str, Any]]) -> str:
    """Why each `unfreeze` failed."""
    return ", ".join(f"{layers} unfrozen: {row['failed']}" for layers, row in rows.items())


def main() -> None:
    """Train the best trial again and write the best model."""
    params, trial, inputs = read(Params), best_trial(), InputPaths.selected()
    finetune, head = params.finetune, params.head.with_units(trial.units)
    check_backbone(trial.backbone)
    start_keras(params.runtime)
    depths: list[Unfreeze] = [0] if trial.backbone in params.handling.grid.frozen else finetune.unfreeze
    rows, chosen = {}, None
    meter = Meter(len(depths), trial.backbone, "models")
    for layers in depths:
        with prepare(
            trial.backbone,
            layers,
            head,
            params.train.preprocess,
            finetune.batch,
            params.augment,
            params.runtime,
            params.memory,
            inputs,
        ) as setup:
            try:
                trainer = setup.trainer(head, finetune, params.runtime, params.seed)
                best = trainer.best_epoch(trainer.fit(trial.lr))
            except NotFinite as error:
                rows[str(layers)] = {"failed": error.reason}
                meter.step(1, f"{layers} unfrozen: failed: {error.reason}")
                continue
            rows[str(layers)] = best
            if chosen is None or best["val_accuracy"] > chosen[0]:
                chosen = best["val_accuracy"], layers, setup.full_model(trainer), setup.config(head)
        meter.step(1, f"{layers} unfrozen: val accuracy {best['val_accuracy']:.3f}")
    meter.close()
    if chosen is None:
        raise InputError(
            f"{trial.backbone}: {failures(rows)}; lower handling.grid.lr, of which {trial.lr:g} is the best trial's"
        )
    _, layers, model, config = chosen
    save_classifier(paths.BEST, model, config, inputs.extractor)
    scores = score(load_classifier(paths.BEST), params.seed)
    write_json(
        paths.metrics("finetune"), {"best": {**trial.model_dump(), "unfreeze": str(layers), **scores}, "cuts": rows}
    )
    test = scores["test"]
    log.info(
        f"{trial.backbone}, {layers} unfrozen: test accuracy {test['accuracy']:.3f}, macro F1 {test['macro_f1']:.3f}"
    )


if __name__ == "__main__":
    run(main, "finetune")
