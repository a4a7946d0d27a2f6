"""webtoon_genre/training/freezing.py: a trunk in two halves says what it says whole, and trains the same way."""

from functools import cache

import numpy as np
import pytest

from tests.support.runtime_params import MACHINE
from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import build_extractor, calibrate, preprocess_images
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import classifier
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.freezing import SplitModel, as_list, split_model, unfreeze_layers
from webtoon_genre.training.trainer import HeadParams, Trainer, TrainingData, TrainingParams, build_head

SIDE = {"inception_v3": 75}  # pixels; 64 elsewhere
HEAD = HeadParams(pool="average", standardise=False, units=8, dropout=0.0)


@pytest.fixture(autouse=True, scope="module")
def keras():
    runtime.start_keras(MACHINE)
    import keras

    return keras


def shown(backbone: str, count: int = 3) -> np.ndarray:
    """Images, uint8 (n, side, side, 3)."""
    side = SIDE.get(backbone, 64)
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)


def mean(backbone: str) -> np.ndarray:
    """float32 (side, side, 3), the same for every image."""
    side = SIDE.get(backbone, 64)
    return np.linspace(100, 150, side * side * 3, dtype=np.float32).reshape(side, side, 3)


def centred(backbone: str, images: np.ndarray) -> np.ndarray:
    """float32, as the trunk takes them."""
    return images.astype(np.float32) - mean(backbone)


def built(backbone: str, pool: str = "average") -> "keras.Model":
    """A trunk with weights that depend on the seed alone, calibrated: without, most of them answer next to nothing."""
    runtime.set_seed(7)
    body = build_extractor(backbone, SIDE.get(backbone, 64), pool, "backbone", None)
    calibrate(body, preprocess_images(centred(backbone, shown(backbone, 6)), backbone, "backbone"))
    return body


kept = cache(built)


def halves(backbone: str, layers: int | str, pool: str = "average", build=kept) -> tuple["keras.Model", SplitModel]:
    """A trunk, the same for every cut unless it is trained, and its halves."""
    body = build(backbone, pool)
    return body, split_model(body, mean(backbone), backbone, pool, "backbone", layers)


def agree(mine: np.ndarray, whole: np.ndarray) -> None:
    """Equal to 1e-5 of the largest value, which is not next to nothing."""
    largest = np.abs(whole).max()
    assert largest > 0.1
    np.testing.assert_allclose(mine, whole, rtol=0, atol=1e-5 * largest)


def answer(half: SplitModel, images: np.ndarray) -> np.ndarray:
    """What the tail makes of what crosses."""
    return np.asarray(half.tail(as_list(half.frozen(images, training=False)), training=False))


@pytest.mark.parametrize("layers", [0, 1, 10, 20, 40, "all"])
@pytest.mark.parametrize(
    "backbone", ["resnet50", "inception_v3", "vgg16", "vgg19", "mobilenet_v2", "convnext_tiny", "efficientnet_v2_b0"]
)
def test_the_halves_say_what_the_whole_says(backbone, layers):
    if backbone.startswith("vgg") and layers in (20, 40):
        layers = {20: 5, 40: 15}[layers]  # they have 19 and 22 layers
    body, half = halves(backbone, layers)
    images = shown(backbone)
    agree(answer(half, images), np.asarray(body(centred(backbone, images), training=False)))


@pytest.mark.parametrize("layers", [0, 5, 25, 50])
@pytest.mark.parametrize("pool", ["flatten", "style"])
def test_maps_that_are_pooled_before_the_cut_cross_it_pooled(pool, layers):
    body, half = halves("mobilenet_v2", layers, pool)
    images = shown("mobilenet_v2")
    agree(answer(half, images), np.asarray(body(centred("mobilenet_v2", images), training=False)))
    if pool == "style" and layers == 0:
        assert {len(shape) for shape, _ in half.crossing} == {1}


def test_the_cut_is_the_study_s_place():
    body, half = halves("resnet50", 10)
    core = body.get_layer("core").layers
    assert [layer.trainable for layer in core] == [False] * (len(core) - 10) + [True] * 10
    assert half.crossing == [((2, 2, 2048), np.float32)]  # a whole block: its input is what its shortcut adds


def test_several_tensors_cross_an_inception_block():
    _, half = halves("inception_v3", 10)
    assert len(half.crossing) == 6


def test_with_everything_unfrozen_the_image_itself_crosses():
    _, half = halves("mobilenet_v2", "all")
    assert half.crossing == [((64, 64, 3), np.uint8)]
    assert half.bytes(1000) == 1000 * 64 * 64 * 3


