"""The spider against a small faulty server of the API on loopback; never against the real hosts."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.support import webtoon_server
from tests.support.crawl_runs import LIST, command, contents, crawl_at, environment, episodes, metrics, prepare, titles
from tests.support.webtoon_server import API, IMAGES, Answer, Webtoons, episode, picture, title
from webtoon_genre.crawl.http import AnswerError, host_of
from webtoon_genre.crawl.journal import count_pictures
from webtoon_genre.crawl.naver import api
from webtoon_genre.crawl.naver.site import naver
from webtoon_genre.crawl.store import JOURNAL

Crawl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def site() -> Iterator[Webtoons]:
    with webtoon_server.serve() as site:
        yield site


@pytest.fixture
def crawl(site: Webtoons, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crawl:
    """Crawl `site` in the test's empty working directory."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: crawl_at(tmp_path, site.proxy, *arguments)


# One crawl of faulty titles and pictures; the tests below look at its outcome.

NEWER = {
    "communityArtists": [
        {"name": "원작", "artistTypeList": ["ARTIST_NOVEL_ORIGIN"]},
        {"name": "그림", "artistTypeList": ["ARTIST_PAINTER", "ARTIST_NOVEL_ORIGIN"]},
        {"name": "글", "artistTypeList": ["ARTIST_WRITER"]},
    ],
    "author": {"writers": [{"name": "someone else"}]},
    "curationTagList": [
        {"curationType": kind} for kind in ("GENRE_DRAMA", "GENRE_OMNIBUS", "CUSTOM_TAG", "GENRE_PURE", "GENRE_DRAMA")
    ],
}


def add_faults(site: Webtoons) -> None:
    """Add titles 10 to 19 with their faults."""
    plain = title(10, 0)
    plain["articles"] = [
        episode(10, 2),
        episode(10, 1),
        episode(10, 5, charge=True, serviceDateDescription="3일 후 무료"),
        episode(10, 6, blindInspection="HIDDEN"),
        episode(10, 7, serviceDateDescription="내일 무료"),
        episode(10, 8, serviceDateDescription="99.01.01"),
    ]
    broken = title(11, 0)
    broken["articles"] = [
        episode(11, 1, thumbnailUrl="http://elsewhere.test/11/1.jpg"),
        *[episode(11, no) for no in range(2, 10)],
        episode(11, 10, thumbnailUrl="http://[broken"),
    ]
    jpeg = picture(11, 0)
    site.answers |= {
        f"{IMAGES}/11/2.jpg": [Answer(jpeg + bytes(9000))],
        f"{IMAGES}/11/3.jpg": [Answer(jpeg + bytes(9000), chunked=True)],
        f"{IMAGES}/11/4.jpg": [Answer(b"<html>sorry</html>", headers={"Content-Type": "image/jpeg"})],
        f"{IMAGES}/11/5.jpg": [Answer(status=404)],
        f"{IMAGES}/11/6.jpg": [Answer(status=500), Answer(picture(11, 6))],
        f"{IMAGES}/11/7.jpg": [Answer(status=302, headers={"Location": "http://elsewhere.test/11/7.jpg"})],
        f"{IMAGES}/11/8.jpg": [Answer(jpeg[:50], headers={"Content-Length": str(len(jpeg)), "Connection": "close"})],
        f"{IMAGES}/11/9.jpg": [Answer(status=302, headers={"Location": f"{IMAGES}/10/1.jpg"})],
    }
    adult = title(12, 3)
    adult["item"]["adult"] = True
    rated = title(13, 3)
    rated["info"]["age"]["type"] = "RATE_18"
    login_only = title(14, 3)
    site.answers[f"{API}/api/article/list?titleId=14&page=1&sort=ASC"] = [Answer(status=401)]
    keyless = title(15, 3)
    del keyless["articles"][2]["thumbnailUrl"]
    nameless = title(16, 3, lists=["PURE", "DRAMA"])
    del nameless["item"]["starScore"]
    untagged = title(17, 1, lists=["DRAMA", "PURE"])
    untagged["info"]["curationTagList"] = []
    newer = title(18, 1, lists=["PURE", "DRAMA"])
    newer["info"] = {"titleId": 18} | NEWER
    future = title(19, 0)
    future["articles"] = [
        episode(19, 1, serviceDateDescription="22.08.20"),
        episode(19, 2, charge=True, serviceDateDescription="3일 후 무료"),
    ]
    site.add(plain, broken, adult, rated, login_only, keyless, nameless, untagged, newer, future)
    items = [nameless["item"], untagged["item"], newer["item"]]
    for number in (1, 2, 3):  # each page announces another one
        answer = json.dumps({"titleList": items, "pageInfo": {"page": number, "nextPage": number + 1}}).encode()
        site.answers[LIST.replace("PURE", "DRAMA").replace("page=1", f"page={number}")] = [Answer(answer)]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Webtoons, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("faults")
    prepare(folder)
    with webtoon_server.serve() as site:
        add_faults(site)
        process = crawl_at(folder, site.proxy)
    assert process.returncode == 0, process.stderr
    return folder, site, process


