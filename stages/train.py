"""One model a backbone: the study's head on a frozen or partly unfrozen trunk, stopped early, the best weights kept.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/trunk/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: models/BACKBONE/, metrics/train/BACKBONE.json, plots/train/BACKBONE/ (learning curves, by DVCLive)
Params: lr, head, augment, train, runtime

With nothing unfrozen only the head is trained, on the features. Otherwise what the frozen layers say of each image is computed
once, and those above are trained on it with the head.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from webtoon_genre.core import params
from webtoon_genre.core.command import run
from webtoon_genre.core.files import name_in_errors, replacing_folder, write_json
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.reproducibility import runtime
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import EpochCallback, HeadParams, TrainingParams

log = logging.getLogger(__name__)


class Train(params.Section, TrainingParams):
    """params.yaml: train; which other backbones there are is no reason to train this one again."""

    untracked: ClassVar = frozenset({"backbones"})

    backbones: list[str] = Field(min_length=1)
    preprocess: Preprocess
    unfreeze: Unfreeze


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    lr: float = Field(gt=0)
    head: HeadParams
    train: Train
    augment: AugmentParams
    runtime: Runtime


@contextmanager
def learning_curves(folder: Path, backbone: str, epochs: int) -> Iterator[EpochCallback]:
    """A watch that logs each epoch for `dvc plots` (DVCLive's tables end in `folder`) and shows progress."""
    from dvclive import Live

    meter = Meter(epochs, backbone, "epochs")
    with tempfile.TemporaryDirectory() as scratch, replacing_folder(folder) as part:
        live = Live(scratch, report=None, save_dvc_exp=False, dvcyaml=None)

        def watch(_: int, measured: dict[str, float]) -> None:
            with name_in_errors(Path(scratch)):
                for name, value in measured.items():
                    live.log_metric(f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}", round(value, 6))
                live.next_step()
            meter.step(1, f"val accuracy {measured['val_accuracy']:.3f}")

        yield watch
        meter.close()
        live.end()
        shutil.copytree(Path(scratch) / "plots" / "metrics", part, dirs_exist_ok=True)


def main(
    backbone: str,
    dataset: Path = Path("data/dataset.parquet"),
    features: Path = Path("data/features"),
    trunks: Path = Path("models/trunk"),
    mean: Path = Path("data/mean.npz"),
    resized: Path = Path("data/resized"),
    out: Path = Path("models"),
    metrics: Path = Path("metrics/train"),
    plots: Path = Path("plots/train"),
) -> None:
    """Train the model of BACKBONE."""
    settings = params.read(Params)
    check_backbone(backbone)
    runtime.start_keras(settings.runtime)
    how, head = settings.train, settings.head
    sources = InputPaths(dataset, resized, mean, features, trunks)
    with (
        prepare(
            backbone, how.unfreeze, head, how.preprocess, how.batch, settings.augment, settings.runtime, sources
        ) as start,
        learning_curves(plots / backbone, backbone, how.epochs) as watch,
    ):
        learner = start.learner(head, how, settings.runtime)
        kept = learner.kept(learner.learn(settings.lr, watch))
        classifier.save_classifier(out / backbone, start.whole(learner), start.config(head), sources.weights(backbone))
    # in a list, as handling has it: `dvc metrics` leaves lists out, and DVC keeps a run-cache for metrics alone
    write_json(metrics / f"{backbone}.json", {"cells": [kept]})
    accuracy, best, epochs = kept["val_accuracy"], kept["best_epoch"] + 1, kept["epochs"]
    log.info(f"{backbone}: val accuracy {accuracy:.3f} after epoch {best} of {epochs}")


if __name__ == "__main__":
    run(main, "train")
