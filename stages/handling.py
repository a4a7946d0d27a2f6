"""The study's grid, "model handling": how much of a backbone is trained, how wide the head is, how fast it learns.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/trunk/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: metrics/handling/BACKBONE-UNFREEZE.json (a row a cell: units, lr, epochs, trainable parameters, validation scores);
        in no version: logs/handling/BACKBONE-UNFREEZE.json (seconds a cell), models/.handling/ (finished cells of a run under way)
Params: handling, head but its units, augment, train.preprocess, runtime

One run is one backbone and one cut: what crosses it is computed once and serves all cells and epochs. Cells run in this process, in
several, or on a Ray cluster: their rows are equal. Killed, it goes on with the cells that were not finished. No test row is looked at.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.grid import processes, ray_cluster
from webtoon_genre.grid.checkpoint import Checkpoint, fingerprint
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner
from webtoon_genre.reproducibility import runtime
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import SharedHeadParams, TrainingParams

log = logging.getLogger(__name__)


class Grid(params.Section):
    """params.yaml: handling.grid, and each of handling.grids; a stage is one backbone and cut, so it runs again for its cells alone."""

    untracked: ClassVar = frozenset({"backbones", "unfreeze"})

    backbones: list[str] = Field(min_length=1)
    unfreeze: list[Unfreeze] = Field(min_length=1)
    units: list[int] = Field(min_length=1)
    lr: list[float] = Field(min_length=1)

    def cells(self) -> list[Trial]:
        """Of one backbone and cut."""
        return [Trial(units, lr) for units in self.units for lr in self.lr]


class Handling(params.Section, TrainingParams):
    """params.yaml: handling; where cells run changes nothing in what they give."""

    untracked: ClassVar = frozenset({"grids", "engine", "address", "workers"})

    grids: dict[str, Grid]
    grid: Grid
    engine: Literal["local", "ray"]
    address: str | None
    workers: int | None = Field(ge=1)

    @model_validator(mode="after")
    def _addressed(self) -> "Handling":
        if self.engine == "ray" and self.address is None:
            raise ValueError("engine ray needs handling.address, the cluster's host:port")
        return self


class Train(params.SharedKeys):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    handling: Handling
    head: SharedHeadParams
    train: Train
    augment: AugmentParams
    runtime: Runtime


def unfrozen(text: str) -> Unfreeze:
    """Of the command line: all, or a number of layers."""
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise InputError(f"UNFREEZE is {text!r}; give a number of layers, or all")
    return int(text)


def rows(trained: dict[Trial, TrialResult], cells: Sequence[Trial]) -> dict[str, Any]:
    """metrics/handling/BACKBONE-UNFREEZE.json, in the order of the params."""
    return {"cells": [trained[cell].row for cell in cells]}


def recalled(kept: Checkpoint, cells: Sequence[Trial]) -> dict[Trial, TrialResult]:
    """Cells that an earlier run finished."""
    found = {cell: kept.read(cell.name) for cell in cells}
    return {cell: TrialResult(**value) for cell, value in found.items() if value is not None}


def engine(
    trainer: TrialRunner, cells: Sequence[Trial], how: Handling, whole: str
) -> Iterator[tuple[Trial, TrialResult]]:
    """Train `cells` where params say."""
    if how.engine == "ray" and how.address is not None:
        return ray_cluster.run(trainer, cells, how.address, whole)
    return processes.run(trainer, cells, how.workers)


def main(backbone: str, unfreeze: str) -> None:
    """Train the cells of BACKBONE with its last UNFREEZE layers (a number, or all) unfrozen."""
    settings, layers, name = params.read(Params), unfrozen(unfreeze), f"{backbone}-{unfreeze}"
    check_backbone(backbone)
    how, sources = (
        settings.handling,
        InputPaths(paths.DATASET, paths.RESIZED, paths.MEAN, paths.FEATURES, paths.EXTRACTORS),
    )
    cells, head = how.grid.cells(), settings.head.of(1)
    shared = settings.model_dump(exclude={"handling": {"grid", "grids", "engine", "address", "workers"}})
    whole = fingerprint([backbone, unfreeze, shared], sources.files(backbone, layers))
    kept = Checkpoint(paths.CHECKPOINTS / name, whole)
    trained = recalled(kept, cells)
    if left := [cell for cell in cells if cell not in trained]:
        runtime.start_keras(settings.runtime)
        meter = Meter(len(cells), name, "cells")
        meter.step(len(trained))
        preprocess = settings.train.preprocess
        with prepare(
            backbone, layers, head, preprocess, how.batch, settings.augment, settings.runtime, sources
        ) as start:
            for cell, each in engine(TrialRunner(start, head, how, settings.runtime), left, how, whole):
                trained[cell] = each
                kept.write(cell.name, asdict(each))
                meter.step(1, f"{cell.name}: val accuracy {each.row['val_accuracy']:.3f}")
        meter.close()
    write_json(paths.metrics("handling", name), rows(trained, cells))
    write_json(paths.logs("handling", name), {cell.name: trained[cell].seconds for cell in cells})
    kept.forget()
    best = max(trained.values(), key=lambda each: each.row["val_accuracy"]).row
    log.info(f"{name}: best of {len(cells)} cells: val accuracy {best['val_accuracy']:.3f}")


if __name__ == "__main__":
    run(main, "handling")
