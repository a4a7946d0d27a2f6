"""Batches for training, gathered by row from arrays in memory or on disk; the next batch is read while one is trained on."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from webtoon_genre.core.prefetch import prefetch

# inputs, several of them as a tuple (tf.data takes no lists), and int labels
Batch = tuple[np.ndarray | tuple[np.ndarray, ...], np.ndarray]


class EpochBatches(Protocol):
    """Batches of `batch` rows, so many `steps` an epoch, with so many `bytes` of inputs each."""

    batch: int

    @property
    def steps(self) -> int: ...

    @property
    def bytes(self) -> int: ...

    def epoch(self, number: int, batches_at_once: int = 1) -> Iterator[Batch]: ...


class Batches:
    """Rows `rows`, int (m,), of each of `arrays`, (n, ...), with their labels, int (n,), `batch` at a time; rows may repeat.

    With a seed, rows are shuffled anew for each epoch. Arrays may be memory maps: only the rows of a batch are read.
    """

    def __init__(
        self, arrays: Sequence[np.ndarray], labels: np.ndarray, rows: np.ndarray, batch: int, seed: int | None
    ):
        self.arrays, self.labels, self.rows, self.batch, self.seed = arrays, labels, rows, batch, seed

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.rows) // self.batch)

    @property
    def bytes(self) -> int:
        """Bytes of a batch's inputs."""
        return self.batch * sum(array.dtype.itemsize * int(np.prod(array.shape[1:])) for array in self.arrays)

    def epoch(self, number: int, batches_at_once: int = 1) -> Iterator[Batch]:
        """All rows once, in the order of epoch `number`; several batches may come as one array."""
        order = self.rows
        if self.seed is not None:
            order = np.random.default_rng([self.seed, number]).permutation(order)
        step = batches_at_once * self.batch
        return prefetch(self.gather, (order[start : start + step] for start in range(0, len(order), step)))

    def gather(self, rows: np.ndarray) -> Batch:
        """The inputs and labels of `rows`."""
        inputs = tuple(array[rows] for array in self.arrays)
        return inputs if len(inputs) > 1 else inputs[0], self.labels[rows]
