"""webtoon_genre/training/freezing.py: base and tail together compute what the extractor computes, and train the same way."""

from functools import cache

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from tests.support.runtime_params import RUNTIME
from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import backbone_names, build_extractor, preprocess_images
from webtoon_genre.features.calibration import calibrate
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.freezing import SplitModel, as_list, split_model, unfreeze_layers
from webtoon_genre.training.head import HeadParams, build_head
from webtoon_genre.training.trainer import Trainer, TrainingData, TrainingParams

QUICK = {"inception_v3", "mobilenet_v2"}  # trained in every run of the slow tests
DEEP = {"convnext_tiny", "efficientnet_v2_b0", "efficientnet_v2_s"}  # many blocks: seconds to build
LAYERS = {"vgg16": [4], "vgg19": [4], "mobilenet_v2": [0, 20], "convnext_tiny": [6]}  # trained, where not 10


def exhaustive(*values: str | int) -> ParameterSet:
    """A parameter of exhaustive tests."""
    return pytest.param(*values, marks=pytest.mark.exhaustive)


SIDE = {"inception_v3": 75}  # pixels; 64 for the others
HEAD = HeadParams(pool="average", standardise=False, units=8, dropout=0.0)
SEED = 1


@pytest.fixture(autouse=True, scope="module")
def keras():
    runtime.start_keras(RUNTIME)
    import keras

    return keras


def noise_images(backbone: str, count: int = 3) -> np.ndarray:
    """uint8 (count, side, side, 3)."""
    side = SIDE.get(backbone, 64)
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)


def mean_image(backbone: str) -> np.ndarray:
    """float32 (side, side, 3)."""
    side = SIDE.get(backbone, 64)
    return np.linspace(100, 150, side * side * 3, dtype=np.float32).reshape(side, side, 3)


def centred(backbone: str, images: np.ndarray) -> np.ndarray:
    """float32 images minus the mean image: the extractor's input."""
    return images.astype(np.float32) - mean_image(backbone)


def new_extractor(backbone: str, pool: str = "average") -> "keras.Model":
    """An extractor whose weights depend on the seed only, calibrated: without calibration most outputs are close to 0."""
    runtime.set_seed(7)
    extractor = build_extractor(backbone, SIDE.get(backbone, 64), pool, "backbone", None)
    calibrate(extractor, preprocess_images(centred(backbone, noise_images(backbone, 6)), backbone, "backbone"))
    return extractor


shared_extractor = cache(new_extractor)  # for tests that train nothing


def split(
    backbone: str, layers: int | str, pool: str = "average", build=shared_extractor
) -> tuple["keras.Model", SplitModel]:
    """An extractor and its base and tail."""
    extractor = build(backbone, pool)
    return extractor, split_model(extractor, mean_image(backbone), backbone, pool, "backbone", layers)


def extractor_features(extractor: "keras.Model", backbone: str, images: np.ndarray) -> np.ndarray:
    """Features by the extractor itself."""
    return np.asarray(extractor(centred(backbone, images), training=False))


