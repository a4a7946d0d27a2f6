"""Features by Keras itself, on a GPU if there is one; with `runtime.instructions: portable` equal bits on every x86-64 machine."""

from typing import TYPE_CHECKING

import numpy as np

from webtoon_genre.features.engine import Forward
from webtoon_genre.reproducibility.runtime import Runtime

if TYPE_CHECKING:
    import keras


def compile_extractor(extractor: "keras.Model", runtime: Runtime) -> Forward:
    """The forward pass of the extractor, by XLA where `runtime.xla` says so."""
    extractor.jit_compile = runtime.xla

    def forward(images: np.ndarray) -> list[np.ndarray]:
        features = extractor.predict_on_batch(images)
        return features if isinstance(features, list) else [features]

    return forward
