"""The study's grid, "model handling": unfrozen layers of a backbone × Dense units × learning rate, scored on validation images.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/extractor/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: metrics/handling/BACKBONE-UNFREEZE.json (a row a trial: units, lr, epochs, trainable parameters, validation scores);
        in no version: logs/handling/BACKBONE-UNFREEZE.json (seconds a trial), models/.handling/ (checkpoint of a run under way)
Params: handling, head but its units, augment, train.preprocess, seed, memory, runtime

One run is one backbone and one `unfreeze`: the activations of the frozen base are computed once and serve all trials and epochs.
Trials run in this process, in several, or on a Ray cluster, with equal rows. A killed run resumes. Test rows are not read.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.grid import processes, ray_cluster
from webtoon_genre.grid.checkpoint import Checkpoint, fingerprint
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.head import SharedHeadParams
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import TrainingParams

log = logging.getLogger(__name__)
NO_EFFECT: Any = {"handling": {"grid", "grids", "engine", "address", "workers"}, "memory": True}  # on a result


class Grid(Section):
    """params.yaml: handling.grid, and each of handling.grids; a run is one backbone and `unfreeze` and depends on no other."""

    untracked: ClassVar = frozenset({"backbones", "unfreeze"})

    backbones: list[str] = Field(min_length=1)
    unfreeze: list[Unfreeze] = Field(min_length=1)
    units: list[int] = Field(min_length=1)
    lr: list[float] = Field(min_length=1)

    def trials(self) -> list[Trial]:
        """The trials of one run."""
        return [Trial(units, lr) for units in self.units for lr in self.lr]


class Handling(Section, TrainingParams):
    """params.yaml: handling; where trials run changes no result."""

    untracked: ClassVar = frozenset({"grids", "engine", "address", "workers"})

    grids: dict[str, Grid]
    grid: Grid
    engine: Literal["local", "ray"]
    address: str | None
    workers: int | None = Field(ge=1)

    @model_validator(mode="after")
    def _has_address(self) -> "Handling":
        if self.engine == "ray" and self.address is None:
            raise ValueError("engine ray needs handling.address, the cluster's host:port")
        return self


class Train(SharedKeys):
    """params.yaml: train, the keys that this stage shares."""

    preprocess: Preprocess


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    untracked: ClassVar = frozenset({"memory"})

    handling: Handling
    head: SharedHeadParams
    train: Train
    augment: AugmentParams
    seed: int = Field(ge=0)
    memory: int = Field(ge=0)
    runtime: Runtime


def parse_unfreeze(text: str) -> Unfreeze:
    """UNFREEZE of the command line: all, or a number of layers."""
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise InputError(f"UNFREEZE is {text!r}; give a number of layers, or all")
    return int(text)


def rows(results: dict[Trial, TrialResult], trials: Sequence[Trial]) -> dict[str, Any]:
    """metrics/handling/BACKBONE-UNFREEZE.json, in the order of the params."""
    return {"cells": [results[trial].row for trial in trials]}


def finished_trials(checkpoint: Checkpoint, trials: Sequence[Trial]) -> dict[Trial, TrialResult]:
    """Results of an earlier run that was killed."""
    results = {trial: checkpoint.read(trial.name) for trial in trials}
    return {trial: TrialResult(**result) for trial, result in results.items() if result is not None}


def run_trials(
    runner: TrialRunner, trials: Sequence[Trial], handling: Handling, name: str
) -> Iterator[tuple[Trial, TrialResult]]:
    """Run `trials` where params say."""
    if handling.engine == "ray" and handling.address is not None:
        return ray_cluster.run(runner, trials, handling.address, name)
    return processes.run(runner, trials, handling.workers)


def main(backbone: str, unfreeze: str) -> None:
    """Run the trials of BACKBONE with its last UNFREEZE layers (a number, or all) unfrozen."""
    params, layers, name = read(Params), parse_unfreeze(unfreeze), f"{backbone}-{unfreeze}"
    check_backbone(backbone)
    handling, inputs = params.handling, InputPaths.of(backbone)
    trials, head = handling.grid.trials(), params.head.with_units(1)
    digest = fingerprint([backbone, unfreeze, params.model_dump(exclude=NO_EFFECT)], inputs.files(layers))
    checkpoint = Checkpoint(paths.CHECKPOINTS / name, digest)
    results = finished_trials(checkpoint, trials)
    if missing := [trial for trial in trials if trial not in results]:
        start_keras(params.runtime)
        meter = Meter(len(trials), name, "trials")
        meter.step(len(results))
        with prepare(
            backbone,
            layers,
            head,
            params.train.preprocess,
            handling.batch,
            params.augment,
            params.runtime,
            params.memory,
            inputs,
        ) as setup:
            runner = TrialRunner(setup, head, handling, params.runtime, params.seed)
            for trial, result in run_trials(runner, missing, handling, digest):
                results[trial] = result
                checkpoint.write(trial.name, asdict(result))
                meter.step(1, f"{trial.name}: val accuracy {result.row['val_accuracy']:.3f}")
        meter.close()
    write_json(paths.metrics("handling", name), rows(results, trials))
    write_json(paths.logs("handling", name), {trial.name: results[trial].seconds for trial in trials})
    checkpoint.clear()
    best = max(results.values(), key=lambda result: result.row["val_accuracy"]).row
    log.info(f"{name}: best of {len(trials)} trials: val accuracy {best['val_accuracy']:.3f}")


if __name__ == "__main__":
    run(main, "handling")
