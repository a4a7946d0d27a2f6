"""An extractor with statistics that are not trivial, and images, for tests of the engines that compute features."""

import keras
import numpy as np

from webtoon_genre.features.backbone import build_multi_extractor, preprocess_images
from webtoon_genre.features.calibration import calibrate
from webtoon_genre.features.pooling import Pool
from webtoon_genre.reproducibility import runtime

IMAGES = 12


def centred_images(side: int) -> np.ndarray:
    """Noise of several contrasts minus a mean image, float32 (IMAGES, side, side, 3), RGB."""
    generator = np.random.default_rng(0)
    contrasts = np.linspace(5, 60, IMAGES)[:, None, None, None]
    return generator.normal(0, contrasts, (IMAGES, side, side, 3)).astype(np.float32)


def calibrated_extractor(backbone: str, side: int, pools: list[Pool]) -> keras.Model:
    """An extractor of random weights, calibrated on the images."""
    runtime.set_seed(1)
    extractor = build_multi_extractor(backbone, side, pools, "backbone", None)
    calibrate(extractor, preprocess_images(centred_images(side), backbone, "backbone"))
    return extractor
