"""The study's grid, "model handling": unfrozen layers of a backbone × Dense units × learning rate, scored on validation images.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy, models/extractor/BACKBONE.weights.h5, data/mean.npz,
        and data/resized/ where layers are unfrozen
Writes: metrics/handling/BACKBONE.json (a row a trial: unfreeze, units, lr, epochs, trainable parameters, validation scores; of a
        trial whose training ended in NaN or infinity null in their place, and the reason under `failed`);
        in no version: logs/handling/BACKBONE-UNFREEZE.json (seconds a trial), models/.handling/ (checkpoint of a run under way)
Params: handling, head but its units, augment, train.preprocess, seed, memory, runtime, cluster

The activations of the frozen base are computed once for each `unfreeze` and serve all its trials and epochs.
Trials run in this process, in several, or on a Ray cluster, with equal rows. A killed run resumes. Test rows are not read.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from pydantic import Field, PositiveFloat, PositiveInt

from webtoon_genre.cluster import ray_data
from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_json
from webtoon_genre.core.fingerprint import fingerprint
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.augmentation import AugmentParams
from webtoon_genre.features.backbone import Preprocess, check_backbone
from webtoon_genre.grid import processes
from webtoon_genre.grid.checkpoint import Checkpoint
from webtoon_genre.grid.job_spec import RemoteTrials, pack
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.freezing import Unfreeze
from webtoon_genre.training.head import SharedHeadParams
from webtoon_genre.training.setup import InputPaths, prepare
from webtoon_genre.training.trainer import TrainingParams, describe_val_accuracy

log = logging.getLogger(__name__)
NO_EFFECT: Any = {"handling": {"grid", "workers"}, "memory": True, "cluster": True}  # on a result


class Grid(Section):
    """params.yaml: handling.grid. frozen: backbones of which no layer is trained."""

    frozen: list[str]
    unfreeze: list[Unfreeze] = Field(min_length=1)
    units: list[PositiveInt] = Field(min_length=1)
    lr: list[PositiveFloat] = Field(min_length=1)

    def depths(self, backbone: str) -> list[Unfreeze]:
        """How many of a backbone's last layers are trained: one number, or all, for each part of the grid."""
        return [0] if backbone in self.frozen else self.unfreeze

    def trials(self) -> list[Trial]:
        """The trials of one backbone and `unfreeze`."""
        return [Trial(units, lr) for units in self.units for lr in self.lr]


class Handling(Section, TrainingParams):
    """params.yaml: handling; where trials run changes no result."""

    untracked: ClassVar = frozenset({"workers"})

    grid: Grid
    workers: int | None = Field(ge=1)


class Train(SharedKeys):
    """params.yaml: train, the keys that this stage shares."""

    preprocess: Preprocess


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    untracked: ClassVar = frozenset({"memory", "cluster"})

    handling: Handling
    head: SharedHeadParams
    train: Train
    augment: AugmentParams
    seed: int = Field(ge=0)
    memory: int = Field(ge=0)
    runtime: Runtime
    cluster: ClusterParams


def finished_trials(checkpoint: Checkpoint, trials: Sequence[Trial]) -> dict[Trial, TrialResult]:
    """Results of an earlier run that was killed."""
    results = {trial: checkpoint.read(trial.name) for trial in trials}
    return {trial: TrialResult(**result) for trial, result in results.items() if result is not None}


def describe(result: TrialResult) -> str:
    """The outcome of a trial in a few words."""
    row = result.row
    return f"failed: {row['failed']}" if result.failed else f"val accuracy {describe_val_accuracy(row)}"


def outcome(results: Sequence[TrialResult]) -> str:
    """The best trial in a few words, and how many failed."""
    scored = [result for result in results if not result.failed]
    failed = f"{len(results) - len(scored)} of {len(results)} trials failed" if len(scored) < len(results) else ""
    if not scored:
        return f"{failed}: {results[0].row['failed']}"
    best = max(scored, key=lambda result: result.row["val_accuracy"])
    return f"best of {len(results)} trials: {describe(best)}" + f"; {failed}" * bool(failed)


def run_trials(runner: TrialRunner, trials: Sequence[Trial], params: Params) -> Iterator[tuple[Trial, TrialResult]]:
    """Run `trials` where params say, and yield each when it is done."""
    if params.cluster.engine == "local":
        return processes.run(runner, trials, params.handling.workers)
    cores = params.runtime.intra_op
    job = ray_data.Job(RemoteTrials(pack(runner)).build, cores=cores, gpu=True, ordered=False, ahead=0)
    return ray_data.run(job, trials, params.cluster)


def run_depth(backbone: str, layers: Unfreeze, params: Params) -> tuple[list[TrialResult], Checkpoint]:
    """Run the trials of a backbone with its last `layers` layers unfrozen: results in the order of the params, and the checkpoint."""
    handling, inputs, name = params.handling, InputPaths.of(backbone), f"{backbone}-{layers}"
    trials, head = handling.grid.trials(), params.head.with_units(1)
    digest = fingerprint([backbone, str(layers), params.model_dump(exclude=NO_EFFECT)], inputs.files(layers))
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
            for trial, result in run_trials(runner, missing, params):
                results[trial] = result
                checkpoint.write(trial.name, asdict(result))
                meter.step(1, f"{trial.name}: {describe(result)}")
        meter.close()
    write_json(paths.logs("handling", name), {trial.name: results[trial].seconds for trial in trials})
    log.info(f"{name}: {outcome([results[trial] for trial in trials])}")
    return [results[trial] for trial in trials], checkpoint


def main(backbone: str) -> None:
    """Run the trials of BACKBONE."""
    params = read(Params)
    check_backbone(backbone)
    rows: list[dict[str, Any]] = []
    checkpoints = []
    for layers in params.handling.grid.depths(backbone):
        results, checkpoint = run_depth(backbone, layers, params)
        rows += [{"unfreeze": layers, **result.row} for result in results]
        checkpoints.append(checkpoint)
    write_json(paths.metrics("handling", backbone), {"cells": rows})
    for checkpoint in checkpoints:  # only now, so that a run that is killed resumes with all finished trials
        checkpoint.clear()


if __name__ == "__main__":
    run(main, "handling")