def split_features(model: SplitModel, images: np.ndarray) -> np.ndarray:
    """Features by base and tail in turn."""
    return np.asarray(model.tail(as_list(model.base(images, training=False)), training=False))


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Equal to 1e-5 of the largest value, which is not close to 0."""
    largest = np.abs(expected).max()
    assert largest > 0.1
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * largest)


@pytest.mark.parametrize("layers", [0, 1, 10, 20, 40, "all"])
@pytest.mark.parametrize("backbone", [exhaustive(name) if name in DEEP else name for name in backbone_names()])
def test_base_and_tail_compute_the_features_of_the_extractor(backbone, layers):
    if backbone.startswith("vgg") and layers in (20, 40):
        layers = {20: 5, 40: 15}[layers]  # they have 19 and 22 layers
    extractor, model = split(backbone, layers)
    images = noise_images(backbone)
    assert_close(split_features(model, images), extractor_features(extractor, backbone, images))


@pytest.mark.parametrize("layers", [0, 5, 25, 50])
@pytest.mark.parametrize("pool", ["flatten", "style"])
def test_maps_that_are_pooled_in_the_base_pass_pooled(pool, layers):
    extractor, model = split("mobilenet_v2", layers, pool)
    images = noise_images("mobilenet_v2")
    assert_close(split_features(model, images), extractor_features(extractor, "mobilenet_v2", images))
    if pool == "style" and layers == 0:
        assert {len(shape) for shape, _ in model.activations} == {1}


def test_the_last_layers_in_keras_order_are_trainable_as_in_the_study():
    extractor, model = split("resnet50", 10)
    backbone = extractor.get_layer("backbone").layers
    assert [layer.trainable for layer in backbone] == [False] * (len(backbone) - 10) + [True] * 10
    assert model.activations == [((2, 2, 2048), np.float32)]  # an entire block: its shortcut adds the block's input


def test_several_tensors_pass_through_an_inception_block():
    _, model = split("inception_v3", 10)
    assert len(model.activations) == 6


def test_with_all_layers_unfrozen_the_images_pass():
    _, model = split("mobilenet_v2", "all")
    assert model.activations == [((64, 64, 3), np.uint8)]
    assert model.bytes(1000) == 1000 * 64 * 64 * 3


def model_pair(keras, backbone: str, layers: int) -> tuple["keras.Model", "keras.Model", list[list[np.ndarray]]]:
    """Two models of equal weights that share none: the full model of images, and the tail with a head; and the tail's batches."""
    extractor, _ = split(backbone, layers, build=new_extractor)
    head = build_head(extractor.output_shape[-1], 4, HEAD, None)
    full = classifier.compose(extractor, head, mean_image(backbone))
    tail_extractor, model = split(backbone, layers, build=new_extractor)
    tail_head = build_head(tail_extractor.output_shape[-1], 4, HEAD, None)
    tail_head.set_weights(head.get_weights())
    tail = keras.Model(model.tail.inputs, tail_head(model.tail.output))
    for trained in (full, tail):
        trained.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    batches = np.split(noise_images(backbone, 8), 2)  # the training batches: other batches are rounded differently
    activations = [[np.asarray(tensor) for tensor in as_list(model.base.predict_on_batch(batch))] for batch in batches]
    return full, tail, activations


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "layers"),
    [
        (name, layers) if name in QUICK else exhaustive(name, layers)
        for name in backbone_names()
        for layers in LAYERS.get(name, [10])
    ],
)
def test_the_first_steps_of_the_tail_have_the_losses_and_gradients_of_the_full_model(keras, backbone, layers):
    full, tail, activations = model_pair(keras, backbone, layers)
    images, labels = noise_images(backbone, 8), np.arange(8) % 4
    before = [np.array(weight) for weight in full.trainable_weights]
    for step in range(3):
        rows = slice(4 * (step % 2), 4 * (step % 2) + 4)
        expected = float(np.asarray(full.train_on_batch(images[rows], labels[rows])))
        actual = float(np.asarray(tail.train_on_batch(activations[step % 2], labels[rows])))
        assert actual == pytest.approx(expected, rel=1e-5)
        if step == 0:  # a step of plain gradient descent is the gradient times the learning rate
            assert_equal_steps(tail.trainable_weights, full.trainable_weights, before)


def assert_equal_steps(actual: list, expected: list, before: list[np.ndarray]) -> None:
    """All weights changed by the same, to 1e-3 of the largest change in the tensor; some changed."""
    assert [weight.shape for weight in actual] == [weight.shape for weight in expected]
    steps = [np.asarray(weight) - start for weight, start in zip(expected, before, strict=True)]
    assert max(np.abs(step).max() for step in steps) > 1e-4
    for weight, step, start in zip(actual, steps, before, strict=True):
        # the change of a float32 weight is exact to the weight's last digit only
        tolerance = 1e-3 * np.abs(step).max() + 2e-7 * np.abs(start).max()
        np.testing.assert_allclose(np.asarray(weight) - start, step, rtol=0, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobilenet_v2", exhaustive("vgg16")])
def test_a_head_trained_on_cached_features_equals_one_trained_through_the_backbone(keras, backbone):
    images, labels, rows = noise_images(backbone, 24), np.arange(24) % 4, np.arange(24)
    extractor, model = split(backbone, 0)
    [features] = as_list(model.base.predict_on_batch(images))
    params = TrainingParams(batch=8, epochs=5, patience=5)
    data = TrainingData([features], features, labels, rows, rows[:16], rows[16:])
    cached = Trainer(None, data, 4, HEAD, params, RUNTIME, SEED)
    head = build_head(features.shape[1], 4, HEAD, None)
    head.set_weights(cached.head.get_weights())
    start = head.get_weights()
    extractor.trainable = False
    full = classifier.compose(extractor, head, mean_image(backbone))
    full.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", jit_compile=False)
    batches = Batches([images], labels, rows[:16], 8, SEED)
    losses, weights = [], []
    for epoch in range(params.epochs):
        losses.append(float(np.mean([full.train_on_batch(*batch) for batch in batches.epoch(epoch)])))
        weights.append(head.get_weights())
    history = cached.fit(0.001)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    best = weights[history["val_accuracy"].argmax()]  # the epoch whose weights are restored
    for actual, expected, first in zip(cached.head.get_weights(), best, start, strict=True):
        assert np.abs(expected - first).max() > 1e-3
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)


def test_training_the_tail_changes_the_extractor():
    extractor, model = split("mobilenet_v2", 20, build=new_extractor)
    images = noise_images("mobilenet_v2")
    before = extractor_features(extractor, "mobilenet_v2", images)
    for weight in model.tail.trainable_weights:
        weight.assign(weight * 1.5)
    after = extractor_features(extractor, "mobilenet_v2", images)
    assert np.abs(after - before).max() > 0.1
    assert_close(split_features(model, images), after)


def test_more_layers_than_the_backbone_has_are_refused():
    extractor, _ = split("vgg16", 0)
    with pytest.raises(InputError, match=r"^unfreeze is 40: this backbone has 19 layers; give 0 to 19, or all$"):
        unfreeze_layers(extractor, 40)