def learners(keras, backbone: str, layers: int) -> tuple["keras.Model", "keras.Model", list[list[np.ndarray]]]:
    """The plain way, images through the whole model, and the tail on what crosses: equal weights, each its own."""
    whole_body, _ = halves(backbone, layers, build=built)
    head = build_head(whole_body.output_shape[-1], 4, HEAD, None)
    whole = classifier.compose(whole_body, head, mean(backbone))
    tail_body, half = halves(backbone, layers, build=built)
    own = build_head(tail_body.output_shape[-1], 4, HEAD, None)
    own.set_weights(head.get_weights())
    tail = keras.Model(half.tail.inputs, own(half.tail.output))
    for model in (whole, tail):
        model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    batches = np.split(shown(backbone, 8), 2)  # as they are trained on: other batches round otherwise
    crossed = [[np.asarray(each) for each in as_list(half.frozen.predict_on_batch(batch))] for batch in batches]
    return whole, tail, crossed


@pytest.mark.parametrize(
    ("backbone", "layers"),
    [
        ("resnet50", 10),
        ("inception_v3", 10),
        ("vgg16", 4),
        ("vgg19", 4),
        ("mobilenet_v2", 0),
        ("mobilenet_v2", 20),
        ("convnext_tiny", 6),
        ("efficientnet_v2_b0", 10),
    ],
)
def test_the_first_steps_have_the_losses_and_gradients_of_the_plain_way(keras, backbone, layers):
    whole, tail, crossed = learners(keras, backbone, layers)
    images, labels = shown(backbone, 8), np.arange(8) % 4
    before = [np.array(weight) for weight in whole.trainable_weights]
    for step in range(3):
        chosen = slice(4 * (step % 2), 4 * (step % 2) + 4)
        plain = float(np.asarray(whole.train_on_batch(images[chosen], labels[chosen])))
        mine = float(np.asarray(tail.train_on_batch(crossed[step % 2], labels[chosen])))
        assert mine == pytest.approx(plain, rel=1e-5)
        if step == 0:  # with plain gradient descent what a step changes is the gradient
            agree_on_gradients(tail.trainable_weights, whole.trainable_weights, before)


def agree_on_gradients(mine: list, plain: list, before: list[np.ndarray]) -> None:
    """Every weight moved by the same, to 1e-3 of the tensor's largest step; some moved."""
    assert [weight.shape for weight in mine] == [weight.shape for weight in plain]
    moved = [np.asarray(weight) - start for weight, start in zip(plain, before, strict=True)]
    assert max(np.abs(step).max() for step in moved) > 1e-4
    for own, step, start in zip(mine, moved, before, strict=True):
        # a float32 weight tells its step only to its own last digit
        tolerance = 1e-3 * np.abs(step).max() + 2e-7 * np.abs(start).max()
        np.testing.assert_allclose(np.asarray(own) - start, step, rtol=0, atol=tolerance)


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "vgg16"])
def test_a_head_trained_on_cached_outputs_equals_one_trained_through_the_backbone(keras, backbone):
    images, labels, rows = shown(backbone, 24), np.arange(24) % 4, np.arange(24)
    body, half = halves(backbone, 0)
    [features] = as_list(half.frozen.predict_on_batch(images))
    schedule = TrainingParams(batch=8, epochs=5, patience=5)
    examples = TrainingData([features], features, labels, rows[:16], rows[16:])
    cached = Trainer(None, examples, 4, HEAD, schedule, MACHINE)
    head = build_head(features.shape[1], 4, HEAD, None)
    head.set_weights(cached.head.get_weights())
    start = head.get_weights()
    body.trainable = False
    through = classifier.compose(body, head, mean(backbone))
    through.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", jit_compile=False)
    batches = Batches([images], labels, rows[:16], 8, MACHINE.seed)
    losses, weights = [], []
    for epoch in range(schedule.epochs):
        losses.append(float(np.mean([through.train_on_batch(*batch) for batch in batches.epoch(epoch)])))
        weights.append(head.get_weights())
    history = cached.learn(0.001)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-4)
    best = weights[history["val_accuracy"].argmax()]  # the epoch whose weights are kept
    for mine, through_it, first in zip(cached.head.get_weights(), best, start, strict=True):
        assert np.abs(through_it - first).max() > 1e-3
        np.testing.assert_allclose(mine, through_it, rtol=0, atol=1e-4)


def test_what_the_tail_learned_is_in_the_body(keras):
    body, half = halves("mobilenet_v2", 20, build=built)
    images = shown("mobilenet_v2")
    before = np.asarray(body(centred("mobilenet_v2", images), training=False))
    for weight in half.tail.trainable_weights:
        weight.assign(weight * 1.5)
    after = np.asarray(body(centred("mobilenet_v2", images), training=False))
    assert np.abs(after - before).max() > 0.1
    agree(answer(half, images), np.asarray(body(centred("mobilenet_v2", images), training=False)))


def test_a_count_of_layers_that_the_trunk_does_not_have_is_refused():
    body, _ = halves("vgg16", 0)
    with pytest.raises(InputError, match=r"^unfreeze is 40: this trunk has 19 layers; give 0 to 19, or all$"):
        unfreeze_layers(body, 40)
