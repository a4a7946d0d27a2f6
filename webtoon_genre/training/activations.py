"""What crosses a cut for many images, computed once: in memory, or in memory-mapped scratch files where it is larger than allowed."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.core.files import create_memmap
from webtoon_genre.core.progress import track
from webtoon_genre.data.augmentation import AugmentedThumbnails
from webtoon_genre.training.freezing import SplitModel, as_list

MEGABYTE = 1_000_000


@contextmanager
def cached_activations(
    half: SplitModel, images: AugmentedThumbnails, rows: pd.DataFrame, batch: int, memory: int, what: str
) -> Iterator[list[np.ndarray]]:
    """The frozen half's answers to `rows`, (n, ...) for each tensor that crosses; scratch files go with the block.

    batch: images at once. memory: megabytes that may be held; beyond them the answers lie in the folder for temporary
    files (TMPDIR). what: names the progress.
    """
    with tempfile.TemporaryDirectory(prefix="crossing-") as folder:
        scratch = Path(folder) if half.bytes(len(rows)) > memory * MEGABYTE else None
        arrays = [
            allocate((len(rows), *shape), dtype, scratch, place) for place, (shape, dtype) in enumerate(half.crossing)
        ]
        compute_activations(arrays, half, images, rows, batch, what)
        yield arrays


def allocate(shape: tuple[int, ...], dtype: np.dtype, scratch: Path | None, place: int) -> np.ndarray:
    """An array to fill, in a file of `scratch` if there is one."""
    if scratch is None:
        return np.empty(shape, dtype)
    return create_memmap(scratch / f"{place}.npy", dtype, shape)


def compute_activations(
    arrays: Sequence[np.ndarray],
    half: SplitModel,
    images: AugmentedThumbnails,
    rows: pd.DataFrame,
    batch: int,
    what: str,
) -> None:
    """Compute all rows, `batch` at a time."""
    starts = range(0, len(rows), batch)
    for start in track(starts, len(starts), what, "batches"):
        shown = images.take(rows.iloc[start : start + batch])  # uint8 (batch, side, side, 3)
        for array, answer in zip(arrays, as_list(half.frozen.predict_on_batch(shown)), strict=True):
            array[start : start + batch] = answer
