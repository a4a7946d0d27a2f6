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

from stages.lib import params, runtime, saved, scores, trunk
from stages.lib.augment import Augment
from stages.lib.command import run
from stages.lib.cut import Unfrozen
from stages.lib.errors import InputError
from stages.lib.files import write_json
from stages.lib.fit import HeadShape, Schedule
from stages.lib.progress import Meter
from stages.lib.runtime import Runtime
from stages.lib.thumbnails import DATASET, Resized, read_table
from stages.lib.transfer import Sources, prepared
from stages.lib.trunk import Preprocess

log = logging.getLogger(__name__)


class Finetune(params.Section, Schedule):
    """params.yaml: finetune."""

    unfreeze: list[Unfrozen] = Field(min_length=1)


class Train(params.Leaves):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Params(params.File):
    """What this stage reads of params.yaml."""

    finetune: Finetune
    head: HeadShape
    train: Train
    augment: Augment
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


def tested(model: saved.Classifier, dataset: Path, resized: Path, seed: int) -> dict[str, Any]:
    """Scores of `model` on val and test rows."""
    rows = saved.held_out(read_table(dataset, DATASET), model.classes)
    probabilities = model.predict_rows(Resized(resized), rows, model.config.backbone)
    return scores.on_held_out(rows, probabilities, model.classes, seed)


def main(
    selected: Path = Path("metrics/select.json"),
    dataset: Path = Path("data/dataset.parquet"),
    features: Path = Path("data/features"),
    trunks: Path = Path("models/trunk"),
    mean: Path = Path("data/mean.npz"),
    resized: Path = Path("data/resized"),
    out: Path = Path("models/best"),
    metrics: Path = Path("metrics/finetune.json"),
) -> None:
    """Train the best cell again and keep the best model."""
    settings, cell = params.read(Params), best_cell(selected)
    how, head = settings.finetune, settings.head.of(cell.units)
    trunk.check(cell.backbone)
    runtime.start_keras(settings.runtime)
    sources = Sources(dataset, resized, mean, features, trunks)
    rows, best = {}, None
    meter = Meter(len(how.unfreeze), cell.backbone, "cuts")
    for layers in how.unfreeze:
        preprocess = settings.train.preprocess
        with prepared(
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
    saved.save(out, model, config, sources.weights(cell.backbone))
    result = tested(saved.load(out), dataset, resized, settings.runtime.seed)
    chosen = {**cell.model_dump(), "unfreeze": str(layers), **result}
    write_json(metrics, {"best": chosen, "cuts": rows})
    test = result["test"]
    log.info(
        f"{cell.backbone}, {layers} unfrozen: test accuracy {test['accuracy']:.3f}, macro F1 {test['macro_f1']:.3f}"
    )


if __name__ == "__main__":
    run(main, "finetune")
