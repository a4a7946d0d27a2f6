"""webtoon_genre/features/extraction.py: features of many images, batch by batch."""

import numpy as np
import pandas as pd
import pytest

from tests.support import small_backbone
from tests.support.runtime_params import RUNTIME
from webtoon_genre.features.backbone import build_multi_extractor
from webtoon_genre.features.engines import tensorflow
from webtoon_genre.features.extraction import extract_features
from webtoon_genre.reproducibility import runtime

SIDE = 32


class NoiseImages:
    """Ten images in memory, uint8 (10, SIDE, SIDE, 3), RGB."""

    images = np.random.default_rng(0).integers(0, 256, (10, SIDE, SIDE, 3), np.uint8)

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        return self.images[rows["no"].to_numpy()]


def test_every_row_has_the_features_of_its_image_for_each_pooling(monkeypatch):
    small_backbone.replace_mobilenet_v2(monkeypatch)
    runtime.set_seed(1)
    extractor = build_multi_extractor("mobilenet_v2", SIDE, ["average", "style"], "backbone", None)
    rows = pd.DataFrame({"no": [7, 3, 3, 0, 9, 1, 2]})
    mean = np.full((SIDE, SIDE, 3), 100, np.float32)
    outs = [np.full((len(rows), shape[-1]), np.nan, np.float32) for shape in extractor.output_shape]
    extract_features(tensorflow.compile_extractor(extractor, RUNTIME), NoiseImages(), rows, mean, outs, 3, "test")
    expected = extractor.predict_on_batch(NoiseImages().take(rows) - mean)
    for out, features in zip(outs, expected, strict=True):
        np.testing.assert_allclose(out, features, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outs[0][1], outs[0][2], rtol=1e-4)
    assert not np.allclose(outs[0][0], outs[0][1])


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_the_batch_size_changes_features_by_rounding_only(monkeypatch, batch):
    small_backbone.replace_mobilenet_v2(monkeypatch)
    runtime.set_seed(1)
    extractor = build_multi_extractor("mobilenet_v2", SIDE, ["style"], "backbone", None)
    rows, mean = pd.DataFrame({"no": range(10)}), np.zeros((SIDE, SIDE, 3), np.float32)
    out, expected = (np.empty((10, extractor.output_shape[-1]), np.float32) for _ in range(2))
    forward = tensorflow.compile_extractor(extractor, RUNTIME)
    extract_features(forward, NoiseImages(), rows, mean, [out], batch, "test")
    extract_features(forward, NoiseImages(), rows, mean, [expected], 10, "test")
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-4)
