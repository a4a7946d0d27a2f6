"""The best cell of the grid trained again, longer, with more or fewer layers unfrozen; the best of those is the model to hand on.

Reads:  metrics/select.json, data/dataset.parquet, data/features/, models/trunk/, data/mean.npz, data/resized/
Writes: models/best/ (the DVC artifact genre-classifier), metrics/finetune.json (val scores of each, all scores of the best)
Params: finetune, head but its units, augment, train.preprocess, runtime

Backbone, Dense units and learning rate are the cell's. The model is chosen by validation accuracy; then its test rows are looked at.
"""

import json
import logging
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.evaluation.metrics import score_splits
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.reproducibility import runtime
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import SharedHeadParams, TrainingParams

log = logging.getLogger(__name__)


class Finetune(params.Section, TrainingParams):
    """params.yaml: finetune."""

    unfreeze: list[Unfreeze] = Field(min_length=1)


class Train(params.SharedKeys):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    finetune: Finetune
    head: SharedHeadParams
    train: Train
    augment: AugmentParams
    runtime: Runtime


class Best(BaseModel):
    """Of metrics/select.json: the cell to go on from."""

    model_config = ConfigDict(extra="ignore")

    backbone: str
    units: int
    lr: float


def best_cell(path: Path) -> Best:
    """The best cell in metrics/select.json."""
    try:
        return Best.model_validate(json.loads(path.read_text(encoding="utf-8"))["best"])
    except FileNotFoundError:
        raise InputError(f"{path} is not there; `dvc repro select` makes it") from None
    except (json.JSONDecodeError, KeyError, ValidationError) as error:
        raise InputError(
            f"{path} names no best cell ({' '.join(str(error).split())[:120]}); run `dvc repro select`"
        ) from None


def tested(model: classifier.Classifier, dataset: Path, resized: Path, seed: int) -> dict[str, Any]:
    """Scores of `model` on val and test rows."""
    rows = classifier.held_out_rows(read_table(dataset, DATASET), model.classes)
    probabilities = model.predict_rows(ThumbnailStore(resized), rows, model.config.backbone)
    return score_splits(rows, probabilities, model.classes, seed)


def main() -> None:
    """Train the best cell again and keep the best model."""
    settings, cell = params.read(Params), best_cell(paths.metrics("select"))
    how, head = settings.finetune, settings.head.of(cell.units)
    check_backbone(cell.backbone)
    runtime.start_keras(settings.runtime)
    sources = InputPaths(paths.DATASET, paths.RESIZED, paths.MEAN, paths.FEATURES, paths.EXTRACTORS)
    rows, best = {}, None
    meter = Meter(len(how.unfreeze), cell.backbone, "cuts")
    for layers in how.unfreeze:
        preprocess = settings.train.preprocess
        with prepare(
            cell.backbone, layers, head, preprocess, how.batch, settings.augment, settings.runtime, sources
        ) as start:
            learner = start.learner(head, how, settings.runtime)
            rows[str(layers)] = kept = learner.kept(learner.learn(cell.lr))
            if best is None or kept["val_accuracy"] > best[0]:
                best = kept["val_accuracy"], layers, start.whole(learner), start.config(head)
        meter.step(1, f"{layers} unfrozen: val accuracy {kept['val_accuracy']:.3f}")
    meter.close()
    assert best is not None
    _, layers, model, config = best
    classifier.save_classifier(paths.BEST, model, config, sources.weights(cell.backbone))
    result = tested(classifier.load_classifier(paths.BEST), paths.DATASET, paths.RESIZED, settings.runtime.seed)
    chosen = {**cell.model_dump(), "unfreeze": str(layers), **result}
    write_json(paths.metrics("finetune"), {"best": chosen, "cuts": rows})
    test = result["test"]
    log.info(
        f"{cell.backbone}, {layers} unfrozen: test accuracy {test['accuracy']:.3f}, macro F1 {test['macro_f1']:.3f}"
    )


if __name__ == "__main__":
    run(main, "finetune")
