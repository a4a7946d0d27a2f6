"""webtoon_genre/features/backbone.py and webtoon_genre/backbones: every architecture as an extractor, and its weights files."""

import keras
import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.support.exhaustive import parameter
from tests.support.preprocessed_images import SIDE, smooth_images
from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import (
    architecture_file,
    backbone_names,
    build_backbone,
    build_extractor,
    build_multi_extractor,
    load_architecture,
    load_weights,
    preprocess_images,
)
from webtoon_genre.features.calibration import calibrate
from webtoon_genre.reproducibility import runtime

BACKBONES = backbone_names()
BUILDABLE = [  # 40 blocks: seconds to build
    parameter((name,), name, name != "efficientnet_v2_s") for name in BACKBONES
]
USUAL = {"mobilenet_v2", "inception_v3"}  # built with a style in every run of the slow tests


@pytest.fixture(autouse=True)
def _seed():
    runtime.set_seed(1)


def test_the_backbones_are_the_modules_of_the_folder():
    files = (REPOSITORY / "webtoon_genre/backbones").glob("[!_]*.py")
    assert backbone_names() == sorted(path.stem for path in files)
    assert {"resnet50", "inception_v3", "vgg16", "vgg19"} <= set(BACKBONES)  # the study's


def test_an_unknown_backbone_is_refused_with_the_known_names():
    with pytest.raises(InputError) as caught:
        load_architecture("resnet51")
    expected = f"backbone 'resnet51' is unknown; webtoon_genre/backbones has {', '.join(BACKBONES)}"
    assert str(caught.value) == expected


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_module_has_all_that_the_contract_names(backbone):
    architecture = load_architecture(backbone)
    assert architecture.__file__ == str(architecture_file(backbone))
    names = {"build", "convention", "STYLE", "URL", "HASH", "SMALLEST_SIDE"}
    assert names <= set(vars(architecture))
    assert 3 <= len(architecture.STYLE) <= 5
    assert architecture.SMALLEST_SIDE <= SIDE


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [parameter((name,), name, name in USUAL) for name in BACKBONES])
def test_a_style_extractor_ends_at_the_last_layer_that_it_pools(backbone):
    extractor = build_extractor(backbone, SIDE, "style", "backbone", None)
    maps = extractor.get_layer("backbone").outputs
    assert len(maps) == len(load_architecture(backbone).STYLE)
    assert extractor.output_shape == (None, 2 * sum(feature_map.shape[-1] for feature_map in maps))
    assert extractor.count_params() < build_backbone(backbone, SIDE).count_params() / 2


@pytest.mark.parametrize("backbone", BUILDABLE)
def test_a_backbone_takes_its_smallest_side_and_gives_one_map(backbone):
    side = load_architecture(backbone).SMALLEST_SIDE
    model = build_backbone(backbone, side)
    assert model.input_shape == (None, side, side, 3)
    assert len(model.output_shape) == 4
    assert {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)} <= {0}


def test_a_side_too_small_for_the_backbone_is_refused():
    with pytest.raises(InputError, match=r"^resize\.side is 32: inception_v3 needs at least 75 pixels$"):
        build_backbone("inception_v3", 32)


def test_the_preprocessing_is_the_backbone_s_convention_or_the_study_s_for_all():
    rgb = np.array([[[[127.5, 0.0, -127.5]]]], np.float32)
    for backbone in ("resnet50", "vgg16", "vgg19"):
        assert preprocess_images(rgb, backbone, "backbone").tolist() == [[[[-127.5, 0.0, 127.5]]]]
    for backbone in ("inception_v3", "mobilenet_v2"):
        assert preprocess_images(rgb, backbone, "backbone").tolist() == [[[[1.0, 0.0, -1.0]]]]
    unit = [[[[127.5 / (255 * 0.229), 0.0, -127.5 / (255 * 0.225)]]]]  # ImageNet's deviations of red and blue
    for backbone in ("convnext_tiny", "efficientnet_v2_b0"):
        np.testing.assert_allclose(preprocess_images(rgb, backbone, "backbone"), unit, rtol=1e-6)
    for backbone in BACKBONES:
        assert preprocess_images(rgb, backbone, "study").tolist() == [[[[-127.5, 0.0, 127.5]]]]
        assert np.shape(preprocess_images(rgb, backbone, "backbone")) == rgb.shape


@pytest.mark.slow
def test_several_poolings_at_once_equal_each_by_itself():
    images = smooth_images(2)
    several = build_multi_extractor("mobilenet_v2", SIDE, ["average", "style", "gram"], "backbone", None)
    weights = several.get_layer("backbone").get_weights()
    for index, pool in enumerate(("average", "style", "gram")):
        single = build_extractor("mobilenet_v2", SIDE, pool, "backbone", None)
        single.get_layer("backbone").set_weights(weights[: len(single.get_layer("backbone").weights)])
        np.testing.assert_allclose(
            several.predict_on_batch(images)[index], single.predict_on_batch(images), rtol=1e-4, atol=1e-5
        )


def test_weights_of_another_architecture_are_refused_in_one_line(tmp_path):
    path = tmp_path / "vgg16.weights.h5"
    build_backbone("vgg16", 32).save_weights(path)
    with pytest.raises(InputError) as caught:
        load_weights(build_backbone("vgg19", 32), path)
    assert str(caught.value).startswith(f"{path} does not hold the weights of this vgg19 (")
    assert "\n" not in str(caught.value)


def test_weights_do_not_depend_on_the_side_of_the_images(tmp_path):
    path = tmp_path / "mobilenet_v2.weights.h5"
    small = build_backbone("mobilenet_v2", 32)
    small.save_weights(path)
    large = build_backbone("mobilenet_v2", SIDE)
    load_weights(large, path)
    for first, second in zip(small.get_weights(), large.get_weights(), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["average", "style"])
def test_batch_norm_stays_in_inference_mode_in_training(pool):
    extractor = build_extractor("mobilenet_v2", SIDE, pool, "backbone", None)
    images, labels = smooth_images(6), np.arange(6) % 2
    calibrate(extractor, preprocess_images(images, "mobilenet_v2", "backbone"))
    model = keras.Sequential([extractor, keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    layers = extractor.get_layer("backbone").layers
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.array(keras.ops.convert_to_numpy(norm.moving_mean)) for norm in norms]
    inference = model.evaluate(images[:2], labels[:2], verbose=0)
    training = model.train_on_batch(images[:2], labels[:2])
    assert float(training) == pytest.approx(inference, rel=1e-4)  # statistics of the two images would give another loss
    for norm, mean in zip(norms, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.moving_mean), mean)
