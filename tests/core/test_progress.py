"""webtoon_genre/core/progress.py where stderr is no terminal: log lines at intervals."""

import pytest

from webtoon_genre.core import progress
from webtoon_genre.core.progress import Meter, format_line, track


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Log a line at every step."""
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    caplog.set_level("INFO")
    return caplog


def test_track_yields_all_items_and_logs_how_many_are_done(every_step):
    assert list(track("ab", 2, "read", "letters")) == ["a", "b"]
    assert [message.split(",")[0] for message in every_step.messages] == ["read 1 of 2 letters", "read 2 of 2 letters"]


def test_short_work_logs_nothing(caplog):
    caplog.set_level("INFO")
    assert list(track("ab", 2, "read", "letters")) == ["a", "b"]
    assert caplog.messages == []


def test_a_step_of_no_units_may_add_a_note(every_step):
    meter = Meter(5, "crawl", "titles")
    meter.step(0, "12 thumbnails")
    assert every_step.messages == ["crawl 0 of 5 titles (12 thumbnails)"]


def test_a_line_has_rate_and_time_left():
    assert format_line("crawl", 30, 90, "titles", 3.0) == "crawl 30 of 90 titles, 3.0 titles/s, 20 s left"
    assert format_line("balance", 1, 3, "variants", 0.05) == "balance 1 of 3 variants, 20.0 s each, 40 s left"
    assert (
        format_line("crawl", 10, 82_549, "thumbnails", 2.0)
        == "crawl 10 of 82,549 thumbnails, 2.0 thumbnails/s, 11.5 h left"
    )
    assert format_line("crawl", 5, 9, "titles", 0.0) == "crawl 5 of 9 titles, none in the last minute"


def test_the_rate_is_that_of_the_last_minute(every_step, monkeypatch):
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    meter = Meter(10_000, "crawl", "thumbnails")
    for step in range(1, 21):  # files on disk count at once, downloads come one a second
        now = 10.0 * step
        meter.step(1000 if step == 1 else 10)
    assert every_step.messages[0].startswith("crawl 1,000 of 10,000 thumbnails, 100.0 thumbnails/s")
    assert every_step.messages[-1] == "crawl 1,190 of 10,000 thumbnails, 1.0 thumbnails/s, 2.4 h left"


def test_the_total_may_change(every_step):
    meter = Meter(0, "crawl", "thumbnails")
    meter.total = 50
    meter.step(5)
    assert every_step.messages[0].startswith("crawl 5 of 50 thumbnails, ")
