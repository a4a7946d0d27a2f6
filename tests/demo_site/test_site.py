"""The embedded site over HTTP, in its own process: the API that the spider relies on, and the pages for people."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from webtoon_genre.demo_site.answers import API, IMAGES, LABELS
from webtoon_genre.demo_site.site import running
from webtoon_genre.demo_site.timetable import HIDDEN, STUDY_END
from webtoon_genre.demo_site.world import Title, World

SEED, SCALE = 2022, 0.01
WORLD = World(SEED, SCALE)
REFERER = {"Referer": f"{API}/"}
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Where the site answers, for all tests of this file."""
    with running(SEED, SCALE, STUDY_END) as address:
        yield address


@pytest.fixture
def get(site: str) -> Any:
    """GET an absolute URL through the site as a proxy."""

    def ask(url: str, **headers: str) -> Answer:
        return request(site, "GET", url, {"Host": urlsplit(url).netloc, **headers})

    return ask


def request(site: str, method: str, target: str, headers: dict[str, str]) -> Answer:
    """One request, its target sent as it is."""
    connection = HTTPConnection(urlsplit(site).netloc, timeout=20)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answer(answer.status, answer.getheader("Content-Type", ""), answer.read())
    finally:
        connection.close()


def one(**wanted: bool) -> Title:
    """The first title with these properties."""
    tests = {
        "adult": lambda title: title.adult,
        "paid": lambda title: any(episode.paid for episode in WORLD.episodes(title)),
        "long": lambda title: len(WORLD.episodes(title)) > 40,
        "hidden": lambda title: any(episode.kind == HIDDEN for episode in WORLD.episodes(title)),
        "mixed": lambda title: len(title.genres) == 2,
    }
    wanted = {"adult": False, **wanted}
    return next(
        title for title in WORLD.titles.values() if all(tests[name](title) == yes for name, yes in wanted.items())
    )


def pages(get: Any, path: str) -> list[dict[str, Any]]:
    """All pages of a list, followed by nextPage."""
    answers, page = [], 1
    while page:
        answers.append(get(f"{API}{path}&page={page}").json)
        page = answers[-1]["pageInfo"]["nextPage"]
    return answers


def listed(get: Any, title: Title, sort: str) -> list[dict[str, Any]]:
    """All items of a title's episode list."""
    return [
        item for page in pages(get, f"/api/article/list?titleId={title.id}&sort={sort}") for item in page["articleList"]
    ]


def first_thumbnail(get: Any) -> str:
    """The address of some thumbnail."""
    return listed(get, one(), "ASC")[0]["thumbnailUrl"]


def test_genre_lists_page_by_25_and_name_each_title_that_bears_the_genre(get):
    for genre in LABELS:
        answers = pages(get, f"/api/webtoon/titlelist/genre?genre={genre.upper()}&order=user")
        ids = [item["titleId"] for page in answers for item in page["titleList"]]
        assert sorted(ids) == [title.id for title in WORLD.titles.values() if genre in title.genres]
        assert all(len(page["titleList"]) == 25 for page in answers[:-1])


def test_order_and_genre_are_taken_in_any_case(get):
    url = f"{API}/api/webtoon/titlelist/genre?genre=%s&order=%s&page=1"
    assert get(url % ("PURE", "STAR")).json == get(url % ("pure", "star")).json


def test_titles_come_in_the_order_asked_for(get):
    items = get(f"{API}/api/webtoon/titlelist/genre?genre=DRAMA&order=star&page=1").json["titleList"]
    assert [item["starScore"] for item in items] == sorted((item["starScore"] for item in items), reverse=True)


