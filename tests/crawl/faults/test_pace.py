"""The pace of requests to one host.

The server sees requests late when the machine is busy. So the tests measure a span of several delays, not each gap.
"""

from tests.support.webtoon_server import API, IMAGES, Answer, title


def span(times: list[float]) -> float:
    """Return the seconds between the first and the last of `times`."""
    return max(times) - min(times)


def test_a_crawl_delay_of_robots_txt_is_obeyed(site, crawl):
    site.add(title(10, 6))
    site.answers[f"{IMAGES}/robots.txt"] = [Answer(b"User-agent: *\nCrawl-delay: 0.3\n")]
    assert crawl().returncode == 0
    assert len(site.request_times(IMAGES)) == 7
    assert span(site.request_times(IMAGES)) >= 5 * 0.3


def test_the_delay_passes_between_requests_to_one_host(site, crawl):
    site.add(title(10, 6))
    assert crawl("--delay=0.2").returncode == 0
    for host, count in ((API, 7), (IMAGES, 7)):
        assert len(site.request_times(host)) == count
        assert span(site.request_times(host)) >= (count - 2) * 0.2


def test_crawl_concurrency_limits_the_simultaneous_requests_to_one_host(site, crawl):
    site.add(title(10, 12), title(11, 12))
    site.delay = 0.05
    assert crawl(concurrency=3).returncode == 0
    assert 1 < site.peaks["image.test"] <= 3
    assert site.peaks["comic.test"] <= 3


def test_slow_answers_lengthen_a_throttled_delay(site, crawl):
    site.add(title(10, 8))
    site.delay = 0.3
    assert crawl("--delay=0.02", "--throttle=1.0").returncode == 0
    assert span(site.request_times(IMAGES)) >= 4 * 0.3  # with a fixed delay, all eight are simultaneous
