"""The demo site over HTTP, in a separate process: the API that the spider needs, and the pages for people."""

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
from webtoon_genre.demo_site.site import start_site
from webtoon_genre.demo_site.timetable import HIDDEN, STUDY_END
from webtoon_genre.demo_site.world import Title, World

SEED, SCALE = 2022, 0.1
WORLD = World(SEED, SCALE)
REFERER = {"Referer": f"{API}/"}
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.body)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Start the site for all tests of this file and yield its address."""
    with start_site(SEED, SCALE, STUDY_END) as address:
        yield address


@pytest.fixture
def get(site: str) -> Any:
    """Return a function that gets an absolute URL through the site as a proxy."""

    def send(url: str, **headers: str) -> Answer:
        return request(site, "GET", url, {"Host": urlsplit(url).netloc, **headers})

    return send


def request(site: str, method: str, target: str, headers: dict[str, str]) -> Answer:
    """Send a request with an unchanged target."""
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


def find_title(**properties: bool) -> Title:
    """Return the first title with these properties."""
    checks = {
        "adult": lambda title: title.adult,
        "paid": lambda title: any(episode.paid for episode in WORLD.episodes(title)),
        "long": lambda title: len(WORLD.episodes(title)) > 40,
        "hidden": lambda title: any(episode.kind == HIDDEN for episode in WORLD.episodes(title)),
        "mixed": lambda title: len(title.genres) == 2,
    }
    properties = {"adult": False, **properties}
    return next(
        title
        for title in WORLD.titles.values()
        if all(checks[name](title) == value for name, value in properties.items())
    )


def pages(get: Any, path: str) -> list[dict[str, Any]]:
    """Return all pages of a list by following nextPage."""
    answers, page = [], 1
    while page:
        answers.append(get(f"{API}{path}&page={page}").json)
        page = answers[-1]["pageInfo"]["nextPage"]
    return answers


def episode_items(get: Any, title: Title, sort: str) -> list[dict[str, Any]]:
    """Return all items of a title's episode list."""
    return [
        item for page in pages(get, f"/api/article/list?titleId={title.id}&sort={sort}") for item in page["articleList"]
    ]


def first_thumbnail(get: Any) -> str:
    """Return the URL of a thumbnail."""
    return episode_items(get, find_title(), "ASC")[0]["thumbnailUrl"]


def test_genre_lists_have_pages_of_25_and_include_each_title_of_the_genre(get):
    for genre in LABELS:
        answers = pages(get, f"/api/webtoon/titlelist/genre?genre={genre.upper()}&order=user")
        ids = [item["titleId"] for page in answers for item in page["titleList"]]
        assert sorted(ids) == [title.id for title in WORLD.titles.values() if genre in title.genres]
        assert all(len(page["titleList"]) == 25 for page in answers[:-1])


def test_order_and_genre_are_case_insensitive(get):
    url = f"{API}/api/webtoon/titlelist/genre?genre=%s&order=%s&page=1"
    assert get(url % ("PURE", "STAR")).json == get(url % ("pure", "star")).json


def test_titles_have_the_requested_order(get):
    items = get(f"{API}/api/webtoon/titlelist/genre?genre=DRAMA&order=star&page=1").json["titleList"]
    assert [item["starScore"] for item in items] == sorted((item["starScore"] for item in items), reverse=True)