def test_a_page_behind_the_last_one_is_empty(get):
    answer = get(f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=99").json
    assert answer["titleList"] == []
    assert answer["pageInfo"]["nextPage"] == 0


def test_finished_titles_and_running_ones_by_weekday_are_all_titles(get):
    finished = [
        i["titleId"] for p in pages(get, "/api/webtoon/titlelist/finished?order=UPDATE") for i in p["titleList"]
    ]
    week = get(f"{API}/api/webtoon/titlelist/weekday?order=user").json["titleListMap"]
    running_ids = [item["titleId"] for day in week.values() for item in day]
    assert sorted(finished + running_ids) == list(WORLD.titles)
    assert get(f"{API}/api/webtoon/titlelist/weekday?week=mon").json["titleList"] == week["MONDAY"]


def test_list_items_have_the_api_s_fields(get):
    item = get(f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=1").json["titleList"][0]
    assert set(item) == {
        *(
            "titleId",
            "titleName",
            "author",
            "writers",
            "painters",
            "novelOriginAuthors",
            "thumbnailUrl",
            "up",
            "rest",
            "bm",
        ),
        *("adult", "starScore", "viewCount", "openToday", "potenUp", "bestChallengeLevelUp", "finish", "new"),
    }


def test_title_info_comes_in_both_artist_forms(get):
    answers = [get(f"{API}/api/article/list/info?titleId={title_id}").json for title_id in WORLD.titles]
    assert {("author" in answer, "communityArtists" in answer) for answer in answers} == {(True, False), (False, True)}
    assert all(("gfpAdCustomParam" in answer) == ("communityArtists" in answer) for answer in answers)


def test_title_info_names_the_title_s_artists_and_genres_in_order(get):
    for title in WORLD.titles.values():
        answer = get(f"{API}/api/article/list/info?titleId={title.id}").json
        roles = answer.get("author", {}).values()
        artists = [artist for role in roles for artist in role] or answer["communityArtists"]
        assert {artist["name"] for artist in artists} == {
            artist.name for artist in title.writers + title.painters + title.origins
        }
        tags = [tag["curationType"] for tag in answer["curationTagList"]]
        assert [tag for tag in tags if tag.startswith("GENRE_")] == [f"GENRE_{genre.upper()}" for genre in title.genres]


def test_episodes_page_by_20_until_next_page_is_0(get):
    title = one(long=True, paid=False)
    answers = pages(get, f"/api/article/list?titleId={title.id}&sort=asc")
    assert [len(page["articleList"]) for page in answers[:-1]] == [20] * (len(answers) - 1)
    assert [item["no"] for page in answers for item in page["articleList"]] == [e.no for e in WORLD.episodes(title)]


def test_sort_is_taken_in_any_case_and_desc_is_asc_reversed_without_previews(get):
    title = one(paid=True)
    rising, falling = listed(get, title, "asc"), listed(get, title, "Desc")
    assert [item["no"] for item in falling] == [item["no"] for item in reversed(rising) if not item["charge"]]
    assert falling == [item for item in reversed(rising) if not item["charge"]]


def test_previews_are_charged_and_dated_by_how_long_they_wait(get):
    title = one(paid=True)
    charged = [item for item in listed(get, title, "ASC") if item["charge"]]
    assert charged
    assert all(re.fullmatch(r"내일 무료|\d+일 후 무료", item["serviceDateDescription"]) for item in charged)
    apart = get(f"{API}/api/article/list?titleId={title.id}&page=1&sort=DESC").json["chargeFolderArticleList"]
    assert apart == charged


def test_free_episodes_are_dated_by_day(get):
    title = one(paid=False)
    assert [item["serviceDateDescription"] for item in listed(get, title, "ASC")] == [
        episode.date.strftime("%y.%m.%d") for episode in WORLD.episodes(title)
    ]


def test_hidden_episodes_are_marked(get):
    title = one(hidden=True)
    marked = [item["no"] for item in listed(get, title, "ASC") if item.get("blindInspection")]
    assert marked == [episode.no for episode in WORLD.episodes(title) if episode.kind == HIDDEN]


def test_titles_for_adults_are_listed_but_their_episodes_need_a_login(get):
    title = one(adult=True)
    items = get(f"{API}/api/webtoon/titlelist/genre?genre={title.genre}&order=user&page=1").json["titleList"]
    assert {item["titleId"]: item["adult"] for item in items}[title.id]
    assert get(f"{API}/api/article/list/info?titleId={title.id}").json["age"]["type"] == "RATE_18"
    answer = get(f"{API}/api/article/list?titleId={title.id}&page=1")
    assert (answer.status, answer.json) == (401, {"code": 401, "message": "login required"})


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/article/list?titleId=5", 404, "titleId '5' is unknown"),
        ("/api/article/list/info?titleId=five", 404, "titleId 'five' is unknown"),
        ("/api/article/list/info", 404, "titleId '' is unknown"),
        ("/api/webtoon/titlelist/genre?genre=EPISODE&page=1", 404, "genre 'EPISODE' is unknown"),
        ("/api/webtoon/titlelist/genre?genre=PURE&page=0", 400, "page '0' is not a number from 1"),
        ("/search?q=x", 404, "/search is not here"),
    ],
)
def test_what_is_not_there_is_refused_in_json(get, path, status, message):
    answer = get(API + path)
    assert (answer.status, answer.json) == (status, {"code": status, "message": message})


def test_robots_allow_what_a_crawl_needs_and_no_search(get):
    rules = get(f"{API}/robots.txt").body.decode().splitlines()
    assert {"Disallow: /search", "Disallow: /login"} <= set(rules)
    assert not any(rule.startswith("Disallow: /api") for rule in rules)
    assert "Disallow" not in get(f"{IMAGES}/robots.txt").body.decode()


