"""Trials of the grid: heads of several widths, each at several learning rates, on one backbone and `unfreeze`; no files."""

import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.divergence import NotFinite
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import SCORES, EpochCallback, Trainer, TrainingParams


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
    """row: the trial, its validation scores, its epochs and trained parameters. seconds: of training, which belong to no version.

    The row of a trial that ended in NaN or infinity has None for all of these, and the reason under `failed`.
    """

    row: dict[str, Any]
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether training ended in NaN or infinity."""
        return "failed" in self.row


def failed_scores(error: NotFinite) -> dict[str, Any]:
    """The scores of a training run that ended in NaN or infinity: None for each that Trainer.best_epoch gives, and the reason."""
    return {**dict.fromkeys(SCORES), "failed": error.reason}


class TrialRunner:
    """Runs trials one after the other; the result of a trial does not depend on those before it."""

    def __init__(self, setup: TransferSetup, head: HeadParams, params: TrainingParams, runtime: Runtime, seed: int):
        self.setup, self.head, self.params, self.runtime, self.seed = setup, head, params, runtime, seed
        self.trainer = lru_cache(1)(
            self._trainer
        )  # the learning rate is no part of the graph: all rates share one trainer

    def run(self, trial: Trial, on_epoch_end: EpochCallback | None = None) -> TrialResult:
        """Train one trial; one that ends in NaN or infinity is a result too."""
        start = time.perf_counter()
        try:
            trainer = self.trainer(trial.units)
            scores = trainer.best_epoch(trainer.fit(trial.lr, on_epoch_end))
        except NotFinite as error:
            scores = failed_scores(error)
        return TrialResult({**asdict(trial), **scores}, time.perf_counter() - start)

    def _trainer(self, units: int) -> Trainer:
        head = self.head.model_copy(update={"units": units})
        return self.setup.trainer(head, self.params, self.runtime, self.seed)
