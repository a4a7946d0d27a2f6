"""Batches for training, gathered row by row from arrays in memory or on disk, the next while one is trained on."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

Batch = tuple[np.ndarray | list[np.ndarray], np.ndarray]  # inputs, int labels


class Batches:
    """Rows `rows`, int (m,), of each of `arrays`, (n, ...), with their labels, int (n,), `batch` at a time; a row may stand there twice.

    Where a seed is given they are shuffled anew for each epoch. Arrays may be memory maps: only the rows of a batch are read.
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
        """Of a batch's inputs."""
        return self.batch * sum(array.dtype.itemsize * int(np.prod(array.shape[1:])) for array in self.arrays)

    def epoch(self, number: int, at_once: int = 1) -> Iterator[Batch]:
        """All rows once, so many batches at a time, those of each after the other."""
        order = self.rows
        if self.seed is not None:
            order = np.random.default_rng([self.seed, number]).permutation(order)
        step = at_once * self.batch
        parts = [order[place : place + step] for place in range(0, len(order), step)]
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self.gather, parts[0])
            for part in [*parts[1:], None]:
                ready = coming.result()
                if part is not None:
                    coming = ahead.submit(self.gather, part)
                yield ready

    def gather(self, rows: np.ndarray) -> Batch:
        """One batch."""
        inputs = [array[rows] for array in self.arrays]
        return inputs if len(inputs) > 1 else inputs[0], self.labels[rows]
