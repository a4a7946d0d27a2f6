"""webtoon_genre/training/export.py: the ONNX graph computes what the Keras model does, for each backbone and pooling."""

import numpy as np
import onnxruntime
import pytest

from tests.support import small_backbone
from tests.support.exhaustive import parameter
from webtoon_genre.core.model_files import INPUT, MAP, PROBABILITIES, STYLE
from webtoon_genre.features.backbone import backbone_names, build_extractor, load_architecture
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.classifier import Classifier, ClassifierConfig, compose, with_style
from webtoon_genre.training.column_statistics import column_statistics
from webtoon_genre.training.export import export_onnx
from webtoon_genre.training.head import HeadParams, build_head

USUAL = {"mobilenet_v2", "vgg16"}  # backbones exported in every run of the slow tests


def new_classifier(backbone: str, side: int, pool: str = "style", preprocess: str = "backbone") -> Classifier:
    """A classifier with random weights, and statistics of batch norm and standardisation that are not trivial."""
    runtime.set_seed(1)
    generator = np.random.default_rng(0)
    extractor = build_extractor(backbone, side, pool, preprocess, None)
    for weight in extractor.weights:
        if weight.path.endswith(("moving_mean", "moving_variance")):
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
    params = HeadParams(pool=pool, standardise=True, units=8, dropout=0.5)
    width = extractor.output_shape[-1]
    features = generator.normal(0.1, 1, (50, width)).astype(np.float32)
    head = build_head(width, 3, params, column_statistics(features, np.arange(50)))
    mean = generator.uniform(100, 150, (side, side, 3)).astype(np.float32)
    config = ClassifierConfig(
        backbone=backbone, side=side, preprocess=preprocess, unfreeze=0, head=params, classes=["a", "b", "c"]
    )
    return Classifier(compose(extractor, head, mean), config)


def assert_equal_outputs(classifier: Classifier, path) -> None:
    """Both outputs of the ONNX file are those of the Keras model."""
    images = np.random.default_rng(2).integers(0, 256, (5, *classifier.model.input_shape[1:])).astype(np.uint8)
    expected = with_style(classifier).predict_on_batch(images)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == [INPUT]
    probabilities, style = session.run([PROBABILITIES, STYLE], {INPUT: images})
    np.testing.assert_allclose(probabilities, expected[PROBABILITIES], rtol=0, atol=1e-5)
    maps = [name for name in expected if name.startswith(MAP)]
    for name, values in zip(maps, session.run(maps, {INPUT: images}), strict=True):
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-5 * np.abs(expected[name]).max())
    scale = np.abs(expected[STYLE]).max()
    np.testing.assert_allclose(style, expected[STYLE], rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("pool", ["flatten", "average", "style", "gram"])
def test_the_graph_computes_what_the_model_does(pool, tmp_path, monkeypatch):
    small_backbone.replace_mobilenet_v2(monkeypatch)
    classifier = new_classifier("mobilenet_v2", 48, pool)
    export_onnx(classifier, tmp_path / "model.onnx")
    assert_equal_outputs(classifier, tmp_path / "model.onnx")


def test_equal_models_are_equal_bytes(tmp_path, monkeypatch):
    small_backbone.replace_mobilenet_v2(monkeypatch)
    for name in ("one.onnx", "two.onnx"):
        export_onnx(new_classifier("mobilenet_v2", 48), tmp_path / name)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("preprocess", ["backbone", pytest.param("study", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("backbone", [parameter((name,), name, name in USUAL) for name in backbone_names()])
def test_each_backbone_is_exported(backbone, preprocess, tmp_path):
    classifier = new_classifier(backbone, load_architecture(backbone).SMALLEST_SIDE, "style", preprocess)
    export_onnx(classifier, tmp_path / "model.onnx")
    assert_equal_outputs(classifier, tmp_path / "model.onnx")
