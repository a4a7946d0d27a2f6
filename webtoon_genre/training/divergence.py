"""Training that ends in NaN or infinity: the exception, and the line of error that a stage makes of it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.finite import non_finite

FEATURES_REMEDY = "make the features anew: `dvc repro --force features`"
CHUNK = 4096  # rows in memory at once in `check_inputs`


class NotFinite(InputError):  # noqa: N818  (it names the number, as BadImage does the image)
    """A loss, a weight or a feature that is NaN or infinite; `remedy` is None where a lower learning rate is the remedy."""

    def __init__(self, reason: str, remedy: str | None = None):
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@contextmanager
def explain_divergence(backbone: str, lr: str) -> Iterator[None]:
    """Make a NotFinite one line with the backbone and what to do; `lr` is the key of the learning rate in params.yaml."""
    try:
        yield
    except NotFinite as error:
        raise InputError(f"{backbone}: {error.reason}; {error.remedy or f'lower {lr}'}") from None


def check_metrics(metrics: Mapping[str, float], epoch: int, lr: float) -> None:
    """Raise NotFinite where a metric of an epoch, counted from 0, is not finite."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise NotFinite(f"{name} is {value} in epoch {epoch + 1} at the learning rate {lr:g}")


def check_trained(weights: Sequence[np.ndarray], epoch: int, lr: float) -> None:
    """Raise NotFinite where a weight after an epoch, counted from 0, is not finite."""
    for values in weights:
        if (kind := non_finite(values)) is not None:
            raise NotFinite(f"a weight is {kind} after epoch {epoch + 1} at the learning rate {lr:g}")


def check_inputs(arrays: Sequence[np.ndarray], rows: np.ndarray) -> None:
    """Raise NotFinite where inputs of the model, each (n, ...), are not finite in one of `rows`, int (m,); they may be memory maps."""
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        for array in arrays:
            finite = np.isfinite(array[chunk]).reshape(len(chunk), -1).all(axis=1)
            if not finite.all():
                raise NotFinite(f"row {chunk[~finite][0] + 1} of the features is not finite", FEATURES_REMEDY)
