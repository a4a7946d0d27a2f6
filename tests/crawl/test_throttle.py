"""The pace of a host, without a network: what Retry-After means, and what becomes of Scrapy's delays."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import Request
from scrapy.core.downloader import Slot
from scrapy.http import Response
from scrapy.settings import Settings

from webtoon_genre.crawl import throttle
from webtoon_genre.crawl.http import Gate, Site
from webtoon_genre.crawl.throttle import Host, Pace, asked, back_off

AGENT = "webtoon-genre (contact you@example.org)"
URL = "http://image.test/1.jpg"


def says(value: bytes | None, status: int = 429) -> Response:
    """An answer with that Retry-After."""
    return Response(URL, status=status, headers={} if value is None else {"Retry-After": value})


def dated(seconds: float) -> bytes:
    """An HTTP date that many seconds from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True).encode()


@pytest.mark.parametrize(("value", "seconds"), [(b"0", 0.0), (b"120", 120.0), (b" 7 ", 7.0), (b"9" * 30, 1e30)])
def test_retry_after_in_seconds_is_that_many(value, seconds):
    assert asked(says(value)) == seconds


def test_retry_after_as_a_date_is_the_time_until_then():
    assert 3590 < asked(says(dated(3600))) <= 3600


@pytest.mark.parametrize("value", [dated(-3600), b"Thu, 01 Jan 1970 00:00:00 GMT"], ids=["an hour ago", "1970"])
def test_a_date_that_is_past_asks_for_nothing(value):
    assert asked(says(value)) == 0.0


def test_a_date_without_a_zone_is_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    try:
        assert 3590 < asked(says(dated(3600).replace(b" GMT", b""))) <= 3600
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "value", [None, b"", b"soon", b"-5", b"1.5", b"\xff\xfe", "٣".encode(), b"1e3", b"inf", b"nan"]
)
def test_what_is_no_retry_after_asks_for_nothing(value):
    assert asked(says(value)) == 0.0


@settings(max_examples=50)
@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_retry_after_is_read_without_an_error(value):
    assert asked(says(value.replace(b"\r", b"").replace(b"\n", b""))) >= 0.0


@pytest.mark.parametrize(
    "value",
    [
        b"Fri, 31 Dec 9999 23:59:59 GMT",
        b"Fri, 31 Dec 99999 23:59:59 GMT",
        b"Mon, 99 Foo 2022 25:61:61 GMT",
        b"Mon, 01 Jan 2022 00:00:00 +999999",
        b"0 0 0 0 0 0",
        b"Mon, 01 Jan 0000 00:00:00 GMT",
    ],
)
def test_any_date_is_read_without_an_error(value):
    assert asked(says(value)) >= 0.0


def test_each_retry_waits_twice_as_long_as_the_one_before():
    waits = [back_off(Request(URL, meta={"retry_times": times} if times else {})) for times in range(4)]
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_host_without_a_delay_has_one_after_its_first_429():
    host = Host(0.0)
    host.slow_down(100.0, 5.0)
    assert (host.delay, host.quiet_until) == (throttle.SLOWED, 105.0)


def test_429s_at_once_count_as_one_and_a_later_one_doubles_the_delay_again():
    host = Host(0.5)
    for now in (100.0, 100.1, 104.9):
        host.slow_down(now, 5.0)
    assert host.delay == 1.0
    host.slow_down(110.0, 5.0)
    assert host.delay == 2.0


def test_a_shorter_pause_does_not_cut_a_longer_one():
    host = Host(0.5)
    host.slow_down(100.0, 60.0)
    host.slow_down(101.0, 1.0)
    assert host.quiet_until == 160.0


@pytest.mark.parametrize("base", [0.0, 0.5])
def test_a_host_that_answers_well_comes_back_to_its_base_and_never_below(base):
    host = Host(base)
    host.slow_down(100.0, 5.0)
    delays = []
    for _ in range(200):
        host.recover()
        delays.append(host.delay)
    assert delays == sorted(delays, reverse=True)
    assert delays[0] > base
    assert delays[-1] == base


