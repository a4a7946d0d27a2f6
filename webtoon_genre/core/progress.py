"""Progress of long work on stderr: a bar on a terminal, otherwise a line now and then."""

import logging
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
INTERVAL = 10.0  # seconds between lines where there is no terminal
RATE_LINES = 7  # lines over which the rate is taken: about a minute
log = logging.getLogger(__name__)


class Meter:
    """Progress of work that is no loop: `step` tells of units done (or of none) and may add a note; `total` may change."""

    def __init__(self, total: int, what: str, unit: str):
        self.done, self.total, self.what, self.unit = 0, total, what, unit
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, desc=what, unit=f" {unit}", leave=False, miniters=0)  # 0: notes move it too
        self.spoken = time.monotonic()
        self.recent = deque([(self.spoken, 0)], RATE_LINES)  # when lines were said, and what was done by then

    def step(self, units: int = 1, note: str = "") -> None:
        """Count `units`; move the bar, or say a line if the last one was long ago."""
        self.done += units
        if self.bar is not None:
            self.bar.total = self.total
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(units)
            return
        now = time.monotonic()
        if now - self.spoken >= INTERVAL:
            self.spoken = now
            then, before = self.recent[0]
            said = format_line(
                self.what, self.done, self.total, self.unit, (self.done - before) / max(now - then, 1e-9)
            )
            self.recent.append((now, self.done))
            log.info(f"{said} ({note})" if note else said)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()


def track(items: Iterable[T], total: int, what: str, unit: str) -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done; `unit` names one of them in the plural ("images")."""
    meter = Meter(total, what, unit)
    try:
        for item in items:
            yield item
            meter.step()
    finally:
        meter.close()


def format_line(what: str, done: int, total: int, unit: str, rate: float) -> str:
    """One line: done of total, rate (units a second), time left."""
    if not done:
        return f"{what} 0 of {total:,} {unit}"
    if rate <= 0:
        return f"{what} {done:,} of {total:,} {unit}, none of late"
    pace = f"{rate:,.1f} {unit}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"
    return f"{what} {done:,} of {total:,} {unit}, {pace}, {format_duration(max(total - done, 0) / rate)} left"


def format_duration(seconds: float) -> str:
    """A duration in the largest unit of which there are two."""
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s"
