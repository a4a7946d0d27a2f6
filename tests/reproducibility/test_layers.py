"""webtoon_genre/reproducibility/layers.py: roots and quotients are rounded as IEEE 754 defines, so they equal NumPy's bit for bit."""

import numpy as np
import pytest

from tests.support.runtime_params import RUNTIME
from webtoon_genre.reproducibility.runtime import start_keras

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.normal(size=(6, 5, 5, 500)).astype(np.float32)
GAMMA, BETA, MEAN = GENERATOR.normal(size=(3, 500)).astype(np.float32)
VARIANCE = GENERATOR.uniform(0.1, 9, 500).astype(np.float32)


@pytest.fixture
def keras():
    start_keras(RUNTIME)
    import keras

    return keras


def batch_norm_model(keras, portable: bool, **options):
    """Build a model of one batch norm with the weights above."""
    from webtoon_genre.reproducibility.layers import use_portable_layers

    inputs = keras.Input(IMAGES.shape[1:])
    model = keras.Model(inputs, keras.layers.BatchNormalization(**options)(inputs))
    weights = {"gamma": GAMMA, "beta": BETA, "moving_mean": MEAN, "moving_variance": VARIANCE}
    model.set_weights([weights[weight.name] for weight in model.weights])
    return use_portable_layers(model) if portable else model


def numpy_batch_norm(gamma, beta, epsilon: float) -> np.ndarray:
    """Compute the model's expected output; every operation is rounded to float32."""
    spread = VARIANCE + np.float32(epsilon)
    scale = np.sqrt(spread) / spread * gamma
    return IMAGES * scale + (beta - MEAN * scale)


@pytest.mark.parametrize(
    ("options", "gamma", "beta"),
    [({}, GAMMA, BETA), ({"scale": False}, np.float32(1), BETA), ({"center": False}, GAMMA, np.float32(0))],
)
def test_batch_norm_gives_the_bits_of_numpy(keras, options, gamma, beta):
    model = batch_norm_model(keras, True, epsilon=1e-3, **options)
    assert np.array_equal(model.predict_on_batch(IMAGES), numpy_batch_norm(gamma, beta, 1e-3))


def test_batch_norm_equals_that_of_keras_up_to_rounding(keras):
    actual, expected = (batch_norm_model(keras, portable).predict_on_batch(IMAGES) for portable in (True, False))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_training_mode_updates_the_moving_statistics_as_in_keras(keras):
    models = [batch_norm_model(keras, portable, momentum=0.25) for portable in (True, False)]
    actual, expected = (np.asarray(model(IMAGES, training=True)) for model in models)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    for weight, expected_weight in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(weight, expected_weight, rtol=1e-5, atol=1e-6)
    assert not np.array_equal(models[0].layers[1].moving_mean, MEAN)


def test_a_frozen_batch_norm_keeps_its_statistics_in_training_mode(keras):
    model = batch_norm_model(keras, True)
    model.trainable = False
    assert np.array_equal(np.asarray(model(IMAGES, training=True)), model.predict_on_batch(IMAGES))
    assert np.array_equal(model.layers[1].moving_mean, MEAN)


def test_weights_are_stored_under_the_same_names_as_those_of_keras_layers(keras, tmp_path):
    batch_norm_model(keras, False).save_weights(tmp_path / "keras.weights.h5")
    model = batch_norm_model(keras, True)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(tmp_path / "keras.weights.h5")
    assert np.array_equal(model.layers[1].moving_variance, VARIANCE)


def test_a_copy_has_the_weights_and_names_of_its_model_and_leaves_it_unchanged(keras):
    from webtoon_genre.reproducibility.layers import BatchNormalization, use_portable_layers

    model = batch_norm_model(keras, False)
    copy = use_portable_layers(model)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    assert all(np.array_equal(*pair) for pair in zip(copy.get_weights(), model.get_weights(), strict=True))
    assert (type(copy.layers[1]), type(model.layers[1])) == (BatchNormalization, keras.layers.BatchNormalization)


def test_every_batch_norm_of_a_backbone_is_portable(keras):
    from webtoon_genre.features.backbone import build_backbone
    from webtoon_genre.reproducibility import layers

    norms = [
        layer
        for layer in build_backbone("mobilenet_v2", 32).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert len(norms) == 52
    assert {type(norm) for norm in norms} == {layers.BatchNormalization}


def test_the_quotient_of_a_softmax_has_the_bits_of_numpy(keras):
    from webtoon_genre.reproducibility.layers import softmax

    logits = GENERATOR.normal(size=(4000, 2)).astype(np.float32) * 5
    exponentials = np.asarray(keras.ops.exp(logits - logits.max(axis=-1, keepdims=True)))
    inputs = keras.Input((2,))
    probabilities = keras.Model(inputs, keras.layers.Activation(softmax)(inputs)).predict_on_batch(logits)
    assert np.array_equal(probabilities, exponentials / (exponentials[:, :1] + exponentials[:, 1:]))


def test_large_logits_give_no_nan(keras):
    from webtoon_genre.reproducibility.layers import softmax

    assert np.asarray(softmax(keras.ops.convert_to_tensor([[1e4, -1e4, 0.0]]))).tolist() == [[1.0, 0.0, 0.0]]


def test_a_loss_on_a_softmax_has_the_gradients_of_one_on_its_logits(keras):
    import tensorflow as tf

    from webtoon_genre.reproducibility.layers import softmax

    labels = np.array([0, 1, 2, 1])
    logits = tf.Variable(
        GENERATOR.normal(size=(4, 3)).astype(np.float32) * 50
    )  # so far apart that a clipped logarithm is flat
    gradients = []
    for activation, from_logits in ((softmax, False), (lambda x: x, True)):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
        with tf.GradientTape() as tape:
            value = loss(labels, activation(logits + 0))
        gradients.append(tape.gradient(value, logits).numpy())
    assert np.array_equal(*gradients)
    assert np.abs(gradients[0]).max() > 0.1
