"""Mean and variance of feature columns over many rows, in chunks, so that features may be larger than memory; no files."""

from collections.abc import Callable

import numpy as np

CHUNK_BYTES = 2**26  # of features in memory at once


def column_statistics(
    features: np.ndarray, rows: np.ndarray, dtype: type[np.floating] = np.float32
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, (width,) of `dtype`, over `rows`, int (m,), of `features`, (n, width), which may be a memory map.

    Bit for bit those of `np.mean` and `np.var` over axis 0 of the rows in `dtype`: NumPy adds row after row, and so does this.
    """
    count = dtype(len(rows))
    mean = add_rows(features, rows, dtype, lambda values: values) / count
    return mean, add_rows(features, rows, dtype, lambda values: np.square(values - mean)) / count


def add_rows(
    features: np.ndarray, rows: np.ndarray, dtype: type[np.floating], change: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """The sum over rows of what `change` makes of them, (width,) of `dtype`, added one after the other."""
    step = max(1, CHUNK_BYTES // (features.shape[1] * np.dtype(dtype).itemsize))
    total = np.empty((0, features.shape[1]), dtype)
    for start in range(0, len(rows), step):
        values = change(features[rows[start : start + step]].astype(dtype, copy=False))
        total = np.concatenate([total, values]).sum(axis=0, dtype=dtype)[None]
    return total[0]
