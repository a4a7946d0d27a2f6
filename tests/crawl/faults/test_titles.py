"""Faulty or strange answers about titles: pages, lists of episodes, names, ids."""

import gzip
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import webtoon_server
from tests.support.crawl_faults import articles_url, crawl_at, endless_page, failure, info_url, prepare, status
from tests.support.crawl_proxy import LOG
from tests.support.crawl_runs import episodes, metrics, titles
from tests.support.fault_server import MEGABYTE, ZEROS, as_json, zipped
from tests.support.webtoon_server import Answer, Webtoons, episode, title

NAMES = {
    50: ("../../../escaped", "../escaped"),
    51: ("a/b\\c", "/etc/passwd"),
    52: ("😀 webtoon 👩‍👩‍👧", "작가"),
    53: ("bell\x07 tab\t newline\n", "\x1b[31mred"),
    54: ("nul\x00nul", "nul\x00"),
    55: ("half \ud800 pair", "\udc00"),
    56: ("길" * 10_000, "a" * 10_000),
}


def add_faulty_answers(site: Webtoons) -> None:
    """Add titles 30 to 46, whose pages or lists of episodes are faulty."""
    site.add(*[title(number, 1) for number in (30, 31, 32, 33, 34, 35, 39, 43, 44, 45, 46)])
    body = json.dumps(site.titles[31]["info"]).encode()
    not_a_number, infinite = episode(34, 1, starScore=float("nan")), episode(35, 1, starScore=float("inf"))
    site.answers |= {
        info_url(30): [zipped(ZEROS * 40)],
        info_url(31): [zipped(gzip.compress(body))],
        info_url(32): [Answer(body[: len(body) // 2])],
        info_url(33): [Answer(b"[" * 100_000 + b"]" * 100_000)],
        articles_url(34): [endless_page("articleList", 1, [not_a_number])],
        articles_url(35): [endless_page("articleList", 1, [infinite])],
        info_url(39): [as_json([site.titles[39]["info"]])],
        info_url(43): [Answer(status=404)],
        articles_url(44): [Answer(status=404)],
        info_url(45): [Answer(status=410)],
        info_url(46): [Answer(status=500)],
    }
    repeating, endless = title(41, 2), title(42, 2)
    for number in range(1, 40):
        site.answers[articles_url(41, number)] = [endless_page("articleList", number, repeating["articles"])]
        site.answers[articles_url(42, number)] = [endless_page("articleList", number, [episode(42, number)])]
    site.add(repeating, endless)


def add_names(site: Webtoons) -> None:
    """Add titles 50 to 56 with strange names."""
    for title_id, (name, author) in NAMES.items():
        strange = title(title_id, 1)
        strange["item"]["titleName"] = name
        strange["info"]["author"] = {"writers": [{"name": author}]}
        site.add(strange)


def add_forms(site: Webtoons) -> None:
    """Add titles 60 to 67 in the forms that the API uses, and 70 to 73 with strange ids."""
    forms = {number: title(number, 1) for number in range(60, 68)}
    del forms[60]["info"]["curationTagList"]
    forms[61]["item"]["finish"] = True
    forms[62]["info"]["finished"] = True
    for number, genres in ((63, ["PURE", "STORY", "ACTION"]), (64, "DRAMA,PURE")):
        forms[number]["info"]["curationTagList"] = [{"curationType": "CUSTOM_TAG"}]
        forms[number]["info"]["gfpAdCustomParam"] = {"genreTypes": genres, "adultYn": "N"}
    forms[65]["info"] |= {"surprise": [1, {"two": None}], "thumbnailUrl": 7}
    del forms[66]["info"]["author"]
    forms[66]["info"]["communityArtists"] = [{"artistId": 1, "name": "새글", "artistTypeList": ["ARTIST_WRITER"]}]
    site.add(*forms.values())
    for number, title_id in {70: "70", 71: -71, 72: 2**70, 73: None}.items():
        strange = title(number, 1, lists=["DRAMA"])
        strange["item"]["titleId"] = title_id
        site.titles[number] = strange


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One crawl of all these titles: its folder, site and ended process."""
    folder = tmp_path_factory.mktemp("titles")
    prepare(folder, retries=2, timeout=20)
    with webtoon_server.serve() as site:
        add_faulty_answers(site)
        add_names(site)
        add_forms(site)
        process = crawl_at(folder, site, "--max-pages=35")
        assert process.returncode == 0, process.stderr
        yield SimpleNamespace(folder=folder, site=site, process=process)


@pytest.fixture
def faulty(outcome: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That crawl, with its folder as the working directory."""
    monkeypatch.chdir(outcome.folder)
    return outcome


def test_a_title_whose_page_answers_with_a_server_error_is_counted(faulty):
    assert failure(46) == ("http_500", "the answer is HTTP 500")


def test_an_answer_that_exceeds_the_limit_when_unpacked_is_too_large(faulty):
    assert failure(30) == ("too_large", "no answer: too large")


def test_an_oversized_answer_is_never_in_memory(faulty):
    assert faulty.process.peak < 600 * MEGABYTE  # a seventh of the size of title 30's page


def test_names_do_not_become_paths(faulty):
    thumbnails = faulty.folder / "data/raw/thumbnails"
    assert {path.stem for path in thumbnails.iterdir()} <= {str(number) for number in range(20, 80)}
    assert {path.name for path in faulty.folder.iterdir()} == {"data", "metrics", "params.yaml", LOG}
    assert {path.name for path in (faulty.folder / "data").iterdir()} == {"raw", ".raw.lock"}
    assert not [*faulty.folder.parent.rglob("*escaped*")]


@pytest.mark.parametrize("title_id", [number for number in NAMES if number != 55])
def test_names_are_stored_as_they_are(faulty, title_id):
    row = titles().loc[title_id]
    assert (row["title"], row["authors"].tolist()) == (NAMES[title_id][0], [NAMES[title_id][1]])
    assert status(1, title_id) == "ok"


def test_a_lone_surrogate_is_replaced(faulty):
    row = titles().loc[55]
    assert (row["title"], row["authors"].tolist()) == ("half \ufffd pair", ["\ufffd"])


@pytest.mark.parametrize("title_id", [32, 33])
def test_an_answer_that_is_no_json_fails_that_title(faulty, title_id):
    reason, detail = failure(title_id)
    assert reason == "not_json"
    assert detail.startswith("the answer is no JSON: b'")


@pytest.mark.parametrize("title_id", [34, 35])
def test_a_score_that_is_no_number_fails_that_title(faulty, title_id):
    reason, detail = failure(title_id)
    assert reason == "bad_value"
    assert detail.startswith("articleList.0.starScore is ")


def test_a_list_instead_of_an_object_fails_that_title(faulty):
    reason, detail = failure(39)
    assert reason == "bad_value"
    assert detail.startswith("the answer is ")


@pytest.mark.parametrize("title_id", [-71, 2**70])
def test_an_id_out_of_range_fails_that_title(faulty, title_id):
    reason, detail = failure(title_id)
    assert reason == "bad_value"
    assert detail.startswith(f"titleId is '{title_id}': ")


def test_an_id_that_is_no_number_is_a_failure_and_an_id_as_text_is_not(faulty):
    assert [item["detail"] for item in metrics()["failures"] if item["title_id"] is None] == [
        "titleId is 'None': Input should be a valid integer"
    ]
    assert 70 in titles().index


def test_endlessly_repeated_episodes_are_stored_once(faulty):
    assert episodes().loc[41].index.tolist() == [1, 2]
    assert len([url for url in faulty.site.requests if "titleId=41&page" in url]) == 2


def test_an_endless_list_of_episodes_fails_that_title(faulty):
    assert failure(42) == ("endless", "the list has no end after 35 pages")


@pytest.mark.parametrize("title_id", [43, 44, 45])
def test_a_title_on_a_list_whose_page_is_gone_is_left_out_as_deleted(faulty, title_id):
    assert title_id not in titles().index
    assert title_id not in {item["title_id"] for item in metrics()["failures"]}
    assert metrics()["left_out"]["deleted"] == 3


def test_a_missing_key_of_a_title_s_page_is_reported(faulty):
    assert failure(60) == ("missing_key", "curationTagList is missing")


def test_finish_of_a_list_and_finished_of_a_page_are_the_same(faulty):
    assert titles()["finished"].loc[[61, 62]].tolist() == [True, True]


@pytest.mark.parametrize(("title_id", "genres"), [(63, ["pure", "action"]), (64, ["drama", "pure"])])
def test_genres_for_advertisers_count_where_no_tag_is_a_genre(faulty, title_id, genres):
    assert titles().loc[title_id, "genres"].tolist() == genres


def test_unknown_keys_are_ignored(faulty):
    assert status(1, 65) == "ok"


@pytest.mark.parametrize(("title_id", "authors"), [(65, ["글", "그림"]), (66, ["새글"])])
def test_authors_are_read_from_either_form(faulty, title_id, authors):
    assert titles().loc[title_id, "authors"].tolist() == authors


def test_the_log_has_lines_and_no_traceback(faulty):
    assert {line.split(":")[0] for line in faulty.process.stderr.splitlines()} == {"crawl"}
