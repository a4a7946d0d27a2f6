"""Trials of the grid: heads of several widths, each at several learning rates, on one backbone and `unfreeze`; no files."""

import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import EpochCallback, Trainer, TrainingParams


@dataclass(frozen=True)
class Trial:
    """units: of the Dense layer. lr: Adam's learning rate."""

    units: int
    lr: float

    @property
    def name(self) -> str:
        """The trial in file names."""
        return f"{self.units}-{self.lr:g}"


@dataclass(frozen=True)
class TrialResult:
    """row: the trial, its validation scores, its epochs and trained parameters. seconds: of training, which belong to no version."""

    row: dict[str, Any]
    seconds: float


class TrialRunner:
    """Runs trials one after the other; the result of a trial does not depend on those before it."""

    def __init__(self, setup: TransferSetup, head: HeadParams, params: TrainingParams, runtime: Runtime, seed: int):
        self.setup, self.head, self.params, self.runtime, self.seed = setup, head, params, runtime, seed
        self.trainer = lru_cache(1)(
            self._trainer
        )  # the learning rate is no part of the graph: all rates share one trainer

    def run(self, trial: Trial, on_epoch_end: EpochCallback | None = None) -> TrialResult:
        """Train one trial."""
        start = time.perf_counter()
        trainer = self.trainer(trial.units)
        best = trainer.best_epoch(trainer.fit(trial.lr, on_epoch_end))
        return TrialResult({**asdict(trial), **best}, time.perf_counter() - start)

    def _trainer(self, units: int) -> Trainer:
        head = self.head.model_copy(update={"units": units})
        return self.setup.trainer(head, self.params, self.runtime, self.seed)
