"""The commands of `webtoon-genre` that use a model, run as processes with the base's packages alone."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import REPOSITORY
from tests.support.image_factory import encode, quarters
from tests.support.tiny_model import CLASSES, write_model

BLOCKED = [
    "tensorflow",
    "keras",
    "dvc",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "onnx",
    "matplotlib",
    "requests",
    "ruamel",
]
PROGRAM = f"""\
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(name + " is not in the base")
sys.meta_path.insert(0, Blocker())
from webtoon_genre.cli import main
main()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with a model and three pictures, one of them no picture."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "models/best")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/1.png").write_bytes(encode(quarters()))
    (tmp_path / "pictures/빨강.jpg").write_bytes(encode(quarters()[:16, :32]))
    (tmp_path / "pictures/text.jpg").write_text("text")
    return tmp_path


def predict(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return command("predict", *arguments, stdin=stdin)


def command(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True)


def test_each_picture_has_its_labels_and_an_unreadable_one_is_named(folder):
    done = predict("pictures")
    assert done.returncode == 2
    assert done.stderr == ("webtoon-genre: pictures/text.jpg: 4 bytes starting b'text' are no JPEG, PNG, WebP or GIF\n")
    lines = done.stdout.splitlines()
    assert lines[0] == "pictures/1.png"
    assert lines[4] == (
        "  unlike the training pictures: distance 1.09 from the nearest title; 99 in 100 validation pictures: at most 1.00"
    )
    assert lines[5] == "pictures/빨강.jpg"
    assert lines[6].split() == ["action", "0.787", "액션"]
    assert len(lines) == 9


def test_top_shows_the_most_probable_labels(folder):
    done = predict("pictures/빨강.jpg", "--top", "1")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2


def test_json_is_a_line_for_each_picture_in_order(folder):
    done = predict("-", "--json", stdin="pictures/빨강.jpg\npictures/text.jpg\npictures/1.png\n")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["picture"] for record in records] == ["pictures/빨강.jpg", "pictures/text.jpg", "pictures/1.png"]
    assert records[0]["genre"] == "action"
    assert sum(records[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert records[1] == {
        "picture": "pictures/text.jpg",
        "error": "4 bytes starting b'text' are no JPEG, PNG, WebP or GIF",
    }
    assert done.returncode == 2


def test_csv_is_a_table_and_replaces_a_file_only_when_it_is_whole(folder):
    (folder / "out.csv").write_text("before")
    assert predict("pictures", "--csv", "out.csv", "--model", "nowhere").returncode == 1
    assert (folder / "out.csv").read_text() == "before"
    done = predict("pictures", "--csv", "out.csv")
    assert (done.returncode, done.stdout) == (2, "")
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["picture", "genre", "distance", "unlike", *(f"p_{name}" for name in CLASSES), "error"]
    assert [row["genre"] for row in rows] == [rows[0]["genre"], "", "action"]
    assert rows[1]["error"].startswith("4 bytes")


def test_a_missing_model_is_one_line(folder):
    done = predict("pictures", "--model", "nowhere")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "webtoon-genre: nowhere/config.json is not there; name a model's folder, or get one with `dvc pull models/best`\n"
    )


@pytest.mark.parametrize("options", [("--model", "https://example.org/study.git"), ("--rev", "v1")])
def test_a_repository_without_dvc_is_one_line(folder, options):
    done = predict("pictures", *options)
    assert done.returncode == 1
    assert "needs DVC, which is not installed here; install it" in done.stderr
    assert done.stderr.count("\n") == 1


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_similar_names_titles_the_nearest_first(folder):
    done = command("similar", "pictures/빨강.jpg", "--number", "2")
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == "pictures/빨강.jpg"
    assert [line.split()[1:] for line in lines] == [["action", "Red", "(0)"], ["comic", "Green", "(1)"]]
    distances = [float(line.split()[0]) for line in lines]
    assert distances == sorted(distances)


def test_similar_in_json_and_as_a_sheet(folder):
    done = command("similar", "pictures", "--json", "--sheet", "sheet.png")
    assert done.returncode == 2
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [title["title"] for title in records[2]["titles"]] == ["Red", "Green", "파랑"]
    assert "error" in records[1]
    assert size(folder / "sheet.png") == (4 * 120 + 8, 2 * 152 + 8)  # two pictures, each beside three titles


def test_judge_compares_pictures_with_real_titles(folder):
    done = command("judge", "pictures", "--genre", "action", "--sheet", "sheet.png")
    assert done.returncode == 2  # text.jpg
    assert "too few pictures or groups of them (2) to tell; " in done.stdout
    assert "held-out titles of comic" in done.stdout
    assert size(folder / "sheet.png") == (2 * 120 + 8, 152 + 8)
    record = json.loads(command("judge", "pictures", "--genre", "action", "--json").stdout)
    assert record["pictures"]["images"] == 2


def test_judge_of_an_unknown_genre_is_one_line(folder):
    done = command("judge", "pictures", "--genre", "sports")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "webtoon-genre: --genre is 'sports'; the model knows action, comic, daily\n"


def test_explain_draws_a_row_for_each_picture(folder):
    done = command("explain", "pictures", "--out", "heat.png", "--check")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pictures/1.png: ")
    assert "rank correlation +" in lines[0]
    assert lines[2] == "heat.png: red speaks for the label, blue against it"
    assert size(folder / "heat.png") == (3 * 120 + 8, 2 * 136 + 8)


@pytest.mark.parametrize("option", ["--json", "--csv=out.csv", "--top=2"])
def test_a_name_that_is_no_text_is_written_with_its_bytes(folder, option):
    path = os.fsencode(folder / "pictures") + b"/\xff.png"
    Path(os.fsdecode(path)).write_bytes(encode(quarters()))
    done = predict(os.fsdecode(path), option)
    assert (done.returncode, done.stderr) == (0, "")
    text = (folder / "out.csv").read_text(encoding="utf-8") if option.startswith("--csv") else done.stdout
    assert "\\udcff.png" in text
