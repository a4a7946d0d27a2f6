"""Centred images in memory, for tests of extractors."""

import numpy as np

SIDE = 80  # pixels; every backbone takes it


def smooth_images(count: int) -> np.ndarray:
    """float32 (count, SIDE, SIDE, 3), about [-128, 128]; smooth, so that channels of feature maps differ."""
    noise = np.random.default_rng(5).normal(0, 60, (count, SIDE // 8, SIDE // 8, 3))
    return noise.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
