"""webtoon_genre/features/engine.py and engines/: every engine computes Keras's features but for rounding."""

import numpy as np
import pytest

from bench.agreement import LIMIT, RELATIVE_LIMIT, equal_decisions, largest_difference, relative_difference
from tests.support import small_backbone
from tests.support.engine_inputs import IMAGES, calibrated_extractor, centred_images
from tests.support.exhaustive import parameter
from tests.support.runtime_params import RUNTIME
from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import backbone_names
from webtoon_genre.features.engines import onnxruntime, tensorflow

SIDE = 48
USUAL = {"mobilenet_v2", "convnext_tiny"}  # backbones of which every run of the slow tests tries the engines
POOLS = ["flatten", "average", "style", "gram"]


def assert_agree(backbone: str, side: int) -> None:
    """Both engines give features of each pooling that are equal enough."""
    extractor, images = calibrated_extractor(backbone, side, POOLS), centred_images(side)
    expected = tensorflow.compile_extractor(extractor, RUNTIME)(images)
    tables = onnxruntime.compile_extractor(extractor, RUNTIME)(images)
    labels = np.arange(IMAGES) % 3
    for table, table_expected, pool in zip(tables, expected, POOLS, strict=True):
        assert (table.dtype, table.shape) == (np.float32, table_expected.shape), pool
        assert relative_difference(table, table_expected) < RELATIVE_LIMIT, pool
        # a position of a flattened map is zero for most images: its deviation over them is as small as rounding makes it
        assert pool == "flatten" or largest_difference(table, table_expected) < LIMIT, pool
        assert equal_decisions(table, table_expected, labels) == 1, pool


def test_onnx_runtime_agrees_for_every_pooling(monkeypatch):
    small_backbone.replace_mobilenet_v2(monkeypatch)
    assert_agree("mobilenet_v2", SIDE)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [parameter((name,), name, name in USUAL) for name in backbone_names()])
def test_onnx_runtime_agrees_for_every_backbone(backbone):
    # an efficientnet_v2_s of 32 pixels and random weights makes rounding large: TensorFlow alone differs by 0.008 between batch sizes
    assert_agree(backbone, 112)


@pytest.mark.slow
def test_a_graph_that_is_exported_wrongly_is_one_line():
    extractor = calibrated_extractor("convnext_tiny", 32, ["flatten"])
    with pytest.raises(InputError) as caught:
        onnxruntime.compile_extractor(extractor, RUNTIME)(centred_images(32))
    assert str(caught.value) == (
        "features.engine is onnxruntime: the graph exported for 32 pixels gives features (9216, 768) in place of (12, 768); "
        "set it to tensorflow"
    )


def test_two_compilations_compute_equal_bytes_and_leave_the_extractor_as_it_is(monkeypatch):
    small_backbone.replace_mobilenet_v2(monkeypatch)
    extractor, images = calibrated_extractor("mobilenet_v2", SIDE, ["style"]), centred_images(SIDE)
    before = tensorflow.compile_extractor(extractor, RUNTIME)(images)
    tables = [onnxruntime.compile_extractor(extractor, RUNTIME)(images) for _ in range(2)]
    np.testing.assert_array_equal(*tables)
    np.testing.assert_array_equal(extractor.predict_on_batch(images), before[0])
