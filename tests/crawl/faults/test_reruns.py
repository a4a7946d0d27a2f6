"""Data on disk after further crawls: deleted titles, limits, refused thumbnails."""

import shutil

import pytest

from tests.support import fault_server
from tests.support.crawl_faults import articles_url, picture_url, status
from tests.support.crawl_runs import contents, episodes, metrics
from tests.support.fault_server import as_json
from tests.support.webtoon_server import Answer, picture, title

NO_LIMITS = {"titles": None, "episodes": None, "bytes": None}


def test_a_deleted_title_on_disk_is_kept_and_marked(site, crawl, before):
    site.answers[articles_url(11)] = [Answer(status=404)]
    assert crawl().returncode == 0
    assert episodes()["status"].tolist() == ["ok"] * 3 + ["vanished"] * 3 + ["ok"] * 3
    assert metrics()["left_out"] == {"deleted": 1}
    assert metrics()["failures"] == []
    assert [name for name, digest in contents().items() if before.get(name) != digest] == ["episodes.parquet"]


@pytest.mark.parametrize("limits", [{"titles": 1}, {"episodes": 1}, {"bytes": 1}], ids=str)
def test_a_limited_crawl_after_a_full_one_loses_nothing_and_marks_nothing(site, crawl, before, limits):
    process = crawl(limits=NO_LIMITS | limits)
    assert process.returncode == 0, process.stderr
    assert contents() == before
    assert metrics()["limited"]


def test_a_limited_crawl_gives_the_same_statuses_in_any_order_of_answers(site, crawl, before):
    shutil.copytree("data", "before")
    del site.titles[10]["articles"][2]
    outcomes = []
    for late in ([10], [11, 12]):
        site.answers = {url: answers for url, answers in site.answers.items() if url.endswith("robots.txt")}
        for number in late:
            page = {"articleList": site.titles[number]["articles"], "pageInfo": {"page": 1, "nextPage": 0}}
            site.answers[articles_url(number)] = [Answer(as_json(page).body, delay=0.5)]
        assert crawl(limits=NO_LIMITS | {"episodes": 2}).returncode == 0
        outcomes.append(episodes()["status"].tolist())
        shutil.rmtree("data")
        shutil.copytree("before", "data")
    assert outcomes[0] == outcomes[1]


def test_titles_of_each_list_and_episodes_of_each_title_are_limited_and_counted(site, crawl):
    site.add(*[title(number, 3) for number in (10, 11, 12)], title(13, 2, lists=["DRAMA"]))
    assert crawl(limits={"titles": 2, "episodes": 2, "bytes": None}).returncode == 0
    assert episodes().index.tolist() == [(number, no) for number in (10, 11, 13) for no in (1, 2)]
    assert metrics()["limited"] == {"lists": 1, "titles": 2}


def test_a_limit_of_bytes_selects_the_same_pictures_at_any_concurrency(site, crawl):
    site.add(*[title(number, 5) for number in (10, 11, 12)])
    limit = sum(len(picture(number, no)) for number in (10, 11) for no in range(1, 6)) - 1
    outcomes = []
    for concurrency in (1, 8):
        process = crawl(limits=NO_LIMITS | {"bytes": limit}, concurrency=concurrency)
        assert process.returncode == 0, process.stderr
        outcomes.append((contents(), metrics()))
        shutil.rmtree("data")
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1]["thumbnails"] == 9
    assert outcomes[0][1]["limited"] == {"bytes": 1}


def test_failed_thumbnails_are_requested_again_and_refused_ones_only_if_params_say_so(site, crawl):
    site.add(title(10, 5))
    site.answers |= {
        picture_url(1, 10): [Answer(status=404)],
        picture_url(2, 10): [Answer(b"<html>")],
        picture_url(3, 10): [Answer(status=500)],
        picture_url(4, 10): [Answer(raw=fault_server.stall)],
    }
    assert crawl(retries=0, timeout=2.0, refused_again=False).returncode == 0
    assert [status(no, 10) for no in range(1, 6)] == ["http_404", "not_an_image", "http_500", "timeout", "ok"]
    for no in (1, 2, 3, 4):
        site.answers.pop(picture_url(no, 10))
    site.requests.clear()
    assert crawl(refused_again=False).returncode == 0
    assert site.picture_requests() == [picture_url(3, 10), picture_url(4, 10)]
    assert [status(no, 10) for no in range(1, 6)] == ["http_404", "not_an_image", "ok", "ok", "ok"]
    site.requests.clear()
    assert crawl(refused_again=True).returncode == 0
    assert site.picture_requests() == [picture_url(1, 10), picture_url(2, 10)]
    assert set(episodes()["status"]) == {"ok"}
