"""Batches of thumbnails for training through a backbone, gathered from memory maps; importing this imports keras."""

import keras
import numpy as np
import pandas as pd

from stages.lib.thumbnails import Resized


class Batches(keras.utils.PyDataset):
    """uint8 (batch, side, side, 3), RGB, and int labels (batch,), shuffled anew each epoch where a seed is given."""

    def __init__(self, resized: Resized, rows: pd.DataFrame, batch: int, seed: int | None):
        super().__init__(workers=1)
        self.resized, self.rows, self.batch, self.seed = resized, rows, batch, seed
        self.epoch = 0
        self.order = np.arange(len(rows))
        self._shuffle()

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch)

    def __getitem__(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.rows.iloc[self.order[place * self.batch : (place + 1) * self.batch]]
        return self.resized.take(chosen), chosen["label"].to_numpy(np.int64)

    def on_epoch_end(self) -> None:
        """Draw the next epoch's order."""
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        if self.seed is not None:
            self.order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.rows))
