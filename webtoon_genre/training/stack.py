"""Many heads trained at once on the same features: one batched matrix product for all, in place of a small one for each; no files.

Every head has its own rows, labels, seed, early stopping and best weights, as if it was trained alone: its numbers do not depend on the
other heads. Heads trained at once have the same number of batches in an epoch, all of them full: some rows of the last one are
repeated. Weights are those of head.build_head without Keras's random streams: Glorot's uniform initialisation (2010), inverted dropout.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from webtoon_genre.core.prefetch import prefetch
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.column_statistics import column_statistics
from webtoon_genre.training.divergence import NotFinite, check_inputs, check_metrics, check_trained
from webtoon_genre.training.head import HeadParams, check_statistics
from webtoon_genre.training.loop import EpochLoop
from webtoon_genre.training.losses import Loss
from webtoon_genre.training.trainer import TrainingParams

NEVER = -1e9  # a bias whose softmax is 0
CHUNK_BYTES = 2**26  # of features gathered at once for predictions
Weights = list[
    np.ndarray
]  # mean, variance (width,); kernel (width, units), bias (units,); kernel (units, classes), bias (classes,)


@dataclass(frozen=True)
class HeadTask:
    """What one head learns. labels: int (n,), of the features' rows. train, val: row numbers, int (m,), of which `train` may repeat some.

    start: weights of a head for other labels, from which all but the last layer start.
    """

    labels: np.ndarray
    train: np.ndarray
    val: np.ndarray
    classes: int
    seed: int
    start: Weights | None = None

    def steps(self, batch: int) -> int:
        """Batches of so many rows in an epoch."""
        return -(-len(self.train) // batch)


class StackedBatches:
    """Batches of all heads: features (m, heads, width) with the dropout's factors (m, heads, units) after them, and labels (m, heads)."""

    def __init__(self, features: np.ndarray, tasks: Sequence[HeadTask], batch: int, head: HeadParams):
        self.features, self.tasks, self.batch, self.head = features, tasks, batch, head
        self.labels = np.stack([task.labels for task in tasks])
        assert len({task.steps(batch) for task in tasks}) == 1

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.tasks[0].steps(self.batch)

    @property
    def bytes(self) -> int:
        """Bytes of a batch's inputs."""
        return self.batch * len(self.tasks) * (self.features.shape[1] + self.head.units) * 4

    def epoch(self, number: int, batches_at_once: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The rows of epoch `number`; several batches may come as one array."""
        orders = np.stack([self.order(task, number) for task in self.tasks], axis=1)  # (steps x batch, heads)
        generators = [np.random.default_rng([task.seed, number, 1]) for task in self.tasks]
        step = batches_at_once * self.batch

        def gather(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            factors = np.stack([self.dropout(generator, len(rows)) for generator in generators], axis=1)
            return join(self.features, rows, factors), self.labels[np.arange(len(self.tasks)), rows]

        return prefetch(gather, (orders[start : start + step] for start in range(0, len(orders), step)))

    def order(self, task: HeadTask, number: int) -> np.ndarray:
        """The rows of one head in epoch `number`, int (steps x batch,): all of them, shuffled, and some again."""
        return np.resize(np.random.default_rng([task.seed, number]).permutation(task.train), self.steps * self.batch)

    def dropout(self, generator: np.random.Generator, rows: int) -> np.ndarray:
        """Factors of the hidden units, float32 (rows, units): 0, or 1 / (1 - rate)."""
        rate = np.float32(self.head.dropout)
        return (generator.random((rows, self.head.units), np.float32) >= rate) / (1 - rate)


def join(features: np.ndarray, rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """One input of the stack, float32 (m, heads, width + units): features of `rows`, int (m, heads), and the hidden units' factors."""
    return np.concatenate([features[rows], factors], axis=2)


class HeadStack:
    """So many heads of the same width, units and loss, and of at most so many classes; `fit` trains all of them anew."""

    def __init__(
        self,
        heads: int,
        width: int,
        classes: int,
        head: HeadParams,
        params: TrainingParams,
        runtime: Runtime,
        loss: Loss | None = None,
    ):
        import keras

        from webtoon_genre.training.layers import StackedLoss, build_stack

        self.width, self.classes, self.head, self.params = width, classes, head, params
        self.model = build_stack(heads, width, head.units, classes)
        self.model.compile(keras.optimizers.Adam(), StackedLoss(loss), metrics=["accuracy"], jit_compile=runtime.xla)
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.compute_metrics(None, np.zeros((1, heads), int), np.zeros((1, heads, classes)))  # see Trainer
        self.loop = EpochLoop(self.model, short=True)

    def fit(self, features: np.ndarray, tasks: Sequence[HeadTask], lr: float) -> list[Weights]:
        """Train a head for each task: the weights of its best epoch by accuracy on its val rows.

        features: float32 (n, width). Raises NotFinite as Trainer.fit does.
        """
        batches = StackedBatches(features, tasks, self.params.batch, self.head)
        self._set_weights([self._initial(features, task) for task in tasks])
        self.model.optimizer.learning_rate = lr
        best, accuracies, weights = np.full(len(tasks), -1), np.full(len(tasks), -1.0), self._weights(tasks)
        for epoch in range(self.params.epochs):
            check_epoch(self.loop.epoch(batches, epoch, train=True), features, tasks, epoch, lr)
            scores = self._val_accuracies(features, tasks)
            better = (scores > accuracies) & (epoch - best <= self.params.patience)
            current = self._weights(tasks) if better.any() else []
            for index in np.flatnonzero(better):
                best[index], accuracies[index], weights[index] = epoch, scores[index], current[index]
                check_trained(weights[index], epoch, lr)
            if (epoch - best >= self.params.patience).all():
                break
        self._set_weights(weights)
        return weights

    def predict(self, features: np.ndarray, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities of each head's `rows`, int (m,), by the weights that `fit` restored: float32 (most rows, heads, classes).

        A head with fewer rows than another one, or fewer classes, has meaningless values after its own.
        """
        length = max(map(len, rows))
        padded = np.stack([np.resize(numbers, length) for numbers in rows], axis=1)  # (length, heads)
        chunk = max(1, CHUNK_BYTES // (len(rows) * (self.width + self.head.units) * 4))
        parts = [self._predict(features, padded[start : start + chunk]) for start in range(0, length, chunk)]
        return np.concatenate(parts)

    def _predict(self, features: np.ndarray, rows: np.ndarray) -> np.ndarray:
        ones = np.ones((*rows.shape, self.head.units), np.float32)
        return np.asarray(self.model.predict_on_batch(join(features, rows, ones)))

    def _val_accuracies(self, features: np.ndarray, tasks: Sequence[HeadTask]) -> np.ndarray:
        predicted = self.predict(features, [task.val for task in tasks]).argmax(axis=2)
        hits = [predicted[: len(task.val), index] == task.labels[task.val] for index, task in enumerate(tasks)]
        return np.array([head_hits.mean() for head_hits in hits])

    def _initial(self, features: np.ndarray, task: HeadTask) -> Weights:
        units = self.head.units
        if task.start is not None:
            return [*task.start[:4], *dense(units, task.classes, 2 * task.seed + 1)]
        first = dense(self.width, units, 2 * task.seed)
        return [*self._statistics(features, task), *first, *dense(units, task.classes, 2 * task.seed + 1)]

    def _statistics(self, features: np.ndarray, task: HeadTask) -> Weights:
        """Mean and variance of the train rows' features, float32 (width,)."""
        if not self.head.standardise:
            return [np.zeros(self.width, np.float32), np.ones(self.width, np.float32)]
        with np.errstate(over="ignore", invalid="ignore"):  # checked next
            exact = column_statistics(features, task.train, np.float64)
            statistics = [values.astype(np.float32) for values in exact]
        check_statistics(statistics)
        return statistics

    def _weights(self, tasks: Sequence[HeadTask]) -> list[Weights]:
        """The weights of each head."""
        *first, kernels, biases = self.model.get_weights()
        return [
            [*(array[index] for array in first), kernels[index, :, : task.classes], biases[index, : task.classes]]
            for index, task in enumerate(tasks)
        ]

    def _set_weights(self, weights: Sequence[Weights]) -> None:
        """Set the weights of all heads and clear the optimizer; classes that a head does not have get a probability of 0."""
        arrays = [np.stack(values) for values in zip(*(head[:4] for head in weights), strict=True)]
        kernels = np.zeros((len(weights), self.head.units, self.classes), np.float32)
        biases = np.full((len(weights), self.classes), NEVER, np.float32)
        for index, (*_, kernel, bias) in enumerate(weights):
            kernels[index, :, : len(bias)], biases[index, : len(bias)] = kernel, bias
        self.model.set_weights([*arrays, kernels, biases])
        for variable in self.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))


def check_epoch(
    metrics: dict[str, float], features: np.ndarray, tasks: Sequence[HeadTask], epoch: int, lr: float
) -> None:
    """Raise NotFinite where an epoch's loss is not finite, with the first train row whose features are not, if there is one."""
    try:
        check_metrics(metrics, epoch, lr)
    except NotFinite:
        check_inputs([features], np.unique(np.concatenate([task.train for task in tasks])))
        raise


def dense(inputs: int, outputs: int, seed: int) -> Weights:
    """Kernel and bias of a Dense layer before training: Glorot's uniform distribution, and zeros."""
    import keras

    return [
        np.asarray(keras.initializers.GlorotUniform(seed)((inputs, outputs))),
        np.zeros(outputs, np.float32),
    ]
