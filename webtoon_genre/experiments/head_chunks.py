"""Chunks of heads that are trained at once, here or in a worker of a cluster, with equal numbers; no files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from webtoon_genre.experiments.probe import ProbeParams
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.divergence import explain_divergence
from webtoon_genre.training.head import HeadParams
from webtoon_genre.training.losses import Loss
from webtoon_genre.training.stack import HeadStack, HeadTask, Weights


@dataclass(frozen=True)
class HeadChunk:
    """Heads on the same features, with the same loss and number of batches.

    features, loss: positions in the lists of HeadTrainer. classes: of the stack, at least as many as of any head; the last bits may depend
    on it. val, test: row numbers to predict, int (m,), of each head.
    """

    features: int
    loss: int
    classes: int
    tasks: Sequence[HeadTask]
    val: Sequence[np.ndarray]
    test: Sequence[np.ndarray]


@dataclass(frozen=True)
class TrainedHead:
    """Probabilities, float32 (n, k), of val and of test rows, and the weights of a head."""

    val: np.ndarray
    test: np.ndarray
    weights: Weights


@dataclass
class HeadTrainer:
    """Trains chunks. features: each float32 (n, width). backbone: names the features in errors. stacks: of earlier chunks."""

    backbone: str
    params: ProbeParams
    head: HeadParams
    runtime: Runtime
    features: list[np.ndarray]
    losses: list[Loss | None]
    stacks: dict[tuple[int, int, Loss | None], HeadStack] = field(default_factory=dict)

    def train(self, chunk: HeadChunk) -> list[TrainedHead]:
        """Train the heads of a chunk and predict their held-out rows."""
        features, stack = self.features[chunk.features], self._stack(chunk)
        with explain_divergence(self.backbone, "experiments.lr"):
            weights = stack.fit(features, chunk.tasks, self.params.lr)
        val, test = (stack.predict(features, rows) for rows in (chunk.val, chunk.test))
        return [
            TrainedHead(
                val[: len(chunk.val[index]), index, : task.classes],
                test[: len(chunk.test[index]), index, : task.classes],
                weights[index],
            )
            for index, task in enumerate(chunk.tasks)
        ]

    def _stack(self, chunk: HeadChunk) -> HeadStack:
        """A stack for so many heads and classes; one that exists is used again, since tracing takes a second."""
        heads, width, loss = len(chunk.tasks), self.features[chunk.features].shape[1], self.losses[chunk.loss]
        key = (heads, width, loss)
        if key not in self.stacks or self.stacks[key].classes != chunk.classes:
            self.stacks[key] = HeadStack(heads, width, chunk.classes, self.head, self.params, self.runtime, loss)
        return self.stacks[key]

    def build(self, _: Callable[[Path], Path]) -> Callable[[HeadChunk], list[TrainedHead]]:
        """The function of a worker of a cluster; it reads no files, since the features come with this object."""
        start_keras(self.runtime)
        return self.train
