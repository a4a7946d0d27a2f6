"""The study's head: pooled features → Dense(relu), Dropout, Dense(softmax); no paths, no files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.features.finite import non_finite
from webtoon_genre.features.pooling import Pool
from webtoon_genre.training.divergence import FEATURES_REMEDY, NotFinite

if TYPE_CHECKING:
    import keras


class HeadParams(Section):
    """params.yaml: head."""

    pool: Pool
    standardise: bool
    units: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class SharedHeadParams(SharedKeys):
    """params.yaml: head, for experiments that choose the units themselves."""

    pool: Pool
    standardise: bool
    dropout: float = Field(ge=0, lt=1)

    def with_units(self, units: int) -> HeadParams:
        """Params of a head with so many units."""
        return HeadParams(pool=self.pool, standardise=self.standardise, units=units, dropout=self.dropout)


def build_head(
    width: int, classes: int, params: HeadParams, statistics: tuple[np.ndarray, np.ndarray] | None
) -> "keras.Model":
    """A head that maps float32 (n, width) to probabilities (n, classes).

    With `standardise`, features are first brought to zero mean and unit variance by `statistics`, their mean and variance, float32
    (width,), over the train rows; None for a head whose weights are loaded. Raises NotFinite where one is not finite.
    """
    import keras

    from webtoon_genre.reproducibility.layers import softmax
    from webtoon_genre.training.layers import Normalization

    inputs = keras.Input((width,), dtype="float32")
    x = inputs
    if params.standardise:
        normalization = Normalization(axis=-1)
        x = normalization(x)
        if statistics is not None:
            check_statistics(statistics)
            normalization.adapt_mean.assign(statistics[0])
            normalization.adapt_variance.assign(statistics[1])
            normalization.finalize_state()
    x = keras.layers.Dense(params.units, activation="relu")(x)
    x = keras.layers.Dropout(params.dropout)(x)
    outputs = keras.layers.Dense(classes, activation=softmax, dtype="float32")(x)  # float32 in mixed precision too
    return keras.Model(inputs, outputs, name="head")


def check_statistics(statistics: Sequence[np.ndarray]) -> None:
    """Raise NotFinite where a mean or variance of the train rows' features, float32 (width,), is NaN or infinite."""
    for name, values in zip(("mean", "variance"), statistics, strict=True):
        if (kind := non_finite(values)) is not None:
            column = int(np.flatnonzero(~np.isfinite(values))[0])
            raise NotFinite(f"the {name} of feature {column} over the train rows is {kind}", FEATURES_REMEDY)
