"""One model a backbone: the study's head on a frozen or partly unfrozen trunk, stopped early, the best weights kept.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/trunk/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: models/BACKBONE/, metrics/train/BACKBONE.json, plots/train/BACKBONE/ (learning curves, by DVCLive)
Params: lr, head, train, runtime

With nothing unfrozen only the head is trained, on the features; otherwise images go through the whole model.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from stages.lib import fit, params, runtime, saved, trunk
from stages.lib import mean as means
from stages.lib.command import run
from stages.lib.errors import InputError
from stages.lib.files import replacing_folder, write_json
from stages.lib.fit import Head, Schedule, Watch
from stages.lib.progress import Meter
from stages.lib.runtime import Runtime
from stages.lib.thumbnails import DATASET, Resized, classes, read_features, read_table
from stages.lib.trunk import Preprocess

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


class Train(params.Section, Schedule):
    """params.yaml: train; which other backbones there are is no reason to train this one again."""

    untracked: ClassVar = frozenset({"backbones"})

    backbones: list[str] = Field(min_length=1)
    preprocess: Preprocess
    unfreeze: Literal["all"] | int


class Params(params.File):
    """What this stage reads of params.yaml."""

    lr: float = Field(gt=0)
    head: Head
    train: Train
    runtime: Runtime


def unfreeze(body: "keras.Model", layers: int | Literal["all"]) -> None:
    """Make the last `layers` of the trunk's backbone trainable and freeze the others; batch norm stays in inference mode."""
    core = body.get_layer("core").layers
    count = len(core) if layers == "all" else layers
    if not 0 <= count <= len(core):
        raise InputError(
            f"train.unfreeze is {layers}: this trunk has {len(core)} layers; give 0 to {len(core)}, or all"
        )
    for place, layer in enumerate(core):
        layer.trainable = place >= len(core) - count


def train(
    settings: Params,
    body: "keras.Model",
    mean: np.ndarray,
    features: np.ndarray,
    rows: pd.DataFrame,
    resized: Path,
    watch: Watch,
) -> tuple["keras.Model", pd.DataFrame]:
    """The whole model, trained on the train rows of the dataset, and its history, one row an epoch."""
    labels, sides = rows["label"].to_numpy(np.int64), rows["split"].to_numpy()
    shown, held = np.flatnonzero(sides == "train"), np.flatnonzero(sides == "val")
    count, seed, schedule = len(classes(rows)), settings.runtime.seed, settings.train
    unfreeze(body, schedule.unfreeze)
    if schedule.unfreeze == 0:
        head, history = fit.fit_head(
            features, labels, shown, held, count, settings.head, settings.lr, schedule, seed, watch
        )
        return saved.compose(body, head, mean), history
    from stages.lib.batches import Batches

    runtime.seed(seed)
    head = fit.build_head(features.shape[1], count, settings.head, np.asarray(features[shown]))
    model, images = saved.compose(body, head, mean), Resized(resized)
    batches = Batches(images, rows.iloc[shown], schedule.batch, seed)
    return model, fit.fit(
        model, batches, Batches(images, rows.iloc[held], schedule.batch, None), settings.lr, schedule, watch
    )


def summary(model: "keras.Model", history: pd.DataFrame) -> dict[str, Any]:
    """metrics/train/BACKBONE.json: the epoch that was kept, what it scored, how much was trained."""
    best = history.loc[history["val_accuracy"].idxmax()]
    kept = {name: float(best[name]) for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return {"epochs": len(history), "best_epoch": int(best["epoch"]), "trainable_parameters": trainable, **kept}


@contextmanager
def learning_curves(folder: Path, backbone: str, epochs: int) -> Iterator[Watch]:
    """A watch that logs each epoch for `dvc plots` (DVCLive's tables end in `folder`) and shows progress."""
    from dvclive import Live

    meter = Meter(epochs, backbone, "epochs")
    with tempfile.TemporaryDirectory() as scratch, replacing_folder(folder) as part:
        live = Live(scratch, report=None, save_dvc_exp=False, dvcyaml=None)

        def watch(_: int, measured: dict[str, float]) -> None:
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
    trunk.check(backbone)
    runtime.start_keras(settings.runtime)
    rows, centre = read_table(dataset, DATASET), means.read(mean).image
    table = read_features(features / f"{backbone}.npy", len(rows))
    body = trunk.build(backbone, len(centre), settings.head.pool, settings.train.preprocess, None)
    trunk.load_weights(body, trunks / f"{backbone}.weights.h5")
    with learning_curves(plots / backbone, backbone, settings.train.epochs) as watch:
        model, history = train(settings, body, centre, table, rows, resized, watch)
    config = saved.Config(
        backbone=backbone,
        side=len(centre),
        preprocess=settings.train.preprocess,
        head=settings.head,
        classes=classes(rows),
    )
    saved.save(out / backbone, model, config)
    kept = summary(model, history)
    write_json(metrics / f"{backbone}.json", kept)
    log.info(
        "%s: val accuracy %.3f after epoch %d of %d",
        backbone,
        kept["val_accuracy"],
        kept["best_epoch"] + 1,
        kept["epochs"],
    )


if __name__ == "__main__":
    run(main, "train")
