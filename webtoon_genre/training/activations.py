"""Activations of the frozen base, computed once for all images: in memory, or in memory-mapped scratch files where they are larger."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.core.files import create_memmap
from webtoon_genre.core.prefetch import prefetch
from webtoon_genre.core.progress import track
from webtoon_genre.data.augmentation import AugmentedThumbnails
from webtoon_genre.features.finite import check_batch
from webtoon_genre.training.freezing import SplitModel, as_list

MEGABYTE = 1_000_000


@contextmanager
def cached_activations(
    model: SplitModel, images: AugmentedThumbnails, rows: pd.DataFrame, batch: int, memory: int, label: str
) -> Iterator[list[np.ndarray]]:
    """Compute the base's output for `rows`, (n, ...) for each tensor; scratch files are removed at the end of the block.

    batch: images at once. memory: megabytes that the activations may take; larger ones go to the folder for temporary files
    (TMPDIR). label: names the progress.
    """
    with tempfile.TemporaryDirectory(prefix="activations-") as folder:
        scratch = Path(folder) if model.bytes(len(rows)) > memory * MEGABYTE else None
        arrays = [
            allocate((len(rows), *shape), dtype, scratch, index)
            for index, (shape, dtype) in enumerate(model.activations)
        ]
        compute_activations(arrays, model, images, rows, batch, label)
        yield arrays


def allocate(shape: tuple[int, ...], dtype: np.dtype, scratch: Path | None, index: int) -> np.ndarray:
    """An array to fill, in a file of the folder `scratch` if there is one."""
    if scratch is None:
        return np.empty(shape, dtype)
    return create_memmap(scratch / f"{index}.npy", dtype, shape)


def compute_activations(
    arrays: Sequence[np.ndarray],
    model: SplitModel,
    images: AugmentedThumbnails,
    rows: pd.DataFrame,
    batch: int,
    label: str,
) -> None:
    """Fill `arrays` with the base's output for all rows, `batch` images at a time; InputError where it is not finite."""
    starts = range(0, len(rows), batch)
    pixels = prefetch(
        lambda start: images.take(rows.iloc[start : start + batch]), starts
    )  # uint8 (batch, side, side, 3)
    for start, inputs in track(zip(starts, pixels, strict=True), len(starts), label, "batches"):
        outputs = as_list(model.base.predict_on_batch(inputs))
        check_batch(outputs, f"{label} of", start, len(rows))
        for array, values in zip(arrays, outputs, strict=True):
            array[start : start + batch] = values
