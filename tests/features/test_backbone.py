"""webtoon_genre/features/backbone.py and stages/backbones: cut, pooled, calibrated."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import (
    DIRECTIONS,
    EPSILON,
    backbone_names,
    build_backbone,
    build_extractor,
    build_multi_extractor,
    calibrate,
    load_architecture,
    load_weights,
    preprocess_images,
    projection,
)
from webtoon_genre.reproducibility import runtime

BACKBONES = [
    "convnext_tiny",
    "efficientnet_v2_b0",
    "efficientnet_v2_s",
    "inception_v3",
    "mobilenet_v2",
    "resnet50",
    "vgg16",
    "vgg19",
]
SIDE = 80  # pixels, the least that every backbone takes, nearly


@pytest.fixture(autouse=True)
def _seeded():
    runtime.set_seed(1)


def centred(images: int) -> np.ndarray:
    """float32 (images, SIDE, SIDE, 3), about [-128, 128], smooth, so that channels differ."""
    noise = np.random.default_rng(5).normal(0, 60, (images, SIDE // 8, SIDE // 8, 3))
    return noise.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)


def test_the_backbones_known_are_the_modules_there_are():
    assert backbone_names() == BACKBONES


def test_an_unknown_backbone_is_named_with_those_known():
    with pytest.raises(InputError) as caught:
        load_architecture("resnet51")
    expected = f"backbone 'resnet51' is unknown; stages/backbones has {', '.join(BACKBONES)}"
    assert str(caught.value) == expected


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_style_trunk_is_cut_after_the_last_layer_that_it_pools(backbone):
    body = build_extractor(backbone, SIDE, "style", "backbone", None)
    whole = build_backbone(backbone, SIDE)
    pooled = body.get_layer("core").outputs
    assert body.output_shape == (None, 2 * sum(each.shape[-1] for each in pooled))
    assert body.count_params() < whole.count_params() / 2


def test_style_pools_channel_means_and_deviations():
    body = build_extractor("mobilenet_v2", SIDE, "style", "backbone", None)
    images = centred(2)
    maps = [np.asarray(each) for each in body.get_layer("core")(images / 127.5, training=False)]
    means = [each.mean(axis=(1, 2)) for each in maps]
    deviations = [np.sqrt(each.var(axis=(1, 2)) + EPSILON) for each in maps]
    np.testing.assert_allclose(
        body.predict_on_batch(images), np.concatenate(means + deviations, axis=1), rtol=1e-3, atol=1e-5
    )


def test_gram_pools_products_of_channels_averaged_over_place():
    body = build_extractor("mobilenet_v2", SIDE, "gram", "backbone", None)
    images = centred(2)
    vectors = []
    for each in (np.asarray(each) for each in body.get_layer("core")(images / 127.5, training=False)):
        channels = each.shape[-1]
        shown = each @ projection(channels) if channels > DIRECTIONS else each
        products = np.einsum("nhwa,nhwb->nab", shown, shown) / (each.shape[1] * each.shape[2])
        vectors.append(products[:, *np.triu_indices(shown.shape[-1])])
    np.testing.assert_allclose(body.predict_on_batch(images), np.concatenate(vectors, axis=1), rtol=1e-3, atol=1e-4)


@given(st.integers(33, 700))
def test_the_directions_of_gram_are_orthonormal(channels):
    chosen = projection(channels)
    np.testing.assert_allclose(chosen.T @ chosen, np.eye(DIRECTIONS), atol=1e-5)


def test_several_ways_to_pool_at_once_say_what_each_says_alone():
    images = centred(2)
    several = build_multi_extractor("mobilenet_v2", SIDE, ["average", "style", "gram"], "backbone", None)
    weights = several.get_layer("core").get_weights()
    for place, pool in enumerate(("average", "style", "gram")):
        alone = build_extractor("mobilenet_v2", SIDE, pool, "backbone", None)
        alone.get_layer("core").set_weights(weights[: len(alone.get_layer("core").weights)])
        np.testing.assert_allclose(
            several.predict_on_batch(images)[place], alone.predict_on_batch(images), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(("pool", "width"), [("average", 1280), ("flatten", 3 * 3 * 1280)])
def test_the_top_layer_is_averaged_or_flattened(pool, width):
    assert build_extractor("mobilenet_v2", SIDE, pool, "backbone", None).output_shape == (None, width)


def test_each_backbone_sees_what_it_was_pretrained_on_and_the_study_s_way_is_one_for_all():
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


def test_calibration_gives_every_batch_norm_the_statistics_of_its_own_input():
    body = build_extractor("mobilenet_v2", SIDE, "style", "backbone", None)
    shown = centred(8) / 127.5
    calibrate(body, shown)
    core = body.get_layer("core")
    norms = [layer for layer in core.layers if isinstance(layer, keras.layers.BatchNormalization)]
    outputs = keras.Model(core.input, [norm.output for norm in norms])(shown, training=False)
    for answer in outputs:
        np.testing.assert_allclose(np.asarray(answer).mean(axis=(0, 1, 2)), 0, atol=1e-2)
    assert len(norms) > 10
    assert {norm.momentum for norm in norms} == {0.999}  # as Keras builds them: calibration put it back


def test_calibration_leaves_layer_norm_alone():
    body = build_extractor("convnext_tiny", SIDE, "style", "backbone", None)
    before = body.get_weights()
    calibrate(body, preprocess_images(centred(4), "convnext_tiny", "backbone"))
    assert all(np.array_equal(one, other) for one, other in zip(before, body.get_weights(), strict=True))


def test_calibration_standardises_plain_convolutions_channel_by_channel():
    body = build_extractor("vgg16", SIDE, "style", "backbone", None)
    shown = centred(8)
    calibrate(body, shown)
    core = body.get_layer("core")
    for name in ("block1_conv1", "block2_conv2", "block3_conv3"):
        layer = core.get_layer(name)
        kernel, bias = layer.get_weights()
        before = np.asarray(keras.ops.conv(layer_input(core, layer, shown), kernel, padding="same") + bias)
        np.testing.assert_allclose(before.mean(axis=(0, 1, 2)), 0, atol=1e-3)
        np.testing.assert_allclose(before.std(axis=(0, 1, 2)), 1, atol=1e-2)
        assert layer.activation is keras.activations.relu


def layer_input(core, layer, shown):
    return keras.Model(core.input, layer.input)(shown, training=False)


def test_a_side_too_small_for_the_backbone_is_refused():
    with pytest.raises(InputError, match=r"^resize\.side is 32: inception_v3 needs at least 75 pixels$"):
        build_backbone("inception_v3", 32)


def test_weights_of_another_architecture_are_refused_in_one_line(tmp_path):
    path = tmp_path / "vgg16.weights.h5"
    build_backbone("vgg16", 32).save_weights(path)
    with pytest.raises(InputError) as caught:
        load_weights(build_backbone("vgg19", 32), path)
    assert str(caught.value).startswith(f"{path} does not hold the weights of this vgg19 (")
    assert "\n" not in str(caught.value)


def test_weights_do_not_depend_on_the_side_that_they_were_made_at(tmp_path):
    path = tmp_path / "mobilenet_v2.weights.h5"
    small = build_backbone("mobilenet_v2", 32)
    small.save_weights(path)
    large = build_backbone("mobilenet_v2", SIDE)
    load_weights(large, path)
    for one, other in zip(small.get_weights(), large.get_weights(), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("pool", ["average", "style"])
def test_batch_norm_stays_in_inference_mode_while_it_is_trained(pool):
    body = build_extractor("mobilenet_v2", SIDE, pool, "backbone", None)
    images, labels = centred(6), np.arange(6) % 2
    calibrate(body, preprocess_images(images, "mobilenet_v2", "backbone"))
    model = keras.Sequential([body, keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    norms = [layer for layer in body.get_layer("core").layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [np.array(keras.ops.convert_to_numpy(norm.moving_mean)) for norm in norms]
    asked = model.evaluate(images[:2], labels[:2], verbose=0)
    trained = model.train_on_batch(images[:2], labels[:2])
    assert float(trained) == pytest.approx(asked, rel=1e-4)  # with statistics of the two images it would be another
    for norm, mean in zip(norms, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.moving_mean), mean)
