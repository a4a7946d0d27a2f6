"""Numbers that a network must not hand on: NaN and infinity in features, activations and weights; one line of error."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from webtoon_genre.core.errors import InputError

if TYPE_CHECKING:
    import keras

REMEDY = "use other weights (pretrained.weights), or runtime.precision float32"


def non_finite(values: np.ndarray) -> str | None:
    """ "nan" or "inf", whichever `values`, floats of any shape, hold; None where all are finite."""
    if np.isfinite(values).all():
        return None
    return "nan" if np.isnan(values).any() else "inf"


def check_batch(arrays: Sequence[np.ndarray], label: str, start: int, images: int) -> None:
    """Raise InputError where the outputs for one batch, each (n, ...), are not finite.

    label: what they are of. start: position of the batch's first image, from 0, among so many `images`.
    """
    for values in arrays:
        if (kind := non_finite(values)) is not None:
            batch = f"{start + 1:,} to {start + len(values):,} of {images:,}"
            raise InputError(f"{label} images {batch}: the backbone's output holds {kind}; {REMEDY}")


def check_weights(model: "keras.Model", origin: str, remedy: str) -> None:
    """Raise InputError with the layer's weight where a weight of `model` is not finite; `origin` says whose weights they are."""
    import keras

    for weight in model.weights:
        if (kind := non_finite(keras.ops.convert_to_numpy(weight))) is not None:
            raise InputError(f"{origin}: the weight {weight.path} holds {kind}; {remedy}")