def test_thumbnails_are_jpegs_for_readers_of_the_api_host(get):
    answer = get(first_thumbnail(get), **REFERER)
    assert (answer.status, answer.type) == (200, "image/jpeg")
    assert answer.body.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    "headers", [{}, {"Referer": "http://elsewhere.test/"}, {"Referer": "http://comic.demo.test.elsewhere.test/"}]
)
def test_the_image_host_refuses_others(get, headers):
    assert get(first_thumbnail(get), **headers).status == 403


def test_a_wrong_mark_a_wrong_number_and_a_future_episode_are_not_there(get):
    url = first_thumbnail(get)
    assert get(url.replace("thumbnail_202x120_", "thumbnail_202x120_0"), **REFERER).status == 404
    assert get(re.sub(r"/(\d+)/thumbnail", "/999/thumbnail", url), **REFERER).status == 404


def test_addresses_hold_no_port_and_a_mark_of_32_digits(get):
    url = first_thumbnail(get)
    assert re.fullmatch(
        rf"{IMAGES}/webtoon/\d+/\d+/thumbnail_202x120_[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\.jpg", url
    )


def test_the_host_header_serves_as_well_as_the_proxy_form(site, get):
    url = first_thumbnail(get)
    plain = request(site, "GET", urlsplit(url).path, {"Host": urlsplit(url).netloc, **REFERER})
    assert plain == get(url, **REFERER)


def test_tunnels_are_refused(site):
    answer = request(site, "CONNECT", "image.demo.test:443", {"Host": "image.demo.test:443"})
    assert answer.status >= 400


def test_covers_are_served(get):
    item = get(f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=1").json["titleList"][0]
    assert get(item["thumbnailUrl"], **REFERER).body.startswith(b"\xff\xd8\xff")


def test_a_browser_finds_pages_and_their_pictures_at_the_port_itself(site):
    here = {"Host": urlsplit(site).netloc}
    index = request(site, "GET", "/", here).body.decode()
    title_path = re.findall(r'href="(/title/\d+)"', index)[0]
    page = request(site, "GET", title_path, here).body.decode()
    picture = re.findall(r'src="(/webtoon/[^"]+)"', page)[0]
    assert request(site, "GET", picture, {**here, "Referer": f"{site}{title_path}"}).status == 200
    assert request(site, "GET", picture, here).status == 403
    assert request(site, "GET", "/genre/pure", here).status == 200
    assert request(site, "GET", "/genre/unknown", here).status == 404


def test_two_runs_serve_the_same_bytes_on_different_ports(site, get):
    url = first_thumbnail(get)
    with running(SEED, SCALE, date(2022, 9, 30)) as other:
        assert other != site
        again = request(other, "GET", url, {"Host": urlsplit(url).netloc, **REFERER})
    assert again == get(url, **REFERER)


def test_the_site_ends_with_its_block():
    with running(SEED, 0.001, STUDY_END) as address:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((urlsplit(address).hostname, urlsplit(address).port), timeout=5)


def test_the_site_ends_when_its_owner_is_killed(tmp_path):
    script = tmp_path / "owner.py"
    script.write_text(
        "import time\nfrom datetime import date\nfrom webtoon_genre.demo_site.site import running\n"
        'if __name__ == "__main__":\n'
        "    with running(1, 0.001, date(2022, 8, 19)) as address:\n"
        "        print(address, flush=True)\n        time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as owner:
        address = urlsplit(owner.stdout.readline().strip())
        owner.send_signal(signal.SIGKILL)
    for _ in range(100):
        try:
            socket.create_connection((address.hostname, address.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.1)
    pytest.fail(f"{address.geturl()} still answers")


def test_serve_prints_where_to_browse_and_ends_at_ctrl_c():
    command = [sys.executable, "-m", "stages.sources.demo", "serve", "--scale", "0.001"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # shells ignore it for what runs in the background
    ) as process:
        try:
            where = re.match(r"(http://127\.0\.0\.1:\d+)/", process.stdout.readline())
            assert where
            assert request(where[1], "GET", "/", {"Host": urlsplit(where[1]).netloc}).status == 200
            process.send_signal(signal.SIGINT)
            assert "Traceback" not in process.communicate(timeout=20)[1]
        finally:
            process.kill()


def test_a_scale_above_1_is_one_clear_line():
    command = [sys.executable, "-m", "stages.sources.demo", "sheet", "sheet.png", "--scale", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 1
    assert done.stderr == "sources.demo: scale is 3.0; it is a share of the study, above 0 and at most 1\n"
