"""webtoon_genre/features/calibration.py: statistics of a randomly initialised backbone on real images."""

import keras
import numpy as np
import pandas as pd
import pytest

from tests.support.preprocessed_images import SIDE, smooth_images
from webtoon_genre.features.backbone import build_extractor, preprocess_images
from webtoon_genre.features.calibration import calibrate, calibration_rows
from webtoon_genre.reproducibility import runtime


@pytest.fixture(autouse=True)
def _seed():
    runtime.set_seed(1)


@pytest.fixture
def dataset() -> pd.DataFrame:
    """20 titles of 4 images each, three fifths of them in train."""
    rows = [
        (title, no, ("train", "val", "train", "test", "train")[title % 5]) for title in range(20) for no in range(4)
    ]
    return pd.DataFrame(rows, columns=["title_id", "no", "split"])


def test_calibration_rows_are_train_rows_of_many_titles(dataset):
    rows = calibration_rows(dataset, 10)
    assert len(rows) == 10
    assert set(rows["split"]) == {"train"}
    assert rows["title_id"].nunique() > 5


def test_where_there_are_fewer_train_rows_all_of_them_are_calibration_rows(dataset):
    assert len(calibration_rows(dataset, 10_000)) == (dataset["split"] == "train").sum()


def test_calibration_gives_every_batch_norm_the_statistics_of_its_input():
    extractor = build_extractor("mobilenet_v2", SIDE, "style", "backbone", None)
    images = smooth_images(8) / 127.5
    calibrate(extractor, images)
    backbone = extractor.get_layer("backbone")
    norms = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    outputs = keras.Model(backbone.input, [norm.output for norm in norms])(images, training=False)
    for output in outputs:
        np.testing.assert_allclose(np.asarray(output).mean(axis=(0, 1, 2)), 0, atol=1e-2)
    assert len(norms) > 10
    assert {norm.momentum for norm in norms} == {0.999}  # as Keras builds them: calibration restored it


def test_calibration_changes_nothing_with_layer_norm():
    extractor = build_extractor("convnext_tiny", SIDE, "style", "backbone", None)
    before = extractor.get_weights()
    calibrate(extractor, preprocess_images(smooth_images(4), "convnext_tiny", "backbone"))
    assert all(np.array_equal(first, second) for first, second in zip(before, extractor.get_weights(), strict=True))


def test_without_norms_calibration_standardises_each_channel_of_a_convolution():
    extractor = build_extractor("vgg16", SIDE, "style", "backbone", None)
    images = smooth_images(8)
    calibrate(extractor, images)
    backbone = extractor.get_layer("backbone")
    for name in ("block1_conv1", "block2_conv2", "block3_conv3"):
        layer = backbone.get_layer(name)
        kernel, bias = layer.get_weights()
        inputs = keras.Model(backbone.input, layer.input)(images, training=False)
        outputs = np.asarray(keras.ops.conv(inputs, kernel, padding="same") + bias)  # before the activation
        np.testing.assert_allclose(outputs.mean(axis=(0, 1, 2)), 0, atol=1e-3)
        np.testing.assert_allclose(outputs.std(axis=(0, 1, 2)), 1, atol=1e-2)
        assert layer.activation is keras.activations.relu
