"""A feature extractor as a picklable specification, from which workers of a cluster build an equal one; no paths."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.data.augmentation import AugmentedThumbnails, AugmentParams
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.features.backbone import Preprocess, build_extractor
from webtoon_genre.features.engine import Engine, compile_extractor
from webtoon_genre.features.extraction import extract_batches
from webtoon_genre.features.pooling import Pool
from webtoon_genre.reproducibility.runtime import Runtime, start_keras


@dataclass(frozen=True)
class ExtractorSpec:
    """What a worker extracts features with. weights: of the extractor, calibrated, in Keras's order. folder: of the resized thumbnails.

    mean: float32 (side, side, 3), RGB.
    """

    backbone: str
    pool: Pool
    preprocess: Preprocess
    weights: list[np.ndarray]
    mean: np.ndarray
    folder: Path
    augment: AugmentParams
    engine: Engine
    runtime: Runtime

    def build(self, locate: Callable[[Path], Path]) -> Callable[[pd.DataFrame], list[np.ndarray]]:
        """The function from a batch of rows to its features; Keras starts with the runtime of the stage."""
        start_keras(self.runtime)
        extractor = build_extractor(self.backbone, len(self.mean), self.pool, self.preprocess, None)
        extractor.set_weights(self.weights)
        forward = compile_extractor(extractor, self.engine, self.runtime)
        images = AugmentedThumbnails(ThumbnailStore(self.folder, locate), self.augment)
        return lambda rows: next(extract_batches(forward, images, self.mean, [rows]))
