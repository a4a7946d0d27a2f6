"""robots.txt: missing, unreadable, oversized, redirected, forbidding."""

import pytest

from tests.support.crawl_faults import TOO_LONG, redirect, requested_hosts, status
from tests.support.fault_server import MEGABYTE, ZEROS, zipped
from tests.support.webtoon_server import API, IMAGES, Answer, title


def test_a_missing_robots_txt_allows_all(site, crawl):
    site.add(title(10, 1))
    assert crawl().returncode == 0
    assert [answers[0].status for url, answers in site.answers.items() if url.endswith("robots.txt")] == [404, 404]
    assert site.requests.count(f"{API}/robots.txt") == site.requests.count(f"{IMAGES}/robots.txt") == 1
    assert status(1, 10) == "ok"


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
    assert requested_hosts(site) == {"comic.test", "image.test"}


def test_a_robots_txt_of_10_mb_allows_nothing(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [Answer(b"Disallow:\n" * MEGABYTE)]
    process = crawl()
    assert process.returncode == 1
    assert process.stderr.startswith("crawl: the list of titles at ")
    assert process.stderr.endswith("cannot be read: no answer: too large; nothing was changed, run again later\n")
    assert set(site.requests) == {f"{API}/robots.txt"}


def test_a_robots_txt_larger_than_the_largest_thumbnail_is_read(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [Answer(b"# a comment\n" * 30_000 + b"User-agent: *\nDisallow: /api\n")]
    process = crawl(max_bytes=5000)
    assert process.returncode == 1
    assert "robots.txt of comic.test forbids" in process.stderr


def test_a_robots_txt_that_exceeds_the_limit_when_unpacked_allows_nothing(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [zipped(ZEROS * 2)]
    process = crawl()
    assert process.returncode == 1
    assert set(site.requests) == {f"{API}/robots.txt"}


def test_a_robots_txt_that_asks_for_too_long_a_pause_allows_nothing(site, crawl):
    site.add(title(10, 1))
    site.answers[f"{API}/robots.txt"] = [Answer(status=503, headers={"Retry-After": str(TOO_LONG)})]
    process = crawl(within=12)
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert set(site.requests) == {f"{API}/robots.txt"}


@pytest.mark.parametrize("host", [API, IMAGES])
def test_a_robots_txt_that_answers_with_a_server_error_allows_nothing_at_its_host(site, crawl, host):
    site.add(title(10, 3))
    site.answers[f"{host}/robots.txt"] = [Answer(status=500)]
    process = crawl()
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert "http" in process.stderr
    assert {url for url in site.requests if url.startswith(host)} == {f"{host}/robots.txt"}


def test_all_requests_that_wait_for_a_robots_txt_obey_it(site, crawl):
    site.add(title(10, 3))
    rules = Answer(b"User-agent: webtoon-genre\nDisallow: /api\n", delay=0.3)
    site.answers[f"{API}/robots.txt"] = [rules]
    process = crawl(lists=["genre", "weekday"])
    assert process.returncode == 1
    assert set(site.requests) == {f"{API}/robots.txt"}


def test_a_rule_of_the_image_host_alone_ends_the_crawl(site, crawl):
    site.add(title(10, 3))
    site.answers[f"{IMAGES}/robots.txt"] = [Answer(b"User-agent: *\nDisallow: /10/\n")]
    process = crawl(concurrency=1)
    assert process.returncode == 1
    assert process.stderr.startswith(f"crawl: robots.txt of image.test forbids {IMAGES}/10/")
    assert process.stderr.count("\n") == 1
    assert site.picture_requests() == []
