"""The training of probes: one head a seed for each task, many of them at once; no files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from webtoon_genre.core.progress import Meter
from webtoon_genre.evaluation.metrics import HELD_OUT
from webtoon_genre.experiments.probe import ExperimentParams, Predictions, ProbeTask
from webtoon_genre.training.divergence import explain_divergence
from webtoon_genre.training.losses import Loss
from webtoon_genre.training.stack import HeadStack, HeadTask, Weights

AT_ONCE = 8  # heads; measured on two cores, 8 cost 3.5 times one, and 90 cost 48 times: their weights leave the processor's cache


@dataclass(frozen=True)
class ProbeRun:
    """A task and how its heads are trained.

    start: of heads for other labels, from whose layers, all but the last, these heads start. vary: returns the task with other train
    rows, for each seed.
    """

    task: ProbeTask
    loss: Loss | None = None
    start: Predictions | None = None
    vary: Callable[[ProbeTask, np.random.Generator], ProbeTask] | None = None


class Probe:
    """Trains one head a seed for each task and predicts; several heads on the same features, with the same loss and number of batches, are
    trained at once.
    """

    def __init__(self, params: ExperimentParams):
        self.params = params
        self.stacks: dict[tuple[int, int, Loss | None], HeadStack] = {}

    def fit_predict(
        self,
        task: ProbeTask,
        loss: Loss | None = None,
        start: Predictions | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Predictions:
        """Train heads and predict the held-out rows of `task`; seeds: None for all of `experiments.seeds`."""
        return self.fit_predict_all([ProbeRun(task, loss, start)], seeds)[0]

    def fit_predict_all(self, runs: Sequence[ProbeRun], seeds: Sequence[int] | None = None) -> list[Predictions]:
        """The same for several tasks."""
        seeds = list(seeds or self.params.experiments.seeds)
        heads = [head_of(run, index, seed) for run in runs for index, seed in enumerate(seeds)]
        groups: dict[tuple[int, Loss | None, int], list[int]] = {}
        for number, head in enumerate(heads):
            steps = head.task.steps(self.params.experiments.batch)
            groups.setdefault((id(head.features), head.run.loss, steps), []).append(number)
        trained: dict[int, TrainedHead] = {}
        meter = Meter(len(heads), "trained", "heads")
        for numbers in groups.values():
            for start in range(0, len(numbers), AT_ONCE):
                chunk = numbers[start : start + AT_ONCE]
                trained |= dict(zip(chunk, self._train([heads[number] for number in chunk]), strict=True))
                meter.step(len(chunk))
        meter.close()
        return [
            merge_seeds([trained[index * len(seeds) + number] for number in range(len(seeds))])
            for index in range(len(runs))
        ]

    def _train(self, heads: Sequence["Head"]) -> list["TrainedHead"]:
        """Train heads on the same features at once."""
        features, stack = heads[0].features, self._stack(heads)
        with explain_divergence(self.params.backbone, "experiments.lr"):
            weights = stack.fit(features, [head.task for head in heads], self.params.experiments.lr)
        tasks = [head.run.task for head in heads]
        val, test = (stack.predict(features, rows) for rows in ([t.val for t in tasks], [t.test for t in tasks]))
        return [
            TrainedHead(
                val[: len(task.val), index, : len(task.classes)],
                test[: len(task.test), index, : len(task.classes)],
                weights[index],
            )
            for index, task in enumerate(tasks)
        ]

    def _stack(self, heads: Sequence["Head"]) -> HeadStack:
        """A stack for so many heads; one that was made for at least as many classes is used again, since tracing takes a second."""
        width, loss = heads[0].features.shape[1], heads[0].run.loss
        classes, key = max(head.task.classes for head in heads), (len(heads), width, loss)
        if key not in self.stacks or self.stacks[key].classes < classes:
            params = self.params.experiments
            head = self.params.head.with_units(params.units)
            self.stacks[key] = HeadStack(len(heads), width, classes, head, params, self.params.runtime, loss)
        return self.stacks[key]


@dataclass(frozen=True)
class Head:
    """One head of a run. features: float32 (n, width), with the rows that `vary` adds."""

    run: ProbeRun
    features: np.ndarray
    task: HeadTask


@dataclass(frozen=True)
class TrainedHead:
    """Probabilities, float32 (n, k), of val and of test rows, and the weights of a head."""

    val: np.ndarray
    test: np.ndarray
    weights: Weights


def head_of(run: ProbeRun, index: int, seed: int) -> Head:
    """The head of one seed, the `index`-th."""
    task = run.task if run.vary is None else run.vary(run.task, np.random.default_rng(seed))
    start = None if run.start is None else run.start.heads[index]
    return Head(run, task.features, HeadTask(task.labels, task.train, task.val, len(task.classes), seed, start))


def merge_seeds(heads: Sequence[TrainedHead]) -> Predictions:
    """The predictions of the heads of one task."""
    val, test = (np.stack([getattr(head, split) for head in heads]) for split in HELD_OUT)
    return Predictions(val, test, [head.weights for head in heads])
