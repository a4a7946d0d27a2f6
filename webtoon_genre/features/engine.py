"""The engine that computes features with a frozen extractor, params.yaml: features.engine, and what an engine refuses; no files.

An engine is a module of webtoon_genre/features/engines with `compile_extractor(extractor, runtime)`. Calibration and all training stay
with Keras.
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from webtoon_genre.core.complaints import shown
from webtoon_genre.core.params import ParamsFile, Section
from webtoon_genre.reproducibility.runtime import Runtime

if TYPE_CHECKING:
    import keras

Engine = Literal["tensorflow", "onnxruntime"]
# Images, float32 (n, side, side, 3), RGB minus the mean image → features, one float32 (n, width) for each pooling
Forward = Callable[[np.ndarray], list[np.ndarray]]
NEEDED = {
    "backend": "tensorflow",
    "precision": "float32",
    "xla": False,
}  # of runtime, by engines that run a copy of the extractor


class Features(Section):
    """params.yaml: features."""

    engine: Engine
    batch: int = Field(ge=1)
    calibration_images: int = Field(ge=2)


class EngineParams(ParamsFile):
    """The keys of params.yaml that the computation of features depends on."""

    features: Features
    runtime: Runtime

    @model_validator(mode="after")
    def _engine_fits_the_runtime(self) -> Self:
        engine = self.features.engine
        for key, value in NEEDED.items() if engine != "tensorflow" else ():
            if (actual := getattr(self.runtime, key)) != value:
                raise ValueError(
                    f"features.engine is {engine}, which needs runtime.{key} {shown(value)}; it is {shown(actual)}; "
                    "change one of them"
                )
        return self


def compile_extractor(extractor: "keras.Model", engine: Engine, runtime: Runtime) -> Forward:
    """The forward pass of a feature extractor by an engine."""
    module = importlib.import_module(f"{__package__}.engines.{engine}")
    return module.compile_extractor(extractor, runtime)
