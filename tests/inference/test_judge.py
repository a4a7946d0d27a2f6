"""webtoon_genre/inference/judge.py: pictures of a genre are near it, of another one far, a mixture between, noise farthest."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.tiny_model import CLASSES, references, titles, write_model
from webtoon_genre.core.errors import InputError
from webtoon_genre.inference import judge as judging
from webtoon_genre.inference.model import Prediction, load_model
from webtoon_genre.inference.references import ReferenceImages

CENTRES = titles().vectors  # of the classes, standardised
HELD_OUT, IMAGES = 12, 3  # titles of a class, and their images


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(write_model(tmp_path_factory.mktemp("judge") / "model"))


def pictures(label: int, number: int, seed: int, spread: float = 0.3) -> list[Prediction]:
    """Pictures around a class, in the model's own space."""
    index, generator = titles(), np.random.default_rng(seed)
    standardised = CENTRES[label] + generator.normal(0, spread, (number, 3))
    styles = (standardised * index.deviation + index.mean).astype(np.float32)
    square = np.zeros((8, 8, 3), np.uint8)
    chosen = {name: 0.8 if position == label else 0.1 for position, name in enumerate(CLASSES)}
    return [
        Prediction(f"{label}-{position}", chosen, square, style, 0.0, False) for position, style in enumerate(styles)
    ]


def judged(model, predictions, genre="action"):
    return judging.judge(model, references(), predictions, genre)


def test_pictures_of_the_genre_are_as_near_as_its_held_out_titles(model):
    judgement = judged(model, pictures(0, 30, 5))
    assert judgement.conclusion.startswith("no difference from held-out titles of action is shown: ")
    low, high = judgement.pictures.farther_interval
    assert low <= 0 <= high
    assert judgement.pictures.probability == pytest.approx(0.8)
    assert (judgement.held_out.titles, judgement.held_out.images) == (HELD_OUT, HELD_OUT * IMAGES)


def test_pictures_of_another_genre_are_shown_to_be_farther(model):
    judgement = judged(model, pictures(1, 30, 5))
    assert judgement.conclusion.startswith("the pictures lie farther from action than its held-out titles do: +")
    other = {score.name: score for score in judgement.others}["held-out titles of comic"]
    assert judgement.pictures.distance == pytest.approx(other.distance, rel=0.25)


def test_a_mixture_lies_between_and_noise_far_out(model):
    action, comic = pictures(0, 40, 5), pictures(1, 40, 6)
    distances = [
        judged(model, group).pictures.distance
        for group in (action, action[:20] + comic[:20], comic, pictures(1, 40, 7, spread=5.0))
    ]
    assert distances == sorted(distances)
    assert distances[3] > 2 * distances[2]


def test_the_pictures_that_fit_least_come_first(model):
    judgement = judged(model, pictures(0, 3, 5) + pictures(2, 2, 6))
    assert [name for name, _ in judgement.worst] == ["2-0", "2-1", "0-0", "0-1", "0-2"]


def test_few_pictures_are_too_few_to_tell(model):
    judgement = judged(model, pictures(1, 4, 5))
    assert judgement.conclusion.startswith("too few pictures or groups of them (4) to tell; +")


@pytest.mark.parametrize(
    ("genre", "number", "message"),
    [
        ("sports", 30, r"^--genre is 'sports'; the model knows action, comic, daily$"),
        ("action", 1, r"^1 picture can be judged; give 2 at least, tens for a useful interval$"),
        ("action", 0, r"^0 pictures can be judged; "),
    ],
)
def test_what_cannot_be_judged_is_one_line(model, genre, number, message):
    with pytest.raises(InputError, match=message):
        judged(model, pictures(0, number, 5), genre)


def test_a_genre_without_held_out_titles_is_one_line(model):
    real = references()
    few = ReferenceImages(**{**vars(real), "held_out": real.held_out & (real.labels != 0)})
    with pytest.raises(InputError, match=r"^action has too few real titles for a comparison"):
        judging.judge(model, few, pictures(0, 30, 5), "action")


def test_the_text_has_a_line_for_each_group_the_nearest_first(model):
    judgement = judged(model, pictures(0, 30, 5))
    lines = judging.as_text(judgement).splitlines()
    assert lines[0].split("  ")[0] == ""
    assert {line.split("  ")[0] for line in lines[1:5]} == {
        "the pictures",
        *(f"held-out titles of {name}" for name in CLASSES),
    }
    assert lines[6] == f"{judgement.conclusion}."
    assert judging.as_record(judgement)["genre"] == "action"


def test_pictures_in_folders_are_one_group_a_folder():
    names = ["a/1.png", "a/2.png", "b/1.png", "a/3.png"]
    named = [replace(picture, name=name) for picture, name in zip(pictures(0, 4, 1), names, strict=True)]
    assert judging.groups_of(named).tolist() == [0, 0, 1, 0]
    assert judging.groups_of(named[:2]).tolist() == [0, 1]
