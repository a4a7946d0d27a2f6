"""stages/report.py: one page from what is there, whatever the labels and experiments; its numbers are those of the metrics files."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stages import report
from tests.conftest import REPOSITORY, edit_params
from tests.support.random_predictions import label_names
from tests.support.report_inputs import write_inputs
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.evaluation import study
from webtoon_genre.report.traced import Metrics

ANIMALS, STUDY = ["bird", "cat", "dog"], sorted(study.GENRES)
LOADS = ("src", "href", "action", "poster", "srcset")


class Page(HTMLParser):
    """What a page has. sourced: (attributes, text) of each element with a source; texts: all text outside of styles and scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.sourced: list[tuple[dict, str]] = []
        self.loads: list[str] = []
        self.identities: list[str] = []
        self.pictures: list[dict] = []
        self.texts: list[str] = []
        self._open: list[tuple[str, dict | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.loads += [values[name] for name in LOADS if values.get(name)]
        self.identities += [values["id"]] if "id" in values else []
        self.pictures += [values] if tag == "img" else []
        if tag not in ("meta", "img", "line", "circle", "br", "polygon", "polyline"):
            self._open.append((tag, values if "data-source" in values else None))
            if "data-source" in values:
                self.sourced.append((values, ""))

    def handle_endtag(self, tag):
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, text):
        if self._open and self._open[-1][0] in ("style", "script"):
            return
        self.texts.append(text)
        if self._open and self._open[-1][1] is not None:
            attributes, before = self.sourced[-1]
            self.sourced[-1] = (attributes, before + text)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A function: the folder in which the stage ran for some labels."""
    folders: dict[tuple, Path] = {}

    def build(labels: list[str]) -> Path:
        if tuple(labels) not in folders:
            folder = folders[tuple(labels)] = tmp_path_factory.mktemp("report")
            (folder / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(folder)
                source = "naver" if set(labels) == study.GENRES else "folder"
                write_inputs(labels, lambda values: edit_params(folder / "params.yaml", values), source)
                report.main()
        return folders[tuple(labels)]

    return build


@pytest.fixture(params=[["yes", "no"], ANIMALS, STUDY, label_names(18)], ids=["2", "3", "study", "18"])
def folder(request, built) -> Path:
    """Such a folder, for several sets of labels."""
    return built(request.param)


@pytest.fixture
def animals(built, tmp_path, monkeypatch) -> Path:
    """A copy of the folder for ANIMALS, as working directory."""
    shutil.copytree(built(ANIMALS), tmp_path / "animals")
    monkeypatch.chdir(tmp_path / "animals")
    return tmp_path / "animals"


def read_page() -> Page:
    """The page in the working directory."""
    return Page(paths.REPORT.read_text(encoding="utf-8"))


@pytest.fixture
def page(folder, monkeypatch) -> Page:
    """The page, in its folder."""
    monkeypatch.chdir(folder)
    return read_page()


def test_every_number_and_sentence_is_that_of_its_source(page):
    assert len(page.sourced) > 200
    for attributes, text in page.sourced:
        path, _, pointer = attributes["data-source"].partition("#")
        expected = Metrics(paths.METRICS).at(f"{Path(path).relative_to(paths.METRICS).with_suffix('')}#{pointer}")
        if "value" not in attributes:
            assert text == expected
            continue
        assert json.loads(attributes["value"]) == expected
        shown = text.replace("\N{NARROW NO-BREAK SPACE}", "")
        digits = len(shown.partition(".")[2])
        assert float(shown) == pytest.approx(expected, abs=0.5 * 10**-digits + 1e-9)


def test_nothing_is_loaded_and_every_link_leads_to_a_part_of_the_page(page):
    links = [load for load in page.loads if not load.startswith("data:")]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(page.identities)
    assert len(page.identities) == len(set(page.identities))
    assert all(picture["alt"] for picture in page.pictures)
    assert paths.REPORT.stat().st_size < 5_000_000
    style = re.search(r"<style>.*?</style>", paths.REPORT.read_text(), re.DOTALL)[0]
    assert not re.search(r"url\((?!data:|\"data:)|@import", style)


def test_experiments_that_no_code_names_have_their_part(page):
    text = " ".join(" ".join(page.texts).split())
    assert "Does the weather matter?" in text
    assert "accuracy on rainy days: a gain, +0.125 [+0.050, +0.200], 30 titles" in text
    assert "kinds › " in text
    assert {"experiment-weather", "experiment-nearby", "stage-weather", "title-0"} <= set(page.identities)
    figures = [picture["alt"] for picture in page.pictures]
    assert "figure weather: 0.500" in figures
    assert "figure weather_more: 0.500" in figures
    assert "figure nearby: 0.500" not in figures  # its map stands for it


def test_a_page_about_animals_knows_no_webtoons(animals):
    text = " ".join(read_page().texts).lower()
    assert "bird, cat, dog" in text
    for word in ("genre ", "webtoon’s", "thumbnail", "naver", "0.5478"):
        assert word not in text.replace("webtoon-genre", "")


def test_the_study_stands_beside_its_genres_with_what_keeps_them_apart(built, monkeypatch):
    monkeypatch.chdir(built(STUDY))
    text = " ".join(" ".join(read_page().texts).split())
    assert "The original study reports 0.5478" in text
    assert "Not comparable here: titles kept apart" in text
    assert "other pictures" not in text
    assert "do not pass this page on" in text


def test_two_runs_write_the_same_bytes(animals):
    first = paths.REPORT.read_bytes()
    report.main()
    assert paths.REPORT.read_bytes() == first
    assert str(animals.parent).encode() not in first


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("metrics/finetune.json", "metrics/finetune.json is not there; `dvc repro finetune` makes it"),
        ("plots/summary.png", "plots/summary.png is not there; `dvc repro` makes it"),
        ("dvc.lock", "dvc.lock is not there; `dvc repro report` makes it"),
        ("data/best_predictions.parquet", "data/best_predictions.parquet is not there; `dvc repro finetune` makes it"),
    ],
)
def test_a_missing_input_is_named_and_the_page_stays(animals, missing, message):
    before = paths.REPORT.read_bytes()
    Path(missing).unlink()
    with pytest.raises(InputError, match=re.escape(message)):
        report.main()
    assert paths.REPORT.read_bytes() == before
