"""`webtoon-genre judge` on the demo site: drawings of artists whom the model has not seen, beside the genres of its own titles."""

import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.support.demo_model import GENRES
from webtoon_genre.core import paths
from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.world import World
from webtoon_genre.inference import judge as judging
from webtoon_genre.inference.model import load_model
from webtoon_genre.inference.references import load_references

pytestmark = pytest.mark.slow
TITLES, EPISODES = 24, 2
FIRST, SECOND = GENRES[0], pytest.param(GENRES[1], marks=pytest.mark.exhaustive)
OTHER_WORLD = 1999  # a seed that is not the demo site's: other titles by other artists


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A function: the judgement of pictures in groups against a genre, by the model of a run of the stages."""
    folder = tmp_path_factory.mktemp("judge")
    command = [sys.executable, "-m", "tests.support.demo_model"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    model, references = load_model(folder / paths.BEST), load_references(folder / paths.BEST)

    def judge(pictures: dict[str, np.ndarray], genre: str) -> judging.Judgement:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for name, picture in pictures.items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(name, picture)
            return judging.judge(model, references, model.predict(list(pictures)), genre)

    return judge


def drawings(genre: str) -> dict[str, np.ndarray]:
    """Two episodes of each of many titles of another world: files by name, a folder a title, uint8 (h, w, 3), BGR."""
    world = World(OTHER_WORLD, scale=0.0125)
    titles = [title for title in world.titles.values() if title.genre == genre]
    return {
        f"drawings/{title.id}/{slot}.png": drawing.thumbnail(world.seed, title.key, title.painters[0].id, slot)
        for title in islice(titles, TITLES)
        for slot in range(EPISODES)
    }


def mixture() -> dict[str, np.ndarray]:
    """Half of the titles of each genre."""
    return {name: picture for genre in GENRES for name, picture in islice(drawings(genre).items(), TITLES)}


def noise() -> dict[str, np.ndarray]:
    """Random pixels, each picture a group."""
    generator = np.random.default_rng(0)
    return {f"noise/{number}/0.png": generator.integers(0, 256, (120, 202, 3), np.uint8) for number in range(TITLES)}


@pytest.mark.parametrize("genre", GENRES)
def test_new_titles_of_a_genre_are_as_near_as_its_held_out_ones(judged, genre):
    judgement = judged(drawings(genre), genre)
    assert judgement.pictures.titles == TITLES
    assert judgement.conclusion.startswith(f"no difference from held-out titles of {genre} is shown: ")


@pytest.mark.parametrize("genre", [FIRST, SECOND])
def test_new_titles_of_the_other_genre_are_farther(judged, genre):
    (other,) = set(GENRES) - {genre}
    judgement = judged(drawings(other), genre)
    assert judgement.conclusion.startswith(f"the pictures lie farther from {genre} than its held-out titles do: ")


@pytest.mark.parametrize("genre", [FIRST, SECOND])
def test_a_mixture_lies_between_and_noise_far_out(judged, genre):
    (other,) = set(GENRES) - {genre}
    groups = (drawings(genre), mixture(), drawings(other), noise())
    scores = [judged(pictures, genre).pictures for pictures in groups]
    distances = [score.distance for score in scores]
    assert distances == sorted(distances)
    assert distances[-1] > 3 * distances[-2]
    assert scores[0].probability > scores[1].probability > scores[2].probability
