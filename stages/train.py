"""One model per backbone: the study's head on a frozen or partly unfrozen backbone, with early stopping.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/extractor/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: models/BACKBONE/, metrics/train/BACKBONE.json, plots/train/BACKBONE/ (learning curves, by DVCLive)
Params: lr, seed, memory, head, augment, train, runtime

With nothing unfrozen, the head is trained on the features. Otherwise the activations of the frozen layers are computed once, and the
layers above are trained on them together with the head.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import name_in_errors, replacing_folder, write_json
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.classifier import save_classifier
from webtoon_genre.training.divergence import explain_divergence
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import EpochCallback, TrainingParams

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


@contextmanager
def learning_curves(folder: Path, backbone: str, epochs: int) -> Iterator[EpochCallback]:
    """A callback that logs the metrics of each epoch for `dvc plots` (DVCLive's tables, moved to `folder`) and shows progress."""
    from dvclive import Live

    meter = Meter(epochs, backbone, "epochs")
    with tempfile.TemporaryDirectory() as scratch, replacing_folder(folder) as part:
        live = Live(scratch, report=None, save_dvc_exp=False, dvcyaml=None)

        def on_epoch_end(_: int, metrics: dict[str, float]) -> None:
            with name_in_errors(Path(scratch)):
                for name, value in metrics.items():
                    live.log_metric(f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}", round(value, 6))
                live.next_step()
            meter.step(1, f"val accuracy {metrics['val_accuracy']:.3f}")

        yield on_epoch_end
        meter.close()
        live.end()
        shutil.copytree(Path(scratch) / "plots" / "metrics", part, dirs_exist_ok=True)


def main(backbone: str) -> None:
    """Train the model of BACKBONE."""
    params = read(Params)
    check_backbone(backbone)
    start_keras(params.runtime)
    train, inputs = params.train, InputPaths.of(backbone)
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
        save_classifier(paths.model(backbone), setup.full_model(trainer), setup.config(params.head), inputs.extractor)
    # a list, as in handling: `dvc metrics` leaves lists out, and DVC has a run-cache only for outputs that are metrics
    write_json(paths.metrics("train", backbone), {"cells": [best]})
    accuracy, epoch, epochs = best["val_accuracy"], best["best_epoch"] + 1, best["epochs"]
    log.info(f"{backbone}: val accuracy {accuracy:.3f} after epoch {epoch} of {epochs}")


if __name__ == "__main__":
    run(main, "train")
