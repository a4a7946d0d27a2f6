"""The commands of docs/predict.md with the model that the pipeline exported."""

import json
import re

import pytest
from PIL import Image, ImageDraw

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow
PAGE = (REPOSITORY / "docs/predict.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (webtoon-genre .*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed, and a folder `drawings`."""
    repository = pipeline()
    repository.type(
        "mkdir drawings && cp docs/examples/fantasy.jpg drawings/1.jpg && cp docs/examples/comedy.jpg drawings/2.jpg"
    )
    return repository


@pytest.mark.parametrize("command", COMMANDS)
def test_each_documented_command_runs(clone, command):
    assert clone.type(command).strip()


def test_the_documented_python_prints_a_line_a_picture(clone):
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    (clone.folder / "example.py").write_text(code)
    assert len(clone.type("python example.py").splitlines()) == 2


def test_a_drawn_triangle_is_unlike_the_training_pictures(clone):
    image = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(image).polygon([(50, 180), (250, 180), (150, 20)], fill="red")
    image.save(clone.folder / "triangle.png")
    lines = clone.type("webtoon-genre predict triangle.png docs/examples/fantasy.jpg --json").splitlines()
    assert [json.loads(line)["unlike"] for line in lines] == [True, False]
