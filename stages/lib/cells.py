"""Cells of the grid: heads of several widths, each at several learning rates, on one backbone cut at one place; no files."""

import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from stages.lib.fit import Head, Learner, Schedule, Watch
from stages.lib.runtime import Runtime
from stages.lib.transfer import Start


@dataclass(frozen=True)
class Cell:
    """units: of the Dense layer. lr: Adam's."""

    units: int
    lr: float

    @property
    def name(self) -> str:
        """Of a file."""
        return f"{self.units}-{self.lr:g}"


@dataclass(frozen=True)
class Trained:
    """row: the cell, its validation scores, its epochs and trained parameters. seconds: what it took, which belongs to no version."""

    row: dict[str, Any]
    seconds: float


class Trainer:
    """Trains cells one after the other; a cell's outcome does not depend on those before it."""

    def __init__(self, start: Start, head: Head, schedule: Schedule, runtime: Runtime):
        self.start, self.head, self.schedule, self.runtime = start, head, schedule, runtime
        self.learner = lru_cache(1)(self._build)  # a learning rate is no part of the graph: rates share one

    def train(self, cell: Cell, watch: Watch | None = None) -> Trained:
        """Train one cell; `watch` is told of each epoch."""
        begun = time.perf_counter()
        learner = self.learner(cell.units)
        kept = learner.kept(learner.learn(cell.lr, watch))
        return Trained({**asdict(cell), **kept}, time.perf_counter() - begun)

    def _build(self, units: int) -> Learner:
        return self.start.learner(self.head.model_copy(update={"units": units}), self.schedule, self.runtime)
