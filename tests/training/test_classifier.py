"""webtoon_genre/training/classifier.py: a classifier is written to a folder and read back."""

import json

import h5py
import numpy as np
import pytest

from tests.support import small_backbone
from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import build_extractor
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.column_statistics import column_statistics
from webtoon_genre.training.head import HeadParams, build_head

SIDE = 48
HEAD = HeadParams(pool="style", standardise=True, units=8, dropout=0.5)
CONFIG = classifier.ClassifierConfig(
    backbone="mobilenet_v2", side=SIDE, preprocess="backbone", unfreeze=0, head=HEAD, classes=["thin", "bold"]
)


@pytest.fixture(autouse=True, scope="module")
def _small_backbone():
    with pytest.MonkeyPatch.context() as patch:
        small_backbone.replace_mobilenet_v2(patch)
        yield


@pytest.fixture(scope="module")
def parts():
    """An extractor, a head whose standardisation is not trivial, and a mean image."""
    runtime.set_seed(1)
    extractor = build_extractor("mobilenet_v2", SIDE, "style", "backbone", None)
    width = extractor.output_shape[-1]
    features = np.random.default_rng(0).normal(3, 2, (50, width)).astype(np.float32)
    head = build_head(width, 2, HEAD, column_statistics(features, np.arange(50)))
    return extractor, head, np.random.default_rng(1).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def weights(parts, tmp_path_factory):
    """The extractor's weights file, as the stage `features` writes it."""
    path = tmp_path_factory.mktemp("extractor") / "mobilenet_v2.weights.h5"
    parts[0].save_weights(path)
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).integers(0, 256, (40, SIDE, SIDE, 3)).astype(np.uint8)


def test_a_classifier_is_mean_extractor_and_head_in_turn(parts, images):
    extractor, head, mean = parts
    probabilities = classifier.compose(*parts).predict_on_batch(images)
    in_turn = head.predict_on_batch(extractor.predict_on_batch(images.astype(np.float32) - mean))
    np.testing.assert_allclose(probabilities, in_turn, atol=1e-6)


def test_a_loaded_model_predicts_what_the_saved_one_did(parts, weights, images, tmp_path):
    model = classifier.compose(*parts)
    classifier.save_classifier(tmp_path / "model", model, CONFIG, weights)
    loaded = classifier.load_classifier(tmp_path / "model")
    assert loaded.classes == ["thin", "bold"]
    probabilities = loaded.predict(images, "test")
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities[:32], model.predict_on_batch(images[:32]), atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_equal_weights_are_equal_files(parts, weights, tmp_path):
    for name in ("first", "second"):
        classifier.save_classifier(tmp_path / name, classifier.compose(*parts), CONFIG, weights)
    for file in ("trained.weights.h5", "extractor.weights.h5", "config.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_trained_model_is_saved_without_its_optimizer(parts, weights, images, tmp_path):
    extractor, head, mean = parts
    head.compile("adam", "sparse_categorical_crossentropy")
    head.fit(np.ones((4, extractor.output_shape[-1]), np.float32), np.zeros(4), verbose=0)
    model = classifier.compose(extractor, head, mean)
    classifier.save_classifier(tmp_path / "model", model, CONFIG, weights)
    names: list[str] = []
    with h5py.File(tmp_path / "model/trained.weights.h5") as file:
        file.visit(names.append)
    assert len(names) > 10
    assert [name for name in names if "optimizer" in name] == []
    probabilities = classifier.load_classifier(tmp_path / "model").predict(images[:8], "test")
    np.testing.assert_allclose(probabilities, model.predict_on_batch(images[:8]), atol=1e-6)


def test_the_config_holds_all_that_building_the_model_needs(parts, weights, tmp_path):
    classifier.save_classifier(tmp_path / "model", classifier.compose(*parts), CONFIG, weights)
    assert json.loads((tmp_path / "model/config.json").read_text()) == {
        "backbone": "mobilenet_v2",
        "side": SIDE,
        "preprocess": "backbone",
        "unfreeze": 0,
        "head": {"pool": "style", "standardise": True, "units": 8, "dropout": 0.5},
        "classes": ["thin", "bold"],
    }


def test_a_missing_model_is_one_line(tmp_path):
    with pytest.raises(InputError) as caught:
        classifier.load_classifier(tmp_path / "model")
    assert str(caught.value) == f"{tmp_path}/model/config.json is not there; `dvc repro train` makes it"


@pytest.mark.parametrize("name", ["extractor", "trained"])
def test_a_damaged_model_is_one_line(parts, weights, tmp_path, name):
    classifier.save_classifier(tmp_path / "model", classifier.compose(*parts), CONFIG, weights)
    file = tmp_path / "model" / f"{name}.weights.h5"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(
        InputError, match=rf"{name}\.weights\.h5 does not hold the weights of this {name} \(.*\); make it anew$"
    ):
        classifier.load_classifier(tmp_path / "model")


def test_only_trained_layers_are_written_beside_the_extractor_s_file(parts, weights, images, tmp_path):
    model = classifier.compose(*parts)
    classifier.save_classifier(tmp_path / "frozen", model, CONFIG, weights)
    assert (tmp_path / "frozen/extractor.weights.h5").read_bytes() == weights.read_bytes()
    last = parts[0].get_layer("backbone").layers[-2]  # a convolution; the last layer has no weights
    before = last.get_weights()
    last.set_weights([weight + 1 for weight in before])
    classifier.save_classifier(tmp_path / "tuned", model, CONFIG.model_copy(update={"unfreeze": 3}), weights)
    tuned = classifier.load_classifier(tmp_path / "tuned").predict(images[:8], "test")
    np.testing.assert_allclose(tuned, model.predict_on_batch(images[:8]), atol=1e-6)
    frozen = classifier.load_classifier(tmp_path / "frozen").predict(images[:8], "test")
    last.set_weights(before)
    assert np.abs(frozen - tuned).max() > 1e-3
    assert (tmp_path / "tuned/extractor.weights.h5").read_bytes() == weights.read_bytes()


def test_with_all_layers_trained_there_is_no_extractor_file(parts, weights, images, tmp_path):
    model = classifier.compose(*parts)
    classifier.save_classifier(tmp_path / "model", model, CONFIG.model_copy(update={"unfreeze": "all"}), weights)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "trained.weights.h5"]
    probabilities = classifier.load_classifier(tmp_path / "model").predict(images[:8], "test")
    np.testing.assert_allclose(probabilities, model.predict_on_batch(images[:8]), atol=1e-6)


def test_a_config_of_another_version_is_one_line(parts, weights, tmp_path):
    classifier.save_classifier(tmp_path / "model", classifier.compose(*parts), CONFIG, weights)
    (tmp_path / "model/config.json").write_text('{"backbone": "mobilenet_v2"}')
    with pytest.raises(
        InputError,
        match=r"model/config\.json is of another version of this code "
        r"\(side, preprocess, unfreeze, head, classes\); run `dvc repro train`$",
    ):
        classifier.load_classifier(tmp_path / "model")
