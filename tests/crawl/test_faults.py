"""Faults of a site and of the network, each met by a real crawl of a server on loopback; docs/crawling.md lists them all."""

import gzip
import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support import fault_server as faults
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML
from tests.support.crawl_runs import LIST, command, contents, environment, episodes, metrics, titles

from tests.conftest import REPOSITORY
from tests.support import webtoon_server
from tests.support.crawl_proxy import DIRECTLY, LOG, SERVE
from tests.support.fault_server import MEGABYTE, ZEROS, as_json, zipped
from tests.support.webtoon_server import API, IMAGES, Answer, Webtoons, episode, picture, title
from webtoon_genre.crawl.http import IN_VAIN
from webtoon_genre.crawl.naver import api
from webtoon_genre.data.images import BadImage, decode_rgb

Crawl = Callable[..., Any]
QUICK = "--first-wait=0.02"  # seconds before a first retry
TOO_LATE = 86_400  # seconds
PNG = b"\x89PNG\r\n\x1a\n"
JPEG = picture(9, 9)


def prepare(folder: Path, **changes: Any) -> None:
    """A working directory for a crawl of two genres that puts up with almost anything, unless `changes` say otherwise."""
    crawl = YAML(typ="safe", pure=True).load((REPOSITORY / "params.yaml").read_text())["crawl"]
    crawl |= {"genres": ["pure", "drama"], "max_failed_share": 0.95, "max_bytes": 250_000, "retries": 1, "timeout": 20}
    with (folder / "params.yaml").open("w") as file:
        YAML().dump({"crawl": crawl | changes}, file)