def test_a_page_after_the_last_one_is_empty(get):
    answer = get(f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=99").json
    assert answer["titleList"] == []
    assert answer["pageInfo"]["nextPage"] == 0


def test_finished_titles_and_unfinished_ones_by_weekday_are_all_titles(get):
    finished = [
        i["titleId"] for p in pages(get, "/api/webtoon/titlelist/finished?order=UPDATE") for i in p["titleList"]
    ]
    week = get(f"{API}/api/webtoon/titlelist/weekday?order=user").json["titleListMap"]
    unfinished_ids = [item["titleId"] for day in week.values() for item in day]
    assert sorted(finished + unfinished_ids) == list(WORLD.titles)
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


def test_title_info_has_two_forms_of_artists(get):
    answers = [get(f"{API}/api/article/list/info?titleId={title_id}").json for title_id in WORLD.titles]
    assert {("author" in answer, "communityArtists" in answer) for answer in answers} == {(True, False), (False, True)}
    assert all(("gfpAdCustomParam" in answer) == ("communityArtists" in answer) for answer in answers)


def test_title_info_lists_the_artists_and_the_genres_in_order(get):
    for title in WORLD.titles.values():
        answer = get(f"{API}/api/article/list/info?titleId={title.id}").json
        roles = answer.get("author", {}).values()
        artists = [artist for role in roles for artist in role] or answer["communityArtists"]
        assert {artist["name"] for artist in artists} == {
            artist.name for artist in title.writers + title.painters + title.origins
        }
        tags = [tag["curationType"] for tag in answer["curationTagList"]]
        assert [tag for tag in tags if tag.startswith("GENRE_")] == [f"GENRE_{genre.upper()}" for genre in title.genres]


def test_episode_lists_have_pages_of_20_until_next_page_is_0(get):
    title = find_title(long=True, paid=False)
    answers = pages(get, f"/api/article/list?titleId={title.id}&sort=asc")
    assert [len(page["articleList"]) for page in answers[:-1]] == [20] * (len(answers) - 1)
    assert [item["no"] for page in answers for item in page["articleList"]] == [e.no for e in WORLD.episodes(title)]


def test_sort_is_case_insensitive_and_desc_is_the_reverse_of_asc_without_previews(get):
    title = find_title(paid=True)
    ascending, descending = episode_items(get, title, "asc"), episode_items(get, title, "Desc")
    assert [item["no"] for item in descending] == [item["no"] for item in reversed(ascending) if not item["charge"]]
    assert descending == [item for item in reversed(ascending) if not item["charge"]]


def test_previews_are_charged_and_dated_by_the_days_until_they_are_free(get):
    title = find_title(paid=True)
    charged = [item for item in episode_items(get, title, "ASC") if item["charge"]]
    assert charged
    assert all(re.fullmatch(r"내일 무료|\d+일 후 무료", item["serviceDateDescription"]) for item in charged)
    separate = get(f"{API}/api/article/list?titleId={title.id}&page=1&sort=DESC").json["chargeFolderArticleList"]
    assert separate == charged


def test_free_episodes_are_dated_by_day(get):
    title = find_title(paid=False)
    assert [item["serviceDateDescription"] for item in episode_items(get, title, "ASC")] == [
        episode.date.strftime("%y.%m.%d") for episode in WORLD.episodes(title)
    ]


def test_hidden_episodes_are_marked(get):
    title = find_title(hidden=True)
    hidden = [item["no"] for item in episode_items(get, title, "ASC") if item.get("blindInspection")]
    assert hidden == [episode.no for episode in WORLD.episodes(title) if episode.kind == HIDDEN]


def test_titles_for_adults_are_listed_but_their_episodes_need_a_login(get):
    title = find_title(adult=True)
    lists = pages(get, f"/api/webtoon/titlelist/genre?genre={title.genre}&order=user")
    assert {item["titleId"]: item["adult"] for page in lists for item in page["titleList"]}[title.id]
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
def test_unknown_addresses_are_refused_in_json(get, path, status, message):
    answer = get(API + path)
    assert (answer.status, answer.json) == (status, {"code": status, "message": message})


def test_robots_rules_allow_a_crawl_and_disallow_search(get):
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
def test_the_image_host_refuses_other_referers(get, headers):
    assert get(first_thumbnail(get), **headers).status == 403


def test_a_wrong_token_and_a_wrong_number_are_not_found(get):
    url = first_thumbnail(get)
    assert get(url.replace("thumbnail_202x120_", "thumbnail_202x120_0"), **REFERER).status == 404
    assert get(re.sub(r"/(\d+)/thumbnail", "/999/thumbnail", url), **REFERER).status == 404


def test_addresses_have_no_port_and_a_token_of_32_digits(get):
    url = first_thumbnail(get)
    assert re.fullmatch(
        rf"{IMAGES}/webtoon/\d+/\d+/thumbnail_202x120_[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\.jpg", url
    )


def test_the_host_header_and_the_proxy_form_get_equal_answers(site, get):
    url = first_thumbnail(get)
    plain = request(site, "GET", urlsplit(url).path, {"Host": urlsplit(url).netloc, **REFERER})
    assert plain == get(url, **REFERER)


def test_tunnels_are_refused(site):
    answer = request(site, "CONNECT", "image.demo.test:443", {"Host": "image.demo.test:443"})
    assert answer.status >= 400


def test_covers_are_served(get):
    item = get(f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=1").json["titleList"][0]
    assert get(item["thumbnailUrl"], **REFERER).body.startswith(b"\xff\xd8\xff")


def test_a_browser_gets_pages_and_their_pictures_at_the_port(site):
    host = {"Host": urlsplit(site).netloc}
    index = request(site, "GET", "/", host).body.decode()
    title_path = re.findall(r'href="(/title/\d+)"', index)[0]
    page = request(site, "GET", title_path, host).body.decode()
    picture = re.findall(r'src="(/webtoon/[^"]+)"', page)[0]
    assert request(site, "GET", picture, {**host, "Referer": f"{site}{title_path}"}).status == 200
    assert request(site, "GET", picture, host).status == 403
    assert request(site, "GET", "/genre/pure", host).status == 200
    assert request(site, "GET", "/genre/unknown", host).status == 404


def test_two_processes_serve_equal_bytes_on_different_ports(site, get):
    url = first_thumbnail(get)
    with start_site(SEED, SCALE, date(2022, 9, 30)) as second_site:
        assert second_site != site
        answer = request(second_site, "GET", url, {"Host": urlsplit(url).netloc, **REFERER})
    assert answer == get(url, **REFERER)


def test_the_site_ends_with_its_block():
    with start_site(SEED, 0.001, STUDY_END) as address:
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((urlsplit(address).hostname, urlsplit(address).port), timeout=5)


def test_the_site_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\nfrom datetime import date\nfrom webtoon_genre.demo_site.site import start_site\n"
        'if __name__ == "__main__":\n'
        "    with start_site(1, 0.001, date(2022, 8, 19)) as address:\n"
        "        print(address, flush=True)\n        time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        address = urlsplit(parent.stdout.readline().strip())
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        try:
            socket.create_connection((address.hostname, address.port), timeout=5).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.1)
    pytest.fail(f"{address.geturl()} still answers")


def test_serve_prints_its_address_and_ends_at_ctrl_c():
    command = [sys.executable, "-m", "webtoon_genre.demo_site", "serve", "--scale", "0.001"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells ignore it for background processes
    ) as process:
        try:
            address = re.match(r"(http://127\.0\.0\.1:\d+)/", process.stdout.readline())
            assert address
            assert request(address[1], "GET", "/", {"Host": urlsplit(address[1]).netloc}).status == 200
            process.send_signal(signal.SIGINT)
            assert "Traceback" not in process.communicate(timeout=20)[1]
        finally:
            process.kill()


def test_a_scale_above_1_is_one_line_on_stderr():
    command = [sys.executable, "-m", "webtoon_genre.demo_site", "sheet", "sheet.png", "--scale", "3"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    assert result.returncode == 1
    assert result.stderr == "demo_site: scale is 3.0; it is a share of the study, above 0 and at most 1\n"
