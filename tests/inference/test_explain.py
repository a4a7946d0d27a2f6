"""webtoon_genre/inference/explain.py: heat maps add up to the change of the score, and agree with occlusion."""

import numpy as np
import pytest

from tests.support.tiny_model import CLASSES, head, write_model
from webtoon_genre.inference import explain as explaining
from webtoon_genre.inference.explain import heat_map, rank_correlation
from webtoon_genre.inference.head import Head
from webtoon_genre.inference.model import load_model

POOLS = ["flatten", "average", "style", "gram"]


def pooled(maps: list[np.ndarray], pool: str) -> np.ndarray:
    """The style vector of maps, as features/pooling.py computes it."""
    if pool == "flatten":
        return maps[0].reshape(-1)
    if pool == "average":
        return maps[0].mean(axis=(0, 1))
    if pool == "gram":
        products = [np.einsum("hwi,hwj->ij", array, array) / array[..., 0].size for array in maps]
        return np.concatenate([product[np.triu_indices(len(product))] for product in products])
    means = [array.mean(axis=(0, 1)) for array in maps]
    deviations = [np.sqrt(array.var(axis=(0, 1)) + 1e-5) for array in maps]
    return np.concatenate([*means, *deviations])


@pytest.mark.parametrize("pool", POOLS)
def test_the_mean_of_a_heat_map_is_the_change_of_the_score_to_first_order(pool, monkeypatch):
    monkeypatch.setattr(explaining.cv2, "GaussianBlur", lambda heat, *_: heat)  # it moves heat beyond the border
    generator = np.random.default_rng(1)
    maps = [generator.normal(size=(8, 8, 6)), generator.normal(size=(4, 4, 10))][
        : 2 if pool in ("style", "gram") else 1
    ]
    style = pooled(maps, pool)
    gradient, mean = generator.normal(size=(2, len(style))).astype(np.float32)
    heat = heat_map(maps, gradient, mean, pool, 16)
    assert heat.shape == (16, 16)
    assert heat.mean() == pytest.approx(gradient @ (style - mean), rel=0.02, abs=0.05)


def test_heat_is_where_the_features_are():
    image = np.zeros((8, 8, 2))
    image[2:4, 5:7, 0] = 1
    heat = heat_map([image], np.array([3.0, 0.0]), np.zeros(2), "average", 8)
    assert np.unravel_index(heat.argmax(), heat.shape)[0] in (2, 3)
    assert np.unravel_index(heat.argmax(), heat.shape)[1] in (5, 6)
    assert (heat_map([image], np.array([-3.0, 0.0]), np.zeros(2), "average", 8) <= 0).all()


def test_gradients_are_those_of_the_logits():
    generator = np.random.default_rng(2)
    random = Head(
        *(generator.normal(size=shape).astype(np.float32) for shape in [(7,)]),
        generator.uniform(0.5, 2, 7).astype(np.float32),
        *(generator.normal(size=shape).astype(np.float32) for shape in [(7, 5), (5,), (5, 3), (3,)]),
    )
    style, step = generator.normal(size=(1, 7)).astype(np.float32), 1e-3
    for feature in range(7):
        moved = style.copy()
        moved[0, feature] += step
        change = (random.logits(moved) - random.logits(style))[0] / step
        np.testing.assert_allclose(random.gradients(style)[0, :, feature], change - change.mean(), atol=0.02)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(write_model(tmp_path_factory.mktemp("explain") / "model"))


@pytest.fixture(scope="module")
def half_red(model):
    """A picture of which the left half is red and the right half green."""
    picture = np.full((8, 8, 3), 40, np.uint8)
    picture[:, :4, 0], picture[:, 4:, 1] = 250, 200
    return model.predict([picture])[0]


def test_each_class_is_explained_by_its_colour(model, half_red):
    explanation = explaining.explain(model, head(), half_red)
    assert explanation.labels == ["action", "comic"]
    red, green = explanation.heat
    assert red[:, :3].min() > red[:, 5:].max()
    assert green[:, 5:].min() > green[:, :3].max()


def test_a_heat_map_agrees_with_occlusion(model, half_red):
    explanation = explaining.explain(model, head(), half_red)
    falls, corners = explaining.occlusion(model, half_red, "action")
    assert len(falls) == len(corners) == 64
    assert explaining.agreement(explanation.heat[0], falls, corners) > 0.7
    assert explaining.check(model, explanation) == explaining.agreement(explanation.heat[0], falls, corners)


def test_ranks_agree_disagree_or_tell_nothing():
    x = np.array([1.0, 5.0, 2.0, 9.0])
    assert rank_correlation(x, x**3) == pytest.approx(1)
    assert rank_correlation(x, -x) == pytest.approx(-1)
    assert rank_correlation(x, np.zeros(4)) == 0
    assert len(CLASSES) == 3
