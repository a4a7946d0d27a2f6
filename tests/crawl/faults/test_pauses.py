"""Hosts that ask for a pause, or that keep failing."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import webtoon_server
from tests.support.crawl_faults import TOO_LONG, crawl_at, info_url, picture_url, prepare
from tests.support.crawl_runs import contents, episodes
from tests.support.fault_server import as_json
from tests.support.webtoon_server import API, IMAGES, Answer, picture, title
from webtoon_genre.crawl.http import MAX_FAILURES


def http_date(seconds: int) -> str:
    """Return the HTTP date `seconds` from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A crawl, one request at a time, of hosts that ask for a pause: one in seconds, the other by a date."""
    folder = tmp_path_factory.mktemp("paused")
    prepare(folder, concurrency=1)
    with webtoon_server.serve() as site:
        site.add(title(10, 4), title(11, 3))
        site.answers[picture_url(1, 10)] = [Answer(status=429, headers={"Retry-After": "2"}), Answer(picture(10, 1))]
        pause = Answer(status=429, headers={"Retry-After": lambda: http_date(3)})
        site.answers[info_url(10)] = [pause, as_json(site.titles[10]["info"])]
        process = crawl_at(folder, site)
    assert process.returncode == 0, process.stderr
    return SimpleNamespace(site=site, folder=folder)


@pytest.mark.parametrize(("host", "url", "seconds"), [(IMAGES, picture_url(1, 10), 2.0), (API, info_url(10), 2.0)])
def test_retry_after_in_seconds_or_as_a_date_holds_back_all_requests_to_its_host(paused, host, url, seconds):
    site = paused.site
    first = site.times[site.requests.index(url)]
    later = [moment for moment in site.request_times(host) if moment > first]
    assert len(later) >= 4
    assert later[0] - first >= seconds - 0.1  # a date has whole seconds: 3 from now are more than 2


def test_everything_is_stored_after_the_pauses(paused, monkeypatch):
    monkeypatch.chdir(paused.folder)
    assert set(episodes()["status"]) == {"ok"}
    assert len(episodes()) == 7


def test_a_pause_longer_than_the_longest_wait_ends_the_crawl_and_the_next_resumes(site, crawl):
    site.add(title(10, 2))
    assert crawl().returncode == 0
    before = contents()
    site.add(title(10, 5))
    pause = Answer(status=429, headers={"Retry-After": str(TOO_LONG)})
    site.answers[picture_url(5, 10)] = [pause, Answer(picture(10, 5))]
    process = crawl(concurrency=1, within=15)
    assert process.returncode == 1
    assert process.stderr == (
        "crawl: image.test asks to wait 86,400 s, more than crawl.longest_wait 600; "
        "data/raw is unchanged, fetched data is kept, run again after that time\n"
    )
    assert contents() == before
    site.requests.clear()
    assert crawl().returncode == 0
    assert site.picture_requests() == [picture_url(5, 10)]
    assert len(contents()) == len(before)


@pytest.mark.parametrize(("code", "retries"), [(429, 0), (503, 0), (529, 1)])
def test_too_long_a_pause_ends_the_crawl_after_the_last_retry_too(site, crawl, code, retries):
    site.add(title(10, 3))
    site.answers[picture_url(1, 10)] = [Answer(status=code, headers={"Retry-After": str(TOO_LONG)})]
    process = crawl(retries=retries, within=12)
    assert process.returncode == 1
    assert "image.test asks to wait 86,400 s, more than crawl.longest_wait 600" in process.stderr


def test_a_host_that_fails_twenty_times_in_a_row_ends_the_crawl_with_one_line(site, crawl):
    site.add(title(10, 31))
    site.answers |= {picture_url(no, 10): [Answer(status=500)] for no in range(2, 32)}
    process = crawl(retries=0, concurrency=1)
    assert process.returncode == 1
    assert process.stderr == (
        "crawl: image.test failed 20 requests in a row (the answer is HTTP 500); data/raw is unchanged, "
        "fetched data is kept, run again later\n"
    )
    assert 1 + MAX_FAILURES <= len(site.picture_requests()) < 1 + MAX_FAILURES + 5  # some were in transit
    assert not Path("data/raw").exists()
