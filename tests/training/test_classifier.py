"""webtoon_genre/training/classifier.py: the model in a folder, and back."""

import json

import h5py
import numpy as np
import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import build_extractor
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.trainer import HeadParams, build_head

SIDE = 48
HEAD = HeadParams(pool="style", standardise=True, units=8, dropout=0.5)
CONFIG = classifier.ClassifierConfig(
    backbone="mobilenet_v2", side=SIDE, preprocess="backbone", unfreeze=0, head=HEAD, classes=["thin", "bold"]
)


@pytest.fixture(scope="module")
def parts():
    """A trunk, a head whose standardisation is not trivial, and a mean image."""
    runtime.set_seed(1)
    body = build_extractor("mobilenet_v2", SIDE, "style", "backbone", None)
    width = body.output_shape[-1]
    head = build_head(width, 2, HEAD, np.random.default_rng(0).normal(3, 2, (50, width)).astype(np.float32))
    return body, head, np.random.default_rng(1).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def weights(parts, tmp_path_factory):
    """The trunk's, as the stage `features` leaves them."""
    path = tmp_path_factory.mktemp("trunk") / "mobilenet_v2.weights.h5"
    parts[0].save_weights(path)
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).integers(0, 256, (40, SIDE, SIDE, 3)).astype(np.uint8)


def test_a_whole_model_is_mean_trunk_and_head_in_turn(parts, images):
    body, head, mean = parts
    whole = classifier.compose(*parts).predict_on_batch(images)
    by_hand = head.predict_on_batch(body.predict_on_batch(images.astype(np.float32) - mean))
    np.testing.assert_allclose(whole, by_hand, atol=1e-6)


def test_a_loaded_model_predicts_what_the_saved_one_did(parts, weights, images, tmp_path):
    model = classifier.compose(*parts)
    classifier.save_classifier(tmp_path / "model", model, CONFIG, weights)
    loaded = classifier.load_classifier(tmp_path / "model")
    assert loaded.classes == ["thin", "bold"]
    predicted = loaded.predict(images, "test")
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted[:32], model.predict_on_batch(images[:32]), atol=1e-6)
    np.testing.assert_allclose(predicted.sum(axis=1), 1, atol=1e-5)


def test_equal_weights_are_equal_files(parts, weights, tmp_path):
    for name in ("one", "other"):
        classifier.save_classifier(tmp_path / name, classifier.compose(*parts), CONFIG, weights)
    for file in ("trained.weights.h5", "trunk.weights.h5", "config.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_a_trained_model_is_saved_without_its_optimizer(parts, weights, images, tmp_path):
    body, head, mean = parts
    head.compile("adam", "sparse_categorical_crossentropy")
    head.fit(np.ones((4, body.output_shape[-1]), np.float32), np.zeros(4), verbose=0)
    model = classifier.compose(body, head, mean)
    classifier.save_classifier(tmp_path / "model", model, CONFIG, weights)
    names: list[str] = []
    with h5py.File(tmp_path / "model/trained.weights.h5") as file:
        file.visit(names.append)
    assert len(names) > 10
    assert [name for name in names if "optimizer" in name] == []
    predicted = classifier.load_classifier(tmp_path / "model").predict(images[:8], "test")
    np.testing.assert_allclose(predicted, model.predict_on_batch(images[:8]), atol=1e-6)


def test_the_config_says_all_that_is_needed_to_rebuild(parts, weights, tmp_path):
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


@pytest.mark.parametrize("name", ["trunk", "trained"])
def test_a_damaged_model_is_one_line(parts, weights, tmp_path, name):
    classifier.save_classifier(tmp_path / "model", classifier.compose(*parts), CONFIG, weights)
    file = tmp_path / "model" / f"{name}.weights.h5"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(
        InputError, match=rf"{name}\.weights\.h5 does not hold the weights of this {name} \(.*\); make it anew$"
    ):
        classifier.load_classifier(tmp_path / "model")


def test_of_the_trunk_only_what_was_trained_is_written_again(parts, weights, images, tmp_path):
    model = classifier.compose(*parts)
    classifier.save_classifier(tmp_path / "frozen", model, CONFIG, weights)
    assert (tmp_path / "frozen/trunk.weights.h5").read_bytes() == weights.read_bytes()
    last = parts[0].get_layer("core").layers[-2]  # a batch norm; the last adds
    before = last.get_weights()
    last.set_weights([weight + 1 for weight in before])
    classifier.save_classifier(tmp_path / "tuned", model, CONFIG.model_copy(update={"unfreeze": 3}), weights)
    predicted = classifier.load_classifier(tmp_path / "tuned").predict(images[:8], "test")
    np.testing.assert_allclose(predicted, model.predict_on_batch(images[:8]), atol=1e-6)
    forgotten = classifier.load_classifier(tmp_path / "frozen").predict(images[:8], "test")
    last.set_weights(before)
    assert np.abs(forgotten - predicted).max() > 1e-3
    assert (tmp_path / "tuned/trunk.weights.h5").read_bytes() == weights.read_bytes()


def test_with_all_layers_trained_nothing_of_the_trunk_is_kept_beside(parts, weights, images, tmp_path):
    model = classifier.compose(*parts)
    classifier.save_classifier(tmp_path / "model", model, CONFIG.model_copy(update={"unfreeze": "all"}), weights)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "trained.weights.h5"]
    predicted = classifier.load_classifier(tmp_path / "model").predict(images[:8], "test")
    np.testing.assert_allclose(predicted, model.predict_on_batch(images[:8]), atol=1e-6)


def test_a_config_of_another_version_is_one_line(parts, weights, tmp_path):
    classifier.save_classifier(tmp_path / "model", classifier.compose(*parts), CONFIG, weights)
    (tmp_path / "model/config.json").write_text('{"backbone": "mobilenet_v2"}')
    with pytest.raises(
        InputError,
        match=r"model/config\.json is of another version of this code "
        r"\(side, preprocess, unfreeze, head, classes\); run `dvc repro train`$",
    ):
        classifier.load_classifier(tmp_path / "model")