@cache
def forks() -> subprocess.Popen[str]:
    """The process that crawls."""
    return subprocess.Popen(
        command(SERVE), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    """That process ends with the tests."""
    yield
    forks().communicate()
    forks.cache_clear()


@dataclass
class Done:
    """A crawl that has ended."""

    returncode: int
    stderr: str
    peak: int  # bytes of memory


def crawl_at(folder: Path, site: Webtoons, *arguments: str, within: float = 60) -> Done:
    """Crawl `site` in `folder`, through it as a proxy or, where it has none, directly; it must end `within` seconds."""
    if not site.proxy:
        arguments = (f"--api={site.names[API]}", f"--images={site.names[IMAGES]}", *arguments)
    words = [site.proxy or DIRECTLY, QUICK, *arguments]
    order = {"folder": str(folder), "words": words, "environment": environment()}
    forks().stdin.write(json.dumps(order) + "\n")
    pid = int(forks().stdout.readline())
    late = threading.Timer(within, os.kill, (pid, signal.SIGKILL))
    late.start()
    code, peak = json.loads(forks().stdout.readline())
    late.cancel()
    assert code != -signal.SIGKILL, f"the crawl did not end within {within} s"
    return Done(code, (folder / LOG).read_text(), peak)


@pytest.fixture
def site() -> Iterator[Webtoons]:
    with webtoon_server.serving() as site:
        yield site


@pytest.fixture
def direct() -> Iterator[Webtoons]:
    """Both hosts as servers of their own, without a proxy."""
    with webtoon_server.serving_directly() as site:
        yield site


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def crawl(site: Webtoons, work: Path) -> Crawl:
    """Crawl `site` in the test's working directory, with params changed."""

    def run(*arguments: str, within: float = 60, **changes: Any) -> Done:
        prepare(work, **changes)
        return crawl_at(work, site, *arguments, within=within)

    return run


def pages(key: str, number: int, items: list[Any]) -> Answer:
    """Page `number` of a list without an end."""
    return as_json({key: items, "pageInfo": {"page": number, "nextPage": number + 1}})


def info(title_id: int) -> str:
    """The address of a title's own page."""
    return f"{API}/api/article/list/info?titleId={title_id}"


def articles(title_id: int, page: int = 1) -> str:
    """The address of a title's episodes."""
    return f"{API}/api/article/list?titleId={title_id}&page={page}&sort=ASC"


def at(no: int, title_id: int = 20) -> str:
    """The address of a thumbnail."""
    return f"{IMAGES}/{title_id}/{no}.jpg"


def status(no: int, title_id: int = 20) -> str:
    """What became of an episode."""
    return episodes().loc[(title_id, no), "status"]


def failure(title_id: int) -> tuple[str, str]:
    """Why a title failed, as reason and detail."""
    [found] = [item for item in metrics()["failures"] if item["title_id"] == title_id]
    return found["reason"], found["detail"]


def redirect(location: str) -> Answer:
    """A redirect."""
    return Answer(status=302, headers={"Location": location})


# One crawl of everything that leaves the rest of a crawl alone; the tests below look at its outcome.


def picture_faults(other: str) -> dict[str, list[Answer]]:
    """What can be wrong with a picture, by a name for it; `other` is a port of this machine that is not the site's."""
    broken, large = Answer(status=500), 200 * MEGABYTE
    noise = gzip.compress(bytes(range(256)) * 4)
    return {
        "500 twice": [broken, broken, Answer(JPEG)],
        "503 for ever": [Answer(status=503)],
        "reset once": [Answer(raw=faults.reset_in(JPEG)), Answer(JPEG)],
        "reset in mid-body": [Answer(raw=faults.reset_in(JPEG))],
        "reset at once": [Answer(raw=faults.reset_at_once)],
        "too long a length": [
            Answer(JPEG, headers={"Content-Length": str(len(JPEG) + 50), "Connection": "close"}),
        ],
        "too short a length": [Answer(JPEG, headers={"Content-Length": "100", "Connection": "close"})],
        "no length": [Answer(raw=faults.says(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + JPEG[:-100]))],
        "half of gzip": [zipped(gzip.compress(JPEG)[:-100])],
        "no answer": [Answer(raw=faults.stall)],
        "half an answer": [Answer(raw=faults.stall_in(JPEG))],
        "drip": [Answer(raw=faults.drip(JPEG * 10))],
        "no HTTP": [Answer(raw=faults.says(b"220 smtp.test ESMTP\r\n" * 9))],
        "page": [Answer(b"<html>sorry</html>", headers={"Content-Type": "image/jpeg"})],
        "JSON": [Answer(b'{"error": 1}', headers={"Content-Type": "image/jpeg"})],
        "nothing": [Answer(b"", headers={"Content-Type": "image/jpeg"})],
        "bomb": [zipped(ZEROS * 2)],
        "no gzip": [zipped(b"this is no gzip" * 9)],
        "noise in gzip": [zipped(noise)],
        "large": [Answer(raw=faults.flood(JPEG, large, chunked=False))],
        "large in chunks": [Answer(raw=faults.flood(JPEG, large, chunked=True))],
        "loop": [redirect(at(30))],
        "chain": [redirect(f"{IMAGES}/chain/1")],
        "foreign": [redirect("http://elsewhere.test/1.jpg")],
        "loopback": [redirect(f"http://127.0.0.1:{other}/")],
        "localhost": [redirect(f"http://localhost:{other}/")],
        "private": [redirect("http://10.0.0.1/")],
        "metadata": [redirect("http://169.254.169.254/latest/meta-data/")],
        "IPv6 loopback": [redirect(f"http://[::1]:{other}/")],
        "file": [redirect("file:///etc/passwd")],
        "well": [Answer(PNG)],
    }


NUMBERS = {name: number for number, name in enumerate(picture_faults(""), 1)}
NAMES = {
    50: ("../../../escaped", "../escaped"),
    51: ("a/b\\c", "/etc/passwd"),
    52: ("😀 webtoon 👩‍👩‍👧", "작가"),
    53: ("bell\x07 tab\t newline\n", "\x1b[31mred"),
    54: ("nul\x00nul", "nul\x00"),
    55: ("half \ud800 pair", "\udc00"),
    56: ("길" * 10_000, "a" * 10_000),
}


def title_faults(site: Webtoons) -> None:
    """What can be wrong with a title: numbers 30 to 79."""
    site.add(*[title(number, 1) for number in (30, 31, 32, 33, 34, 35, 39, 43, 44, 45, 46)])
    whole = json.dumps(site.titles[31]["info"]).encode()
    unusable = episode(34, 1, starScore=float("nan")), episode(35, 1, starScore=float("inf"))
    site.answers |= {
        info(30): [zipped(ZEROS * 40)],
        info(31): [zipped(gzip.compress(whole))],
        info(32): [Answer(whole[: len(whole) // 2])],
        info(33): [Answer(b"[" * 100_000 + b"]" * 100_000)],
        articles(34): [pages("articleList", 1, [unusable[0]])],
        articles(35): [pages("articleList", 1, [unusable[1]])],
        info(39): [as_json([site.titles[39]["info"]])],
        info(43): [Answer(status=404)],
        articles(44): [Answer(status=404)],
        info(45): [Answer(status=410)],
        info(46): [Answer(status=500)],
    }
    repeating, endless = title(41, 2), title(42, 2)
    for number in range(1, 40):
        site.answers[articles(41, number)] = [pages("articleList", number, repeating["articles"])]
        site.answers[articles(42, number)] = [pages("articleList", number, [episode(42, number)])]
    site.add(repeating, endless)
    for title_id, (name, author) in NAMES.items():
        named = title(title_id, 1)
        named["listed"]["titleName"] = name
        named["info"]["author"] = {"writers": [{"name": author}]}
        site.add(named)
    shapes = {number: title(number, 1) for number in range(60, 68)}
    del shapes[60]["info"]["curationTagList"]
    shapes[61]["listed"]["finish"] = True
    shapes[62]["info"]["finished"] = True
    for number, told in ((63, ["PURE", "STORY", "ACTION"]), (64, "DRAMA,PURE")):
        shapes[number]["info"]["curationTagList"] = [{"curationType": "CUSTOM_TAG"}]
        shapes[number]["info"]["gfpAdCustomParam"] = {"genreTypes": told, "adultYn": "N"}
    shapes[65]["info"] |= {"surprise": [1, {"two": None}], "thumbnailUrl": 7}
    del shapes[66]["info"]["author"]
    shapes[66]["info"]["communityArtists"] = [{"artistId": 1, "name": "새글", "artistTypeList": ["ARTIST_WRITER"]}]
    site.add(*shapes.values())
    odd = {70: "70", 71: -71, 72: 2**70, 73: None}
    for number, title_id in odd.items():
        wrong = title(number, 1, lists=["DRAMA"])
        wrong["listed"]["titleId"] = title_id
        site.titles[number] = wrong


def misbehave(site: Webtoons, other: str) -> None:
    """All that can be wrong with pictures and titles."""
    plans = picture_faults(other)
    site.add(title(20, len(plans)))
    site.answers |= {at(NUMBERS[name]): answers for name, answers in plans.items()}
    site.answers[at(NUMBERS["loop"])] = [redirect(f"{IMAGES}/loop")]
    site.answers[f"{IMAGES}/loop"] = [redirect(at(NUMBERS["loop"]))]
    site.answers |= {f"{IMAGES}/chain/{number}": [redirect(f"{IMAGES}/chain/{number + 1}")] for number in range(1, 40)}
    site.answers[f"{IMAGES}/chain/40"] = [Answer(JPEG)]
    title_faults(site)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """That crawl: its folder, site, ended process, and what another server of this machine was asked meanwhile."""
    folder = tmp_path_factory.mktemp("faults")
    prepare(folder, retries=2, timeout=2.0)
    other = Webtoons()
    with webtoon_server.listening(other) as address, webtoon_server.serving() as site:
        misbehave(site, address.rpartition(":")[2])
        done = crawl_at(folder, site, "--most-pages=35")
        assert done.returncode == 0, done.stderr
        yield SimpleNamespace(folder=folder, site=site, done=done, other=other)


@pytest.fixture
def met(outcome: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That crawl, its folder being the working directory."""
    monkeypatch.chdir(outcome.folder)
    return outcome


def test_a_picture_that_comes_after_errors_of_the_server_is_stored(met):
    assert status(NUMBERS["500 twice"]) == "ok"


def test_an_error_of_the_server_that_stays_is_counted_after_all_retries(met):
    assert status(NUMBERS["503 for ever"]) == "http_503"
    assert met.site.asked.count(at(NUMBERS["503 for ever"])) == 3
    assert metrics()["failed"]["thumbnails"]["http_503"] == 1


def test_a_title_whose_page_answers_with_an_error_of_the_server_is_counted(met):
    assert failure(46) == ("http_500", "the answer is HTTP 500")


def test_a_picture_that_comes_after_a_reset_connection_is_stored(met):
    assert status(NUMBERS["reset once"]) == "ok"


def test_a_connection_reset_in_mid_body_each_time_is_counted(met):
    assert status(NUMBERS["reset in mid-body"]) == "cut_off"


def test_a_connection_reset_before_the_answer_each_time_is_counted(met):
    assert status(NUMBERS["reset at once"]) == "connection_lost"


def test_a_body_shorter_than_its_content_length_is_cut_off(met):
    assert status(NUMBERS["too long a length"]) == "cut_off"


@pytest.mark.parametrize("name", ["too short a length", "no length", "half of gzip"])
def test_a_picture_cut_short_where_http_cannot_tell_is_stored_as_served_and_refused_by_resize(met, name):
    row = episodes().loc[(20, NUMBERS[name])]
    [image] = [
        item["image"]
        for item in pq.read_table("data/raw/thumbnails/20.parquet").to_pylist()
        if item["no"] == NUMBERS[name]
    ]
    assert (row["status"], row["bytes"]) == ("ok", len(image))
    assert JPEG.startswith(image)
    with pytest.raises(BadImage) as error:
        decode_rgb(image, "20", 1000)
    assert error.value.reason == "truncated"


def test_a_server_that_never_answers_is_a_timeout(met):
    assert status(NUMBERS["no answer"]) == "timeout"


def test_a_body_that_stops_half_way_is_a_timeout(met):
    assert status(NUMBERS["half an answer"]) == "timeout"


def test_a_body_that_drips_for_longer_than_the_timeout_is_one(met):
    assert status(NUMBERS["drip"]) == "timeout"


def test_what_is_no_http_is_a_lost_connection(met):
    assert status(NUMBERS["no HTTP"]) == "connection_lost"


@pytest.mark.parametrize("name", ["page", "JSON", "nothing", "noise in gzip"])
def test_a_well_answer_that_is_no_picture_is_not_an_image(met, name):
    assert status(NUMBERS[name]) == "not_an_image"


def test_a_body_that_is_not_compressed_as_it_says_is_counted(met):
    assert status(NUMBERS["no gzip"]) == "bad_encoding"


def test_a_picture_that_swells_when_it_is_unpacked_is_too_large(met):
    assert status(NUMBERS["bomb"]) == "too_large"


def test_an_answer_that_swells_when_it_is_unpacked_is_too_large(met):
    assert failure(30) == ("too_large", "no answer: too large")


def test_what_swells_is_never_in_memory(met):
    assert met.done.peak < 600 * MEGABYTE  # a seventh of what title 30's page would take


def test_a_compressed_answer_is_read(met):
    assert status(1, 31) == "ok"


@pytest.mark.parametrize("name", ["large", "large in chunks"])
def test_a_picture_larger_than_the_limit_is_too_large_and_is_not_read_to_its_end(met, name):
    assert status(NUMBERS[name]) == "too_large"
    assert met.site.sent[at(NUMBERS[name])] < 30 * MEGABYTE  # of 200; what buffers hold


@pytest.mark.parametrize("name", ["loop", "chain"])
def test_redirects_without_an_end_are_a_redirect_loop(met, name):
    assert status(NUMBERS[name]) == "redirect_loop"


def test_a_chain_of_redirects_is_followed_twenty_times_at_most(met):
    assert len([url for url in met.site.asked if url.startswith(f"{IMAGES}/chain/")]) == 20


@pytest.mark.parametrize("name", ["foreign", "loopback", "localhost", "private", "metadata", "IPv6 loopback"])
def test_a_redirect_to_another_host_is_refused_and_not_followed(met, name):
    assert status(NUMBERS[name]) == "foreign_host"
    assert met.other.asked == []
    assert {*url_hosts(met.site)} == {"comic.test", "image.test"}


def url_hosts(site: Webtoons) -> set[str]:
    """All hosts that were asked for anything."""
    return {url.split("/")[2] for url in site.asked}


def test_a_redirect_to_a_file_is_not_followed(met):
    assert status(NUMBERS["file"]) == "http_302"


def test_names_do_not_become_paths(met):
    assert {path.stem for path in (met.folder / "data/raw/thumbnails").iterdir()} <= {str(n) for n in range(20, 80)}
    assert {path.name for path in met.folder.iterdir()} == {"data", "metrics", "params.yaml", LOG}
    assert {path.name for path in (met.folder / "data").iterdir()} == {"raw", ".raw.lock"}
    assert not [*met.folder.parent.rglob("*escaped*")]


@pytest.mark.parametrize("title_id", [number for number in NAMES if number != 55])
def test_names_are_stored_as_they_are(met, title_id):
    row = titles().loc[title_id]
    assert (row["title"], row["authors"].tolist()) == (NAMES[title_id][0], [NAMES[title_id][1]])
    assert status(1, title_id) == "ok"


def test_half_a_surrogate_pair_is_replaced(met):
    row = titles().loc[55]
    assert (row["title"], row["authors"].tolist()) == ("half \ufffd pair", ["\ufffd"])


@pytest.mark.parametrize("title_id", [32, 33])
def test_an_answer_that_is_no_json_is_that_title_s_failure(met, title_id):
    reason, detail = failure(title_id)
    assert reason == "not_json"
    assert detail.startswith("the answer is no JSON: b'")


@pytest.mark.parametrize("title_id", [34, 35])
def test_a_score_that_is_no_number_is_that_title_s_failure(met, title_id):
    reason, detail = failure(title_id)
    assert reason == "bad_value"
    assert detail.startswith("articleList.0.starScore is ")


def test_a_list_in_place_of_an_object_is_that_title_s_failure(met):
    reason, detail = failure(39)
    assert reason == "bad_value"
    assert detail.startswith("the answer is ")


@pytest.mark.parametrize("title_id", [-71, 2**70])
def test_an_id_out_of_range_is_that_title_s_failure(met, title_id):
    reason, detail = failure(title_id)
    assert reason == "bad_value"
    assert detail.startswith(f"titleId is '{title_id}': ")


def test_an_id_that_is_no_number_is_a_failure_of_its_own_beside_one_that_is_text(met):
    assert [item["detail"] for item in metrics()["failures"] if item["title_id"] is None] == [
        "titleId is 'None': Input should be a valid integer"
    ]
    assert 70 in titles().index


def test_episodes_that_repeat_for_ever_are_taken_once(met):
    assert episodes().loc[41].index.tolist() == [1, 2]
    assert len([url for url in met.site.asked if "titleId=41&page" in url]) == 2


def test_episodes_that_never_end_are_that_title_s_failure(met):
    assert failure(42) == ("endless", "the list has no end after 35 pages")


@pytest.mark.parametrize("title_id", [43, 44, 45])
def test_a_listed_title_whose_page_is_gone_is_left_out_as_deleted(met, title_id):
    assert title_id not in titles().index
    assert title_id not in {item["title_id"] for item in metrics()["failures"]}
    assert metrics()["left_out"]["deleted"] == 3


def test_a_needed_key_that_a_title_s_page_lacks_is_told(met):
    assert failure(60) == ("missing_key", "curationTagList is missing")


def test_finish_of_a_list_and_finished_of_a_page_are_the_same(met):
    assert titles()["finished"].loc[[61, 62]].tolist() == [True, True]


@pytest.mark.parametrize(("title_id", "genres"), [(63, ["pure", "action"]), (64, ["drama", "pure"])])
def test_genres_told_to_advertisers_count_where_no_tag_is_one(met, title_id, genres):
    assert titles().loc[title_id, "genres"].tolist() == genres


def test_unknown_keys_are_ignored(met):
    assert status(1, 65) == "ok"


@pytest.mark.parametrize(("title_id", "authors"), [(65, ["글", "그림"]), (66, ["새글"])])
def test_authors_are_read_from_either_form(met, title_id, authors):
    assert titles().loc[title_id, "authors"].tolist() == authors


def test_the_log_has_lines_and_no_traceback(met):
    assert {line.split(":")[0] for line in met.done.stderr.splitlines()} == {"crawl"}


# A crawl of its own for what could bring all of it down.


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (redirect("http://[broken/1.jpg"), "bad_redirect"),
        (Answer(JPEG, headers={"Content-Encoding": "deflate"}), "bad_encoding"),
        (Answer(JPEG, headers={"Content-Encoding": "br"}), "bad_encoding"),
        (Answer(JPEG, headers={"Content-Encoding": "zstd"}), "bad_encoding"),
        (Answer(raw=faults.says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")), "cut_off"),
    ],
    ids=["Location", "deflate", "br", "zstd", "chunks"],
)
def test_a_malformed_answer_is_that_picture_s_failure_alone(site, crawl, answer, reason):
    site.add(title(10, 2))
    site.answers[at(1, 10)] = [answer]
    done = crawl()
    assert done.returncode == 0, done.stderr
    assert (status(1, 10), status(2, 10)) == (reason, "ok")


ADDRESSES = {
    "": "foreign_host",
    "file:///etc/passwd": "foreign_host",
    "data:image/png;base64,iVBORw0KGgo=": "foreign_host",
    "//image.test/10/9.jpg": "foreign_host",
    "http://image.test:81/10/9.jpg": "foreign_host",
    "http://image.test@elsewhere.test/10/9.jpg": "foreign_host",
    "http://image.test\\@elsewhere.test/10/9.jpg": "foreign_host",
    f"{IMAGES}/../../10/9.jpg": "ok",
    f"{IMAGES}/10/\x00\ud800 9.jpg": "ok",
    f"{IMAGES}/10/[9].jpg#[": "ok",
    "HTTP://IMAGE.TEST/10/9.jpg": "ok",
    f"{IMAGES}/10/{'9' * 10_000}.jpg": "ok",
}


def test_addresses_of_thumbnails_that_are_strange_are_asked_for_or_counted(site, crawl, monkeypatch):
    listed = title(10, 0)
    listed["articles"] = [episode(10, no, thumbnailUrl=url) for no, url in enumerate(ADDRESSES, 1)]
    site.add(listed)
    monkeypatch.setattr(site, "thumbnail", lambda path: Answer(JPEG))
    done = crawl()
    assert done.returncode == 0, done.stderr
    assert episodes().loc[10, "status"].tolist() == list(ADDRESSES.values())
    assert url_hosts(site) <= {"comic.test", "image.test", "IMAGE.TEST"}


def test_a_proxy_that_refuses_to_connect_ends_the_crawl_with_one_line(site, crawl):
    done = crawl("--api=https://comic.test", "--images=https://image.test")
    assert done.returncode == 1
    assert "cannot be read: no answer: " in done.stderr
    assert done.stderr.count("\n") == 1


# Asked to wait.


def in_seconds(seconds: int) -> str:
    """An HTTP date."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.fixture(scope="module")
def held_back(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A crawl, one request at a time, of hosts that ask for a pause: one in seconds, the other by a date."""
    folder = tmp_path_factory.mktemp("held")
    prepare(folder, concurrency=1)
    with webtoon_server.serving() as site:
        site.add(title(10, 4), title(11, 3))
        site.answers[at(1, 10)] = [Answer(status=429, headers={"Retry-After": "2"}), Answer(picture(10, 1))]
        asked = Answer(status=429, headers={"Retry-After": lambda: in_seconds(3)})
        site.answers[info(10)] = [asked, as_json(site.titles[10]["info"])]
        done = crawl_at(folder, site)
    assert done.returncode == 0, done.stderr
    return SimpleNamespace(site=site, folder=folder)


@pytest.mark.parametrize(("host", "url", "seconds"), [(IMAGES, at(1, 10), 2.0), (API, info(10), 2.0)])
def test_retry_after_in_seconds_or_as_a_date_holds_back_all_requests_to_its_host(held_back, host, url, seconds):
    site = held_back.site
    first = site.times[site.asked.index(url)]
    after = [when for when in site.asked_at(host) if when > first]
    assert len(after) >= 4
    assert after[0] - first >= seconds - 0.1  # a date has whole seconds: 3 from now are more than 2


def test_what_was_asked_to_wait_is_there_in_the_end(held_back, monkeypatch):
    monkeypatch.chdir(held_back.folder)
    assert set(episodes()["status"]) == {"ok"}
    assert len(episodes()) == 7


def test_a_pause_longer_than_the_longest_wait_ends_the_crawl_and_the_next_goes_on(site, crawl):
    site.add(title(10, 2))
    assert crawl().returncode == 0
    before = contents()
    site.add(title(10, 5))
    late = Answer(status=429, headers={"Retry-After": str(TOO_LATE)})
    site.answers[at(5, 10)] = [late, Answer(picture(10, 5))]
    done = crawl(concurrency=1, within=15)
    assert done.returncode == 1
    assert done.stderr == (
        "crawl: image.test asks to wait 86,400 s, more than crawl.longest_wait 600; "
        "data/raw is unchanged, what was fetched is kept, run again then\n"
    )
    assert contents() == before
    site.asked.clear()
    assert crawl().returncode == 0
    assert site.pictures_asked() == [at(5, 10)]
    assert len(contents()) == len(before)


@pytest.mark.parametrize(("code", "retries"), [(429, 0), (503, 0), (529, 1)])
def test_a_pause_that_is_too_long_ends_the_crawl_where_no_retry_is_left_too(site, crawl, code, retries):
    site.add(title(10, 3))
    site.answers[at(1, 10)] = [Answer(status=code, headers={"Retry-After": str(TOO_LATE)})]
    done = crawl(retries=retries, within=12)
    assert done.returncode == 1
    assert "image.test asks to wait 86,400 s, more than crawl.longest_wait 600" in done.stderr


def test_a_host_that_fails_twenty_times_in_a_row_ends_the_crawl_with_one_line(site, crawl):
    site.add(title(10, 31))
    site.answers |= {at(no, 10): [Answer(status=500)] for no in range(2, 32)}
    done = crawl(retries=0, concurrency=1)
    assert done.returncode == 1
    assert done.stderr == (
        "crawl: image.test failed 20 requests in a row (the answer is HTTP 500); data/raw is unchanged, "
        "what was fetched is kept, run again later\n"
    )
    assert 1 + IN_VAIN <= len(site.pictures_asked()) < 1 + IN_VAIN + 5  # some were on their way
    assert not Path("data/raw").exists()


# robots.txt.


def test_a_robots_txt_that_is_not_there_allows_all(met):
    assert [answers[0].status for url, answers in met.site.answers.items() if url.endswith("robots.txt")] == [404, 404]
    assert met.site.asked.count(f"{API}/robots.txt") == met.site.asked.count(f"{IMAGES}/robots.txt") == 1
    assert status(NUMBERS["well"]) == "ok"


def test_a_robots_txt_of_garbage_or_html_allows_all_and_rules_for_others_do_not_count(site, crawl):
    site.add(title(10, 1))
    for_others = b"\xff\xfe\x00garbage\n\x80\nUser-agent: otherbot\nDisallow: /\n"
    site.answers[f"{API}/robots.txt"] = [Answer(for_others)]
    site.answers[f"{IMAGES}/robots.txt"] = [Answer(b"<!doctype html><html>Disallow: /</html>")]
    assert crawl().returncode == 0
    assert status(1, 10) == "ok"


def test_a_redirect_of_robots_txt_to_a_foreign_host_counts_as_no_file_and_is_not_followed(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [redirect("http://elsewhere.test/robots.txt")]
    assert crawl().returncode == 0
    assert status(1, 10) == "ok"
    assert url_hosts(site) == {"comic.test", "image.test"}


def test_a_robots_txt_of_10_mb_allows_nothing(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [Answer(b"Disallow:\n" * MEGABYTE)]
    done = crawl()
    assert done.returncode == 1
    assert done.stderr.startswith("crawl: the list of titles at ")
    assert done.stderr.endswith("cannot be read: no answer: too large; nothing was changed, run again later\n")
    assert set(site.asked) == {f"{API}/robots.txt"}


def test_a_robots_txt_larger_than_the_largest_thumbnail_is_read(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [Answer(b"# a comment\n" * 30_000 + b"User-agent: *\nDisallow: /api\n")]
    done = crawl(max_bytes=5000)
    assert done.returncode == 1
    assert "robots.txt of comic.test forbids" in done.stderr


def test_a_robots_txt_that_swells_when_it_is_unpacked_allows_nothing(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [zipped(ZEROS * 2)]
    done = crawl()
    assert done.returncode == 1
    assert set(site.asked) == {f"{API}/robots.txt"}


def test_a_robots_txt_that_asks_for_too_long_a_pause_allows_nothing(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [Answer(status=503, headers={"Retry-After": str(TOO_LATE)})]
    done = crawl(within=12)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert set(site.asked) == {f"{API}/robots.txt"}


@pytest.mark.parametrize("host", [API, IMAGES])
def test_a_robots_txt_that_answers_with_an_error_of_the_server_lets_nothing_be_asked_of_its_host(site, crawl, host):
    site.add(title(10, 3))
    site.answers[f"{host}/robots.txt"] = [Answer(status=500)]
    done = crawl()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "http" in done.stderr
    assert {url for url in site.asked if url.startswith(host)} == {f"{host}/robots.txt"}


def test_all_requests_that_wait_for_a_robots_txt_obey_it(site, crawl):
    site.add(title(10, 3))
    rules = Answer(b"User-agent: webtoon-genre\nDisallow: /api\n", slow=0.3)
    site.answers[f"{API}/robots.txt"] = [rules]
    done = crawl(lists=["genre", "weekday"])
    assert done.returncode == 1
    assert set(site.asked) == {f"{API}/robots.txt"}


def test_a_rule_of_the_image_host_alone_ends_the_crawl(site, crawl):
    site.add(title(10, 3))
    site.answers[f"{IMAGES}/robots.txt"] = [Answer(b"User-agent: *\nDisallow: /10/\n")]
    done = crawl(concurrency=1)
    assert done.returncode == 1
    assert done.stderr.startswith(f"crawl: robots.txt of image.test forbids {IMAGES}/10/")
    assert done.stderr.count("\n") == 1
    assert site.pictures_asked() == []


# Pace. Servers see requests late by what the machine is busy with: a span of several delays tells more than each gap.


def span(times: list[float]) -> float:
    """Seconds between the first and the last."""
    return max(times) - min(times)


def test_a_crawl_delay_of_robots_txt_is_kept(site, crawl):
    site.add(title(10, 6))
    site.answers[f"{IMAGES}/robots.txt"] = [Answer(b"User-agent: *\nCrawl-delay: 0.3\n")]
    assert crawl().returncode == 0
    assert len(site.asked_at(IMAGES)) == 7
    assert span(site.asked_at(IMAGES)) >= 5 * 0.3


def test_the_delay_is_kept_between_requests_to_one_host(site, crawl):
    site.add(title(10, 6))
    assert crawl("--delay=0.2").returncode == 0
    for host, count in ((API, 7), (IMAGES, 7)):
        assert len(site.asked_at(host)) == count
        assert span(site.asked_at(host)) >= (count - 2) * 0.2


def test_no_more_than_crawl_concurrency_requests_are_under_way_at_one_host(site, crawl):
    site.add(title(10, 12), title(11, 12))
    site.slow = 0.05
    assert crawl(concurrency=3).returncode == 0
    assert 1 < site.most["image.test"] <= 3
    assert site.most["comic.test"] <= 3


def test_slow_answers_lengthen_the_delay_where_it_is_throttled(site, crawl):
    site.add(title(10, 8))
    site.slow = 0.3
    assert crawl("--delay=0.02", "--throttle=1.0").returncode == 0
    assert span(site.asked_at(IMAGES)) >= 4 * 0.3  # eight at once where it is fixed


# Without a proxy.


def test_a_crawl_without_a_proxy_asks_both_hosts_themselves(direct, work):
    direct.add(title(10, 3), title(11, 1))
    done = crawl_at(work, direct)
    assert done.returncode == 0, done.stderr
    assert set(episodes()["status"]) == {"ok"}
    assert direct.agents == {"webtoon-genre (contact you@example.org)"}


def test_a_redirect_to_this_machine_is_refused_where_there_is_no_proxy(direct, work):
    direct.add(title(10, 4))
    other = Webtoons()
    with webtoon_server.listening(other) as address:
        port = address.rpartition(":")[2]
        itself = direct.names[IMAGES].replace("127.0.0.1", "localhost")
        for no, location in enumerate([f"{address}/", f"http://localhost:{port}/", f"{itself}/10/4.jpg"], 1):
            direct.answers[at(no, 10)] = [redirect(location)]
        done = crawl_at(work, direct)
    assert done.returncode == 0, done.stderr
    assert [status(no, 10) for no in range(1, 5)] == ["foreign_host", "foreign_host", "foreign_host", "ok"]
    assert other.asked == []


def test_a_name_that_is_unknown_ends_the_crawl_with_one_line(direct, work):
    done = crawl_at(work, direct, "--api=http://comic.invalid")
    assert done.returncode == 1
    assert done.stderr == (
        f"crawl: the list of titles at {LIST.replace(API, 'http://comic.invalid')} cannot be read: "
        "no answer: unknown host; nothing was changed, run again later\n"
    )


def certificate(folder: Path, address: str) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS with a self-signed certificate for the IP `address`, and the certificate's file."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, folder / "key.pem")
    return context, path


def test_https_is_spoken_where_the_certificate_verifies(work, tmp_path_factory, monkeypatch):
    context, path = certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with webtoon_server.serving_directly(context) as site:
        site.add(title(10, 2))
        done = crawl_at(work, site)
    assert done.returncode == 0, done.stderr
    assert set(episodes()["status"]) == {"ok"}


@pytest.mark.parametrize(("address", "trusted"), [("127.0.0.1", False), ("127.0.0.2", True)])
def test_a_certificate_that_does_not_verify_ends_the_crawl_and_nothing_is_fetched(
    work, tmp_path_factory, monkeypatch, address, trusted
):
    context, path = certificate(tmp_path_factory.mktemp("tls"), address)
    if trusted:  # but it is another address's
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with webtoon_server.serving_directly(context) as site:
        site.add(title(10, 2))
        done = crawl_at(work, site)
    assert done.returncode == 1
    assert done.stderr.endswith("cannot be read: no answer: bad certificate; nothing was changed, run again later\n")
    assert site.asked == []


# What there is on disk after other crawls.


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory after a crawl of three titles with three pictures each."""
    folder = tmp_path_factory.mktemp("known")
    prepare(folder)
    with webtoon_server.serving() as site:
        site.add(*[title(number, 3) for number in (10, 11, 12)])
        assert crawl_at(folder, site).returncode == 0
    return folder


@pytest.fixture
def before(known: Path, site: Webtoons, work: Path) -> dict[str, str]:
    """That crawl's files in the test's own working directory, and their digests; `site` holds the same titles."""
    shutil.copytree(known / "data", work / "data")
    site.add(*[title(number, 3) for number in (10, 11, 12)])
    return contents()


def test_a_known_title_that_is_deleted_is_kept_and_marked(site, crawl, before):
    site.answers[articles(11)] = [Answer(status=404)]
    assert crawl().returncode == 0
    assert episodes()["status"].tolist() == ["ok"] * 3 + ["vanished"] * 3 + ["ok"] * 3
    assert metrics()["left_out"] == {"deleted": 1}
    assert metrics()["failures"] == []
    assert [name for name, digest in contents().items() if before.get(name) != digest] == ["episodes.parquet"]


@pytest.mark.parametrize("limits", [{"titles": 1}, {"episodes": 1}, {"bytes": 1}], ids=str)
def test_a_limited_crawl_after_a_full_one_loses_nothing_and_marks_nothing(site, crawl, before, limits):
    done = crawl(limits={"titles": None, "episodes": None, "bytes": None} | limits)
    assert done.returncode == 0, done.stderr
    assert contents() == before
    assert metrics()["limited"]


def test_what_a_limited_crawl_marks_as_vanished_does_not_depend_on_which_answer_comes_first(site, crawl, before):
    shutil.copytree("data", "before")
    del site.titles[10]["articles"][2]
    outcomes = []
    for late in ([10], [11, 12]):
        site.answers = {url: answers for url, answers in site.answers.items() if url.endswith("robots.txt")}
        for number in late:
            page = {"articleList": site.titles[number]["articles"], "pageInfo": {"page": 1, "nextPage": 0}}
            site.answers[articles(number)] = [Answer(as_json(page).body, slow=0.5)]
        assert crawl(limits={"titles": None, "episodes": 2, "bytes": None}).returncode == 0
        outcomes.append(episodes()["status"].tolist())
        shutil.rmtree("data")
        shutil.copytree("before", "data")
    assert outcomes[0] == outcomes[1]


def test_titles_of_each_list_and_episodes_of_each_title_are_limited_and_counted(site, crawl):
    site.add(*[title(number, 3) for number in (10, 11, 12)], title(13, 2, lists=["DRAMA"]))
    assert crawl(limits={"titles": 2, "episodes": 2, "bytes": None}).returncode == 0
    assert episodes().index.tolist() == [(number, no) for number in (10, 11, 13) for no in (1, 2)]
    assert metrics()["limited"] == {"lists": 1, "titles": 2}


def test_bytes_of_all_pictures_are_limited_to_the_same_ones_whatever_the_concurrency(site, crawl):
    site.add(*[title(number, 5) for number in (10, 11, 12)])
    most = sum(len(picture(number, no)) for number in (10, 11) for no in range(1, 6)) - 1
    outcomes = []
    for concurrency in (1, 8):
        done = crawl(limits={"titles": None, "episodes": None, "bytes": most}, concurrency=concurrency)
        assert done.returncode == 0, done.stderr
        outcomes.append((contents(), metrics()))
        shutil.rmtree("data")
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1]["thumbnails"] == 9
    assert outcomes[0][1]["limited"] == {"bytes": 1}


def test_refused_thumbnails_are_asked_for_again_only_if_params_say_so_and_failed_ones_always(site, crawl):
    site.add(title(10, 5))
    site.answers |= {
        at(1, 10): [Answer(status=404)],
        at(2, 10): [Answer(b"<html>")],
        at(3, 10): [Answer(status=500)],
        at(4, 10): [Answer(raw=faults.stall)],
    }
    assert crawl(retries=0, timeout=2.0, refused_again=False).returncode == 0
    assert [status(no, 10) for no in range(1, 6)] == ["http_404", "not_an_image", "http_500", "timeout", "ok"]
    for no in (1, 2, 3, 4):
        site.answers.pop(at(no, 10))
    site.asked.clear()
    assert crawl(refused_again=False).returncode == 0
    assert site.pictures_asked() == [at(3, 10), at(4, 10)]
    assert [status(no, 10) for no in range(1, 6)] == ["http_404", "not_an_image", "ok", "ok", "ok"]
    site.asked.clear()
    assert crawl(refused_again=True).returncode == 0
    assert site.pictures_asked() == [at(1, 10), at(2, 10)]
    assert set(episodes()["status"]) == {"ok"}


# Lists.


def test_other_lists_are_read_too_in_their_own_spelling_of_the_order(site, crawl):
    action = title(14, 1, lists=["finished"])
    action["info"]["curationTagList"] = [{"curationType": "GENRE_ACTION"}]
    site.add(
        title(10, 1),
        title(11, 1, lists=["mon", "dailyPlus"]),
        title(12, 1, lists=["finished"]),
        title(13, 1, lists=["finished", "PURE"]),
        action,
    )
    assert crawl(lists=["genre", "weekday", "finished"], order="star").returncode == 0
    assert titles().index.tolist() == [10, 11, 12, 13]
    assert metrics()["left_out"] == {"other_genre": 1}
    lists = [url.removeprefix(f"{API}/api/webtoon/titlelist/") for url in site.asked if "titlelist" in url]
    assert sorted(lists) == sorted(
        [f"genre?genre={genre}&order=star&page=1" for genre in ("PURE", "DRAMA")]
        + [f"weekday?week={day}&order=starScore" for day in api.WEEK]
        + [f"finished?page={number}&order=starScore" for number in (1, 2)]
    )


def test_a_list_of_titles_that_never_ends_ends_the_crawl_with_one_line(site, crawl, before):
    for number in range(1, 9):
        site.answers[LIST.replace("page=1", f"page={number}")] = [
            pages("titleList", number, [title(1000 + number, 1)["listed"]])
        ]
    done = crawl("--most-pages=5")
    assert done.returncode == 1
    assert done.stderr == (
        f"crawl: the list of titles at {LIST.replace('page=1', 'page=5')} cannot be read: "
        "the list has no end after 5 pages; nothing was changed, run again later\n"
    )
    assert contents() == before