def crawler(delay: float = 0.0, throttled: bool = False, **slots: Slot) -> Any:
    """What Pace sees of Scrapy."""
    settings = {"DOWNLOAD_DELAY": delay, "AUTOTHROTTLE_ENABLED": throttled, "USER_AGENT": AGENT}
    return SimpleNamespace(
        settings=Settings(settings),
        signals=SimpleNamespace(connect=lambda *arguments, **named: None),
        engine=SimpleNamespace(downloader=SimpleNamespace(slots=slots)),
    )


def request(name: str, **meta: Any) -> Request:
    """A request in the slot `name`."""
    return Request(URL, meta={"download_slot": name} | meta)


def test_a_429_keeps_its_host_s_slot_quiet_and_no_other():
    image, other = Slot(8, 0.0, 0.0), Slot(8, 0.0, 0.0)
    keeper = Pace(crawler(image=image, other=other))
    before = time.monotonic()
    keeper.answered(says(b"60"), request("image"))
    assert image.lastseen + image.delay >= before + 60
    assert image.delay == throttle.SLOWED
    assert (other.lastseen, other.delay) == (0, 0.0)


def test_an_error_of_the_server_with_retry_after_is_as_good_as_a_429():
    slot = Slot(8, 0.0, 0.0)
    before = time.monotonic()
    Pace(crawler(image=slot)).answered(says(b"60", status=503), request("image"))
    assert slot.lastseen + slot.delay >= before + 60


def test_an_error_of_the_server_without_retry_after_leaves_the_pace_alone():
    slot = Slot(8, 0.0, 0.0)
    Pace(crawler(image=slot)).answered(says(None, status=503), request("image"))
    assert (slot.lastseen, slot.delay) == (0.0, 0.0)


def test_a_429_without_retry_after_waits_as_long_as_its_retry():
    slot = Slot(8, 0.0, 0.0)
    before = time.monotonic()
    Pace(crawler(image=slot)).answered(says(None), request("image", retry_times=3))
    assert slot.lastseen + slot.delay >= before + 8


def test_good_answers_that_were_under_way_do_not_end_a_pause():
    slot = Slot(64, 0.0, 0.0)
    keeper = Pace(crawler(image=slot))
    keeper.answered(says(b"60"), request("image"))
    for _ in range(63):
        keeper.answered(says(None, status=200), request("image"))
    assert slot.delay > 0  # without a delay, Scrapy looks at no time at all
    assert slot.lastseen + slot.delay > time.monotonic() + 50


def test_a_crawl_delay_that_is_longer_than_the_delay_becomes_it():
    slot = Slot(8, 0.5, 0.0)
    slots = {"image.test": slot}
    keeper = Pace(crawler(0.5, **slots))
    keeper.robots(SimpleNamespace(crawl_delay=lambda agent: 3.0), Request(URL))
    assert slot.delay == 3.0


@pytest.mark.parametrize("told", [None, 0.1])
def test_a_crawl_delay_that_is_shorter_changes_nothing(told):
    slot = Slot(8, 0.5, 0.0)
    slots = {"image.test": slot}
    keeper = Pace(crawler(0.5, **slots))
    keeper.robots(SimpleNamespace(crawl_delay=lambda agent: told), Request(URL))
    assert slot.delay == 0.5


@pytest.mark.parametrize(("throttled", "delay"), [(True, 4.0), (False, 0.5)])
def test_a_delay_that_was_lengthened_for_slow_answers_stays_where_it_is_throttled(throttled, delay):
    slot = Slot(8, 4.0, 0.0)
    keeper = Pace(crawler(0.5, throttled=throttled, image=slot))
    keeper.answered(says(None, status=200), request("image"))
    assert slot.delay == delay


def test_a_slot_that_is_gone_is_no_error():
    Pace(crawler()).answered(says(b"5"), request("image"))


def test_a_redirected_request_keeps_the_pace_of_the_host_that_it_goes_to():
    site = Site("test", "http://comic.test", frozenset({"image.test"}), "http://comic.test/", None, delay=0.5)
    redirected = Request("http://comic.test/1.jpg", meta={"download_slot": "image.test"})
    Gate(site).process_request(redirected)
    assert redirected.meta.get("download_slot", "comic.test") == "comic.test"
