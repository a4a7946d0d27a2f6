"""webtoon_genre/report/traced.py: numbers as HTML with their source, and the scores that a metrics file has."""

import json
import re

import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.report.traced import Metrics, escape, scores_of

CONTENT = {
    "accuracy": 0.6774,
    "accuracy_interval": [0.58, 0.7688],
    "accuracy_by_seed": [0.67, 0.6848],
    "groups": 71,
    "images": 12345,
    "odd/na~me": {"recall": 0.5, "recall_interval": [0.0, 1.0]},
    "change": {"difference": 0.05, "interval": [0.01, 0.09], "titles": 30},
    "steps": [{"label": "cat", "f1": 0.25, "f1_interval": [0.2, 0.3], "titles": 9}],
    "nothing": None,
}


@pytest.fixture
def metrics(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "metrics"
    folder.mkdir()
    (folder / "trial.json").write_text(json.dumps(CONTENT))
    return Metrics(folder.relative_to(tmp_path))


def test_a_number_has_its_value_and_its_source(metrics):
    assert metrics.number("trial#/accuracy", ".2f") == (
        '<data value="0.6774" data-source="metrics/trial.json#/accuracy">0.68</data>'
    )
    assert ">12\N{NARROW NO-BREAK SPACE}345<" in metrics.count("trial#/images")


def test_a_score_stands_beside_its_interval(metrics):
    text = re.sub("<.*?>", "", metrics.score("trial#/accuracy"))
    assert text == "0.677 [0.580, 0.769]"


def test_a_difference_says_what_it_shows(metrics):
    text = re.sub("<.*?>", "", metrics.change("trial#/change"))
    assert text == "a gain, +0.050 [+0.010, +0.090], 30 titles"


def test_keys_with_slashes_and_tildes_are_escaped(metrics):
    reference = f"trial#/{escape('odd/na~me')}/recall"
    assert reference == "trial#/odd~1na~0me/recall"
    assert metrics.at(reference) == 0.5


def test_every_number_with_an_interval_is_a_score_with_its_titles(metrics):
    scores = {" ".join(score.words): score for score in scores_of(metrics, "trial")}
    assert list(scores) == ["accuracy", "odd/na~me recall", "change", "steps cat f1"]
    assert [score.titles for score in scores.values()] == [
        "trial#/groups",
        "trial#/groups",
        "trial#/change/titles",
        "trial#/steps/0/titles",
    ]
    assert [score.signed for score in scores.values()] == [False, False, True, False]
    assert [score.seeds for score in scores.values()] == ["trial#/accuracy_by_seed", None, None, None]
    for score in scores.values():
        low, high = metrics.at(score.interval)
        assert low <= metrics.at(score.reference) <= high


def test_what_is_null_or_missing_is_not_there(metrics):
    assert metrics.has("trial#/images")
    assert not any(map(metrics.has, ("trial#/nothing", "trial#/other", "trial#/steps/1", "other#/images")))
    with pytest.raises(InputError, match=r"^metrics/other\.json is not there; `dvc repro other` makes it$"):
        metrics.file("other")


def test_texts_are_escaped(metrics):
    (metrics.folder / "odd.json").write_text(json.dumps({"outcome": "<b>&</b>"}))
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in metrics.text("odd#/outcome")
