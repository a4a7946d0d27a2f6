"""The training of probes: one head a seed for each task, many of them at once; no files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from webtoon_genre.cluster import ray_data
from webtoon_genre.core.progress import Meter
from webtoon_genre.evaluation.metrics import HELD_OUT
from webtoon_genre.experiments.head_chunks import HeadChunk, HeadTrainer, TrainedHead
from webtoon_genre.experiments.probe import ExperimentParams, Predictions, ProbeTask
from webtoon_genre.training.losses import Loss
from webtoon_genre.training.stack import HeadStack, HeadTask

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
        self.classes: dict[tuple[int, int, Loss | None], int] = {}  # of the stacks

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
        groups = self._groups(heads)
        results = self._train([[heads[number] for number in numbers] for numbers in groups])
        trained: dict[int, TrainedHead] = {}
        meter = Meter(len(heads), "trained", "heads")
        for numbers, chunk in zip(groups, results, strict=True):
            trained |= dict(zip(numbers, chunk, strict=True))
            meter.step(len(numbers))
        meter.close()
        return [
            merge_seeds([trained[index * len(seeds) + number] for number in range(len(seeds))])
            for index in range(len(runs))
        ]

    def _groups(self, heads: Sequence["Head"]) -> list[list[int]]:
        """Numbers of heads that are trained at once."""
        groups: dict[tuple[int, Loss | None, int], list[int]] = {}
        for number, head in enumerate(heads):
            steps = head.task.steps(self.params.experiments.batch)
            groups.setdefault((id(head.features), head.run.loss, steps), []).append(number)
        return [
            numbers[start : start + AT_ONCE] for numbers in groups.values() for start in range(0, len(numbers), AT_ONCE)
        ]

    def _train(self, groups: Sequence[Sequence["Head"]]) -> Iterator[list[TrainedHead]]:
        """Train groups of heads, here or on a cluster; a single group is not worth the start of a worker."""
        features = {id(group[0].features): group[0].features for group in groups}
        losses = {group[0].run.loss: None for group in groups}
        chunks = [self._chunk(group, list(features), list(losses)) for group in groups]
        params, head = self.params.experiments, self.params.head.with_units(self.params.experiments.units)
        arrays = list(features.values())
        trainer = HeadTrainer(self.params.backbone, params, head, self.params.runtime, arrays, list(losses))
        if self.params.cluster.engine == "local" or len(chunks) == 1:
            trainer.stacks = self.stacks
            return map(trainer.train, chunks)
        trainer.features = [
            np.asarray(array) for array in arrays
        ]  # no memory maps: another machine may not have their files
        job = ray_data.Job(trainer.build, cores=self.params.runtime.intra_op, gpu=True)
        return ray_data.run(job, chunks, self.params.cluster)

    def _chunk(self, heads: Sequence["Head"], features: Sequence[int], losses: Sequence[Loss | None]) -> HeadChunk:
        """The chunk of a group of heads. Its stack has at least the classes of earlier chunks that the same stack trains."""
        array, loss = heads[0].features, heads[0].run.loss
        key = (len(heads), array.shape[1], loss)
        self.classes[key] = max(self.classes.get(key, 0), *(head.task.classes for head in heads))
        tasks = [head.run.task for head in heads]
        return HeadChunk(
            features=features.index(id(array)),
            loss=losses.index(loss),
            classes=self.classes[key],
            tasks=[head.task for head in heads],
            val=[task.val for task in tasks],
            test=[task.test for task in tasks],
        )


@dataclass(frozen=True)
class Head:
    """One head of a run. features: float32 (n, width), with the rows that `vary` adds."""

    run: ProbeRun
    features: np.ndarray
    task: HeadTask


def head_of(run: ProbeRun, index: int, seed: int) -> Head:
    """The head of one seed, the `index`-th."""
    task = run.task if run.vary is None else run.vary(run.task, np.random.default_rng(seed))
    start = None if run.start is None else run.start.heads[index]
    return Head(run, task.features, HeadTask(task.labels, task.train, task.val, len(task.classes), seed, start))


def merge_seeds(heads: Sequence[TrainedHead]) -> Predictions:
    """The predictions of the heads of one task."""
    val, test = (np.stack([getattr(head, split) for head in heads]) for split in HELD_OUT)
    return Predictions(val, test, [head.weights for head in heads])
