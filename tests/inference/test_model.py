"""webtoon_genre/inference/model.py: predictions of an exported model, through the package's `load`."""

import numpy as np
import pytest

import webtoon_genre
from tests.support.image_factory import encode
from tests.support.tiny_model import CLASSES, SHARPNESS, titles, write_model
from webtoon_genre.core.errors import InputError
from webtoon_genre.inference.model import Unreadable

RED, GREEN = np.full((8, 8, 3), (200, 40, 40), np.uint8), np.full((8, 8, 3), (40, 200, 40), np.uint8)
GREY = np.full((8, 8, 3), 128, np.uint8)


@pytest.fixture
def model(tmp_path):
    return webtoon_genre.load(write_model(tmp_path / "model"))


def test_predictions_are_calibrated_and_ranked(model):
    (prediction,) = model.predict([RED])
    logits = np.array([200, 40, 40]) * SHARPNESS / 2.0  # the temperature
    expected = np.exp(logits) / np.exp(logits).sum()
    assert prediction.genre == "action"
    assert list(prediction.probabilities) == CLASSES  # equal ones in the order of the classes
    np.testing.assert_allclose(list(prediction.probabilities.values()), expected, rtol=1e-5)


def test_a_picture_in_the_style_of_a_title_is_near_and_another_one_is_unlike(model):
    red, grey = model.predict([RED, GREY])
    assert red.distance == pytest.approx(0, abs=1e-3)
    assert not red.unlike
    expected = np.linalg.norm((np.array([128, 128, 128]) - [200, 40, 40]) / 75) / np.sqrt(3)
    assert grey.distance == pytest.approx(expected, rel=1e-4)
    assert grey.unlike


def test_results_do_not_depend_on_batches(model):
    sources = [RED, GREEN, GREY] * 30
    together = model.predict(sources)
    alone = [model.predict([source])[0] for source in sources[:3]]
    for position, prediction in enumerate(together):
        assert prediction.probabilities == pytest.approx(alone[position % 3].probabilities)


def test_a_stream_has_an_entry_for_each_picture_in_order(model):
    results = list(model.stream([b"text", encode(RED, "PNG"), b"", encode(GREEN, "PNG")]))
    assert [type(result) is Unreadable for result in results] == [True, False, True, False]
    assert [result.name for result in results] == [f"picture {number}" for number in range(4)]
    assert [result.genre for result in results[1::2]] == ["action", "comic"]


def test_predict_names_all_unreadable_pictures_at_once(model, tmp_path):
    with pytest.raises(InputError) as error:
        model.predict([tmp_path / "gone.png", RED, b"text"])
    assert str(error.value) == (
        f"{tmp_path}/gone.png: no such file or directory; picture 2: 4 bytes starting b'text' are no JPEG, PNG, WebP or GIF"
    )


@pytest.mark.parametrize("name", ["config.json", "model.onnx", "titles.npz"])
@pytest.mark.parametrize("content", [None, b"", b"damaged", "cut"])
def test_a_missing_or_damaged_file_is_one_line(tmp_path, name, content):
    folder = write_model(tmp_path / "model")
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(InputError, match=rf"^{folder}/{name} .*`dvc pull( models/best)?`$") as error:
        webtoon_genre.load(folder)
    assert "\n" not in str(error.value)


def test_a_model_that_was_not_exported_is_one_line(tmp_path):
    folder = write_model(tmp_path / "model")
    config = (folder / "config.json").read_text().replace('"temperature"', '"other"')
    (folder / "config.json").write_text(config)
    with pytest.raises(
        InputError, match=r"is not a model's config of this version \(temperature\); get the model anew"
    ):
        webtoon_genre.load(folder)


def test_titles_of_the_model_are_at_hand(model):
    assert model.titles.titles.tolist() == titles().titles.tolist()
    assert model.classes == CLASSES
