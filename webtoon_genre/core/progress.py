"""Progress of long work on stderr: a bar on a terminal, otherwise a log line every ten seconds."""

import logging
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
INTERVAL = 10.0  # seconds between lines where stderr is no terminal
RATE_LINES = 7  # lines over which the rate is averaged: about a minute
log = logging.getLogger(__name__)


class Meter:
    """Progress of work that is no loop: `step` counts units done (or none) and may add a note; `total` may change."""

    def __init__(self, total: int, task: str, unit: str):
        self.done, self.total, self.task, self.unit = 0, total, task, unit
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(
                total=total, desc=task, unit=f" {unit}", leave=False, miniters=0
            )  # 0: a note updates it too
        self.last_line = time.monotonic()
        self.recent = deque([(self.last_line, 0)], RATE_LINES)  # times of lines, and units done by then

    def step(self, units: int = 1, note: str = "") -> None:
        """Count `units`; update the bar, or log a line if the last one is INTERVAL seconds old."""
        self.done += units
        if self.bar is not None:
            self.bar.total = self.total
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(units)
            return
        now = time.monotonic()
        if now - self.last_line >= INTERVAL:
            self.last_line = now
            start, done_at_start = self.recent[0]
            rate = (self.done - done_at_start) / max(now - start, 1e-9)
            line = format_line(self.task, self.done, self.total, self.unit, rate)
            self.recent.append((now, self.done))
            log.info(f"{line} ({note})" if note else line)

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()


def track(items: Iterable[T], total: int, task: str, unit: str) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done; `unit` is their plural noun ("images")."""
    meter = Meter(total, task, unit)
    try:
        for item in items:
            yield item
            meter.step()
    finally:
        meter.close()


def format_line(task: str, done: int, total: int, unit: str, rate: float) -> str:
    """Format one line: done of total, rate (units a second), time left."""
    if not done:
        return f"{task} 0 of {total:,} {unit}"
    if rate <= 0:
        return f"{task} {done:,} of {total:,} {unit}, none in the last minute"
    speed = f"{rate:,.1f} {unit}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"
    return f"{task} {done:,} of {total:,} {unit}, {speed}, {format_duration(max(total - done, 0) / rate)} left"


def format_duration(seconds: float) -> str:
    """Format a duration in the largest unit of which it has at least two."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"
