"""The pace of a host, without a network: Retry-After, and the delays of Scrapy's slots."""

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
from webtoon_genre.crawl.http import Site
from webtoon_genre.crawl.middlewares import Gate
from webtoon_genre.crawl.throttle import Host, Pace, retry_after, retry_delay

AGENT = "webtoon-genre (contact you@example.org)"
URL = "http://image.test/1.jpg"


def response(value: bytes | None, status: int = 429) -> Response:
    """Return an answer with that Retry-After."""
    return Response(URL, status=status, headers={} if value is None else {"Retry-After": value})


def http_date(seconds: float) -> bytes:
    """Return the HTTP date `seconds` from now."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True).encode()


@pytest.mark.parametrize(("value", "seconds"), [(b"0", 0.0), (b"120", 120.0), (b" 7 ", 7.0), (b"9" * 30, 1e30)])
def test_retry_after_in_seconds_is_that_many(value, seconds):
    assert retry_after(response(value)) == seconds


def test_retry_after_as_a_date_is_the_time_until_then():
    assert 3590 < retry_after(response(http_date(3600))) <= 3600


@pytest.mark.parametrize("value", [http_date(-3600), b"Thu, 01 Jan 1970 00:00:00 GMT"], ids=["an hour ago", "1970"])
def test_a_past_date_asks_for_no_pause(value):
    assert retry_after(response(value)) == 0.0


def test_a_date_without_a_zone_is_in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    try:
        assert 3590 < retry_after(response(http_date(3600).replace(b" GMT", b""))) <= 3600
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "value", [None, b"", b"soon", b"-5", b"1.5", b"\xff\xfe", "٣".encode(), b"1e3", b"inf", b"nan"]
)
def test_an_unreadable_retry_after_asks_for_no_pause(value):
    assert retry_after(response(value)) == 0.0


@settings(max_examples=50)
@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_retry_after_is_read_without_an_error(value):
    assert retry_after(response(value.replace(b"\r", b"").replace(b"\n", b""))) >= 0.0


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
    assert retry_after(response(value)) >= 0.0


def test_each_retry_waits_twice_as_long_as_the_previous_one():
    waits = [retry_delay(Request(URL, meta={"retry_times": times} if times else {})) for times in range(4)]
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_host_without_a_delay_has_one_after_its_first_429():
    host = Host(0.0)
    host.slow_down(100.0, 5.0)
    assert (host.delay, host.quiet_until) == (throttle.SLOWED, 105.0)


def test_simultaneous_429s_count_as_one_and_a_later_one_doubles_the_delay_again():
    host = Host(0.5)
    for now in (100.0, 100.1, 104.9):
        host.slow_down(now, 5.0)
    assert host.delay == 1.0
    host.slow_down(110.0, 5.0)
    assert host.delay == 2.0


def test_a_shorter_pause_does_not_shorten_a_longer_one():
    host = Host(0.5)
    host.slow_down(100.0, 60.0)
    host.slow_down(101.0, 1.0)
    assert host.quiet_until == 160.0


@pytest.mark.parametrize("base", [0.0, 0.5])
def test_good_answers_return_the_delay_to_its_base_and_never_below(base):
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
    """Return the parts of Scrapy's crawler that Pace uses."""
    settings = {"DOWNLOAD_DELAY": delay, "AUTOTHROTTLE_ENABLED": throttled, "USER_AGENT": AGENT}
    return SimpleNamespace(
        settings=Settings(settings),
        signals=SimpleNamespace(connect=lambda *arguments, **options: None),
        engine=SimpleNamespace(downloader=SimpleNamespace(slots=slots)),
    )


def request(name: str, **meta: Any) -> Request:
    """Return a request in the slot `name`."""
    return Request(URL, meta={"download_slot": name} | meta)


def test_a_429_holds_back_the_slot_of_its_host_and_no_other():
    image, other = Slot(8, 0.0, 0.0), Slot(8, 0.0, 0.0)
    pace = Pace(crawler(image=image, other=other))
    before = time.monotonic()
    pace.on_response(response(b"60"), request("image"))
    assert image.lastseen + image.delay >= before + 60
    assert image.delay == throttle.SLOWED
    assert (other.lastseen, other.delay) == (0, 0.0)


def test_a_server_error_with_retry_after_counts_as_a_429():
    slot = Slot(8, 0.0, 0.0)
    before = time.monotonic()
    Pace(crawler(image=slot)).on_response(response(b"60", status=503), request("image"))
    assert slot.lastseen + slot.delay >= before + 60


def test_a_server_error_without_retry_after_does_not_change_the_pace():
    slot = Slot(8, 0.0, 0.0)
    Pace(crawler(image=slot)).on_response(response(None, status=503), request("image"))
    assert (slot.lastseen, slot.delay) == (0.0, 0.0)


def test_a_429_without_retry_after_waits_as_long_as_its_retry():
    slot = Slot(8, 0.0, 0.0)
    before = time.monotonic()
    Pace(crawler(image=slot)).on_response(response(None), request("image", retry_times=3))
    assert slot.lastseen + slot.delay >= before + 8


def test_good_answers_in_transit_do_not_end_a_pause():
    slot = Slot(64, 0.0, 0.0)
    pace = Pace(crawler(image=slot))
    pace.on_response(response(b"60"), request("image"))
    for _ in range(63):
        pace.on_response(response(None, status=200), request("image"))
    assert slot.delay > 0  # without a delay, Scrapy looks at no time at all
    assert slot.lastseen + slot.delay > time.monotonic() + 50


def test_a_longer_crawl_delay_replaces_the_delay():
    slot = Slot(8, 0.5, 0.0)
    slots = {"image.test": slot}
    pace = Pace(crawler(0.5, **slots))
    pace.on_robots(SimpleNamespace(crawl_delay=lambda agent: 3.0), Request(URL))
    assert slot.delay == 3.0


@pytest.mark.parametrize("crawl_delay", [None, 0.1])
def test_a_shorter_crawl_delay_changes_nothing(crawl_delay):
    slot = Slot(8, 0.5, 0.0)
    slots = {"image.test": slot}
    pace = Pace(crawler(0.5, **slots))
    pace.on_robots(SimpleNamespace(crawl_delay=lambda agent: crawl_delay), Request(URL))
    assert slot.delay == 0.5


@pytest.mark.parametrize(("throttled", "delay"), [(True, 4.0), (False, 0.5)])
def test_a_delay_lengthened_for_slow_answers_stays_under_autothrottle(throttled, delay):
    slot = Slot(8, 4.0, 0.0)
    pace = Pace(crawler(0.5, throttled=throttled, image=slot))
    pace.on_response(response(None, status=200), request("image"))
    assert slot.delay == delay


def test_a_missing_slot_is_no_error():
    Pace(crawler()).on_response(response(b"5"), request("image"))


def test_a_redirected_request_has_the_pace_of_its_target_host():
    site = Site("test", "http://comic.test", frozenset({"image.test"}), "http://comic.test/", None, delay=0.5)
    redirected = Request("http://comic.test/1.jpg", meta={"download_slot": "image.test"})
    Gate(site).process_request(redirected)
    assert redirected.meta.get("download_slot", "comic.test") == "comic.test"
