"""Cells of the grid: heads of several widths, each at several learning rates, on one backbone cut at one place; no files."""

import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.setup import TransferSetup
from webtoon_genre.training.trainer import EpochCallback, HeadParams, Trainer, TrainingParams


@dataclass(frozen=True)
class Trial:
    """units: of the Dense layer. lr: Adam's."""

    units: int
    lr: float

    @property
    def name(self) -> str:
        """Of a file."""
        return f"{self.units}-{self.lr:g}"


@dataclass(frozen=True)
class TrialResult:
    """row: the cell, its validation scores, its epochs and trained parameters. seconds: what it took, which belongs to no version."""

    row: dict[str, Any]
    seconds: float


class TrialRunner:
    """Trains cells one after the other; a cell's outcome does not depend on those before it."""

    def __init__(self, start: TransferSetup, head: HeadParams, schedule: TrainingParams, runtime: Runtime):
        self.start, self.head, self.schedule, self.runtime = start, head, schedule, runtime
        self.learner = lru_cache(1)(self._build)  # a learning rate is no part of the graph: rates share one

    def train(self, cell: Trial, watch: EpochCallback | None = None) -> TrialResult:
        """Train one cell; `watch` is told of each epoch."""
        begun = time.perf_counter()
        learner = self.learner(cell.units)
        kept = learner.kept(learner.learn(cell.lr, watch))
        return TrialResult({**asdict(cell), **kept}, time.perf_counter() - begun)

    def _build(self, units: int) -> Trainer:
        return self.start.learner(self.head.model_copy(update={"units": units}), self.schedule, self.runtime)
