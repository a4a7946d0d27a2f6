"""One model per backbone: the study's head on a frozen or partly unfrozen backbone, with early stopping.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/extractor/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: models/trained/BACKBONE/, metrics/train/BACKBONE.json, plots/train/BACKBONE/ (learning curves, by DVCLive),
        data/predictions/BACKBONE.parquet (val and test rows: the columns of data/dataset.parquet, the predicted genre, p_<genre>)
Params: lr, seed, memory, head, augment, train, runtime

With nothing unfrozen, the head is trained on the features. Otherwise the activations of the frozen layers are computed once, and the
layers above are trained on them together with the head. The same features or activations give the predictions: no image passes
through the backbone twice.
"""

import logging
from typing import ClassVar

from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.data.tables import DATASET, read_table
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.curves import learning_curves
from webtoon_genre.training.divergence import explain_divergence
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.predictions import held_out, prediction_table, write_predictions
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import TrainingParams, describe_val_accuracy

log = logging.getLogger(__name__)


class Train(Section, TrainingParams):
    """params.yaml: train; a backbone's model does not depend on the list of backbones."""

    untracked: ClassVar = frozenset({"backbones"})

    backbones: list[str] = Field(min_length=1)
    preprocess: Preprocess
    unfreeze: Unfreeze


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    untracked: ClassVar = frozenset({"memory"})

    lr: float = Field(gt=0)
    seed: int = Field(ge=0)
    memory: int = Field(ge=0)
    head: HeadParams
    train: Train
    augment: AugmentParams
    runtime: Runtime


def main(backbone: str) -> None:
    """Train the model of BACKBONE."""
    params = read(Params)
    check_backbone(backbone)
    start_keras(params.runtime)
    train, inputs = params.train, InputPaths.of(backbone)
    dataset = read_table(paths.DATASET, DATASET)
    with (
        prepare(
            backbone,
            train.unfreeze,
            params.head,
            train.preprocess,
            train.batch,
            params.augment,
            params.runtime,
            params.memory,
            inputs,
        ) as setup,
        learning_curves(paths.plots("train", backbone), backbone, train.epochs) as on_epoch_end,
        explain_divergence(backbone, "lr"),
    ):
        trainer = setup.trainer(params.head, train, params.runtime, params.seed)
        best = trainer.best_epoch(trainer.fit(params.lr, on_epoch_end))
        rows = held_out(dataset)
        table = prediction_table(dataset.iloc[rows], trainer.predict(rows), setup.classes)
        write_predictions(table, paths.predictions(backbone))
        setup.save(paths.model(backbone), trainer, params.head, inputs)
    # a list, as in handling: `dvc metrics` leaves lists out, and DVC has a run-cache only for outputs that are metrics
    write_json(paths.metrics("train", backbone), {"cells": [best]})
    accuracy, epoch, epochs = describe_val_accuracy(best), best["best_epoch"] + 1, best["epochs"]
    log.info(f"{backbone}: val accuracy {accuracy}, after epoch {epoch} of {epochs}")


if __name__ == "__main__":
    run(main, "train")