@pytest.fixture
def faults(outcome: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """That crawl, with its folder as the working directory."""
    monkeypatch.chdir(outcome[0])
    return outcome


@pytest.mark.parametrize(
    ("title_id", "no", "status"),
    [
        (10, 1, "ok"),
        (10, 5, "paid"),
        (10, 6, "hidden"),
        (10, 7, "undated"),
        (11, 1, "foreign_host"),
        (11, 2, "too_large"),
        (11, 3, "too_large"),
        (11, 4, "not_an_image"),
        (11, 5, "http_404"),
        (11, 6, "ok"),  # after one 500
        (11, 7, "foreign_host"),  # by redirect
        (11, 8, "cut_off"),
        (11, 9, "ok"),  # by a redirect within the host
        (11, 10, "foreign_host"),
    ],
)
def test_each_episode_has_a_row_with_its_status(faults, title_id, no, status):
    row = episodes().loc[(title_id, no)]
    assert row["status"] == status
    assert (status == "ok") == isinstance(row["sha256"], str)


def test_an_episode_dated_after_as_of_has_no_row(faults):
    assert (10, 8) not in episodes().index


def test_a_title_not_yet_out_on_as_of_has_no_row(faults):
    assert 19 not in titles().index
    assert 19 not in episodes().index.get_level_values("title_id")


def test_a_picture_is_stored_as_served_with_its_digest_and_size(faults):
    table = pq.read_table("data/raw/thumbnails/10.parquet").to_pydict()
    assert table["no"] == [1, 2]
    assert table["image"] == [picture(10, 1), picture(10, 2)]
    row = episodes().loc[(10, 1)]
    assert row["sha256"] == sha256(picture(10, 1)).hexdigest()
    assert row["bytes"] == len(picture(10, 1))
    assert (row["subtitle"], row["date"], row["star_score"]) == ("1화", date(2022, 1, 1), 9.5)


def test_titles_without_a_picture_have_no_file(faults):
    assert sorted(path.name for path in Path("data/raw/thumbnails").iterdir()) == [
        "10.parquet",
        "11.parquet",
        "17.parquet",
        "18.parquet",
    ]


def test_a_foreign_host_gets_no_request(faults):
    assert not [url for url in faults[1].requests if "elsewhere" in url]


def test_a_list_that_repeats_itself_endlessly_is_read_until_it_does(faults):
    assert len([url for url in faults[1].requests if "genre=DRAMA" in url]) == 2


def test_paid_hidden_and_undated_thumbnails_are_not_requested(faults):
    assert not {f"{IMAGES}/10/{no}.jpg" for no in (5, 6, 7, 8)} & set(faults[1].requests)


def test_adult_titles_have_a_row_and_no_episodes(faults):
    assert titles().query("adult").index.tolist() == [12, 13, 14]
    assert not set(episodes().index.get_level_values("title_id")) & {12, 13, 14}


def test_artists_are_writers_then_painters_then_originals_in_both_forms(faults):
    assert titles().loc[18, "authors"].tolist() == ["글", "그림", "원작"]
    assert titles().loc[10, "authors"].tolist() == ["글", "그림"]


def test_genres_are_the_genre_tags_in_order_or_otherwise_those_of_the_lists(faults):
    assert titles().loc[18, "genres"].tolist() == ["drama", "pure"]
    assert titles().loc[17, "genres"].tolist() == ["pure", "drama"]


def test_a_missing_key_is_recorded_with_its_address_and_the_crawl_continues(faults):
    assert metrics()["failures"] == [
        {
            "title_id": 15,
            "url": f"{API}/api/article/list?titleId=15&page=2&sort=ASC",
            "reason": "missing_key",
            "detail": "articleList.0.thumbnailUrl is missing",
        },
        {
            "title_id": 16,
            "url": f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=4",
            "reason": "missing_key",
            "detail": "starScore is missing",
        },
    ]
    assert not {15, 16} & set(titles().index)


def test_metrics_count_all_missing_items_by_reason(faults):
    counts = {key: value for key, value in metrics().items() if key != "failures"}
    assert counts == {
        "source": "test",
        "titles": 7,
        "episodes": 17,
        "thumbnails": 6,
        "finished": 0,
        "bytes": sum(len(picture(10, no)) for no in (1, 1, 2))
        + sum(len(picture(*key)) for key in ((11, 6), (17, 1), (18, 1))),
        "vanished": 0,
        "left_out": {"adult": 3, "hidden": 1, "paid": 1, "undated": 1},
        "limited": {},
        "failed": {
            "titles": {"missing_key": 2},
            "thumbnails": {"cut_off": 1, "foreign_host": 3, "http_404": 1, "not_an_image": 1, "too_large": 2},
        },
    }


def test_the_log_has_only_the_titles_that_failed(faults):
    assert [line.split(":")[:2] for line in faults[2].stderr.splitlines()] == [
        ["crawl", " title 16 is left out"],
        ["crawl", " title 15 is left out"],
    ]


# Data on disk, and the requests of a further crawl.


@pytest.fixture(scope="module")
def earlier_crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory after a crawl of three titles."""
    folder = tmp_path_factory.mktemp("earlier")
    prepare(folder)
    with webtoon_server.serve() as site:
        site.add(title(10, 3), title(11, 2), title(12, 2))
        assert crawl_at(folder, site.proxy).returncode == 0
    return folder


@pytest.fixture
def before(earlier_crawl: Path, site: Webtoons, crawl: Crawl) -> dict[str, str]:
    """Digests of that crawl's files, copied to the test's working directory; `site` has the same titles."""
    shutil.copytree(earlier_crawl / "data", "data")
    site.add(title(10, 3), title(11, 2), title(12, 2))
    return contents()


def test_a_second_crawl_requests_no_thumbnail_and_rewrites_no_file(site, crawl, before):
    stamps = {path: path.stat().st_mtime_ns for path in Path("data/raw/thumbnails").iterdir()}
    assert crawl().returncode == 0
    paths = {url.partition("?")[0].removeprefix(API) for url in site.requests}
    assert paths == {"/robots.txt", "/api/webtoon/titlelist/genre", "/api/article/list"}
    assert contents() == before
    assert {path: path.stat().st_mtime_ns for path in Path("data/raw/thumbnails").iterdir()} == stamps


def test_one_new_episode_rewrites_the_file_of_its_title(site, crawl, before):
    site.add(title(11, 3))
    crawl()
    assert site.picture_requests() == [f"{IMAGES}/11/3.jpg"]
    changed = [name for name, digest in contents().items() if before.get(name) != digest]
    assert changed == ["episodes.parquet", "thumbnails/11.parquet"]


def rename(title: dict[str, Any]) -> None:
    title["item"]["titleName"] = "다른 제목"


def add_list(title: dict[str, Any]) -> None:
    title["lists"] = ["PURE", "DRAMA"]


def change_authors(title: dict[str, Any]) -> None:
    title["item"]["author"] = "글 / 다른 그림"


@pytest.mark.parametrize("change", [rename, add_list, change_authors])
def test_a_title_s_page_is_requested_again_when_the_lists_differ_from_its_row(site, crawl, before, change):
    site.titles[12]["item"]["author"] = "글/그림"
    change(site.titles[11])
    crawl()
    assert [url for url in site.requests if "/info" in url] == [f"{API}/api/article/list/info?titleId=11"]


def test_pictures_that_the_source_no_longer_offers_are_kept_and_marked(site, crawl, before):
    shorter = title(10, 3)
    shorter["articles"] = [episode(10, 2), episode(10, 3, charge=True)]
    site.add(shorter)
    del site.titles[11]
    crawl()
    assert episodes()["status"].tolist() == ["vanished", "ok", "vanished", "vanished", "vanished", "ok", "ok"]
    assert titles().index.tolist() == [10, 11, 12]
    assert metrics()["vanished"] == 4
    assert [name for name, digest in contents().items() if before.get(name) != digest] == ["episodes.parquet"]


def test_data_on_disk_of_a_failed_title_stay_unchanged(site, crawl, before):
    site.answers[f"{API}/api/article/list?titleId=11&page=1&sort=ASC"] = [Answer(b"{")]
    crawl()
    assert contents() == before
    assert metrics()["failed"]["titles"] == {"not_json": 1}


def test_another_source_replaces_the_data(site, crawl, before):
    del site.titles[11]
    crawl("--name=second")
    assert titles()["source"].to_dict() == {10: "second", 12: "second"}
    assert sorted(set(before) - set(contents())) == ["thumbnails/11.parquet"]


@pytest.mark.slow
def test_a_killed_crawl_resumes_and_gives_the_bytes_of_an_uninterrupted_one(site, crawl, tmp_path):
    site.add(*[title(number, 3) for number in range(10, 17)])
    crawl()
    uninterrupted = contents()
    shutil.rmtree("data")
    gate = threading.Event()
    last = f"{IMAGES}/16/3.jpg"
    site.answers[last] = [Answer(gate=gate), Answer(picture(16, 3))]
    site.requests.clear()
    killed = subprocess.Popen(command(site.proxy), cwd=tmp_path, env=environment())
    staged = Path("data/.raw.staged")
    deadline = time.monotonic() + 60
    pictures = 2  # the other pictures of title 16 are in the journal by then
    while (
        len([*staged.glob("1*.parquet")]) < 6
        or count_pictures(staged / JOURNAL)[0] != pictures
        or last not in site.requests
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not Path("data/raw").exists()
    gate.set()
    site.requests.clear()
    assert crawl().returncode == 0
    assert [url for url in site.requests if not url.endswith("/robots.txt")] == [last]
    assert contents() == uninterrupted
    assert not staged.exists()


# Errors that end a crawl with one line, and change nothing.


def test_a_path_that_robots_txt_forbids_ends_the_crawl(site, crawl, before):
    site.answers[f"{API}/robots.txt"] = [Answer(b"User-agent: webtoon-genre\nDisallow: /api/webtoon\n")]
    process = crawl()
    assert process.returncode == 1
    line = process.stderr.strip()
    assert line.startswith(f"crawl: robots.txt of comic.test forbids {API}/api/webtoon/titlelist/genre?genre=")
    assert line.endswith(" to 'webtoon-genre (contact you@example.org)'; the crawl ends here, and nothing was changed")
    assert "\n" not in line
    assert contents() == before


def test_a_robots_txt_that_cannot_be_fetched_forbids_all(site, crawl, before):
    site.answers[f"{API}/robots.txt"] = [Answer(status=503)]
    process = crawl()
    assert process.returncode == 1
    assert "no answer: http 503; nothing was changed, run again later" in process.stderr
    assert {*site.requests} == {f"{API}/robots.txt"}
    assert contents() == before


def test_a_refused_connection_ends_the_crawl(before, tmp_path):
    process = crawl_at(tmp_path, "http://127.0.0.1:1")
    assert process.returncode == 1
    assert process.stderr == (
        f"crawl: the list of titles at {LIST} cannot be read: no answer: connection refused; "
        "nothing was changed, run again later\n"
    )
    assert contents() == before


def test_a_damaged_table_ends_the_crawl(site, crawl, before):
    Path("data/raw/titles.parquet").write_bytes(b"half")
    process = crawl()
    assert process.returncode == 1
    assert re.fullmatch(r"crawl: data/raw/titles\.parquet is not the table expected \(.*\); .*\n", process.stderr)


def test_lists_without_a_title_end_the_crawl(site, crawl):
    process = crawl()
    assert process.returncode == 1
    assert (
        process.stderr
        == "crawl: test gave no picture (no title at all); nothing was changed, see crawl in params.yaml\n"
    )
    assert not Path("data/raw").exists()


def test_a_crawl_with_too_many_failures_changes_nothing(site, crawl, before):
    site.add(title(13, 30))
    site.answers |= {f"{IMAGES}/13/{no}.jpg": [Answer(status=404)] for no in range(1, 31)}
    process = crawl()
    assert process.returncode == 1
    assert process.stderr == (
        "crawl: 30 of 37 thumbnails failed (30 http_404), more than crawl.max_failed_share 0.7; "
        "nothing was changed, and the next run resumes\n"
    )
    assert contents() == before


# The API, without a server.


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("22.08.19", date(2022, 8, 19)),
        ("06.01.02", date(2006, 1, 2)),
        ("3일 후 무료", None),
        ("내일 무료", None),
        ("22.13.01", None),
        ("2022.08.19", None),
        ("", None),
    ],
)
def test_a_service_date_is_a_day_or_none(text, day):
    assert api.service_date(text) == day


def test_a_page_is_the_last_by_either_field():
    assert api.Page(nextPage=0).last
    assert api.Page(nextPage=4, page=3, totalPages=3).last
    assert not api.Page(nextPage=4, page=3, totalPages=5).last


def test_a_page_without_either_form_of_artists_is_rejected():
    with pytest.raises(AnswerError, match=r"^url: communityArtists and author are missing \[missing_key\]$"):
        api.read(api.Info, {"curationTagList": []}, "url")


def test_a_value_of_another_type_is_rejected_with_its_key():
    with pytest.raises(AnswerError, match=r"^url: curationTagList is '7': Input should be a valid list \[bad_value\]$"):
        api.read(api.Info, {"curationTagList": 7, "author": {}}, "url")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Image-Comic.pstatic.net/a.jpg", "image-comic.pstatic.net"),
        ("http://thumb.comic.naver.net:8080/a.jpg", "thumb.comic.naver.net:8080"),
        ("https://image-comic.pstatic.net@evil.test/a.jpg", "image-comic.pstatic.net@evil.test"),
        ("ftp://image-comic.pstatic.net/a.jpg", ""),
        ("/a.jpg", ""),
        ("http://[", ""),
    ],
)
def test_the_host_of_an_address_includes_its_port(url, host):
    assert host_of(url) == host


def test_the_real_site_has_its_hosts_referer_and_delay():
    site = naver(delay=0.5, throttle=1.0)
    assert site.hosts == {
        "comic.naver.com",
        "image-comic.pstatic.net",
        "shared-comic.pstatic.net",
        "thumb.comic.naver.net",
    }
    assert (site.referer, site.proxy, site.delay) == ("https://comic.naver.com/", None, 0.5)
