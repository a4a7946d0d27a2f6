"""webtoon_genre/features/pooling.py: feature maps become vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.preprocessed_images import SIDE, smooth_images
from webtoon_genre.features.backbone import build_extractor
from webtoon_genre.features.pooling import DIRECTIONS, EPSILON, projection
from webtoon_genre.reproducibility import runtime


@pytest.fixture(autouse=True)
def _seed():
    runtime.set_seed(1)


def feature_maps(extractor, images: np.ndarray) -> list[np.ndarray]:
    """The maps that the extractor pools."""
    return [np.asarray(feature_map) for feature_map in extractor.get_layer("backbone")(images / 127.5, training=False)]


def test_style_is_the_means_of_all_channels_and_then_their_deviations():
    extractor = build_extractor("mobilenet_v2", SIDE, "style", "backbone", None)
    images = smooth_images(2)
    maps = feature_maps(extractor, images)
    means = [feature_map.mean(axis=(1, 2)) for feature_map in maps]
    deviations = [np.sqrt(feature_map.var(axis=(1, 2)) + EPSILON) for feature_map in maps]
    np.testing.assert_allclose(
        extractor.predict_on_batch(images), np.concatenate(means + deviations, axis=1), rtol=1e-3, atol=1e-5
    )


def test_gram_is_the_products_of_channels_averaged_over_positions():
    extractor = build_extractor("mobilenet_v2", SIDE, "gram", "backbone", None)
    images = smooth_images(2)
    vectors = []
    for feature_map in feature_maps(extractor, images):
        channels = feature_map.shape[-1]
        projected = feature_map @ projection(channels) if channels > DIRECTIONS else feature_map
        positions = feature_map.shape[1] * feature_map.shape[2]
        products = np.einsum("nhwa,nhwb->nab", projected, projected) / positions
        vectors.append(products[:, *np.triu_indices(projected.shape[-1])])
    np.testing.assert_allclose(
        extractor.predict_on_batch(images), np.concatenate(vectors, axis=1), rtol=1e-3, atol=1e-4
    )


@given(st.integers(33, 700))
def test_the_directions_of_gram_are_orthonormal(channels):
    directions = projection(channels)
    np.testing.assert_allclose(directions.T @ directions, np.eye(DIRECTIONS), atol=1e-5)


@pytest.mark.parametrize(("pool", "width"), [("average", 1280), ("flatten", 3 * 3 * 1280)])
def test_the_top_layer_is_averaged_or_flattened(pool, width):
    assert build_extractor("mobilenet_v2", SIDE, pool, "backbone", None).output_shape == (None, width)
