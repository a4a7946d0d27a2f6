"""Progress of long work on stderr: a bar on a terminal, otherwise a line now and then."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
EVERY = 10.0  # seconds between lines where there is no terminal
log = logging.getLogger(__name__)


class Meter:
    """Progress of work that is no loop: `step` tells of units done (or of none) and may add a note."""

    def __init__(self, total: int, what: str, unit: str):
        self.done, self.total, self.what, self.unit = 0, total, what, unit
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, desc=what, unit=f" {unit}", leave=False, miniters=0)  # 0: notes move it too
        self.started = self.spoken = time.monotonic()

    def step(self, units: int = 1, note: str = "") -> None:
        """Count `units`; move the bar, or say a line if the last one was long ago."""
        self.done += units
        if self.bar is not None:
            self.bar.set_postfix_str(note, refresh=False)
            self.bar.update(units)
            return
        now = time.monotonic()
        if now - self.spoken >= EVERY:
            self.spoken = now
            said = line(self.what, self.done, self.total, self.unit, now - self.started)
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


def line(what: str, done: int, total: int, unit: str, seconds: float) -> str:
    """One line: done of total, rate, seconds left."""
    if not done:
        return f"{what} 0 of {total:,} {unit}"
    rate = done / max(seconds, 1e-9)
    pace = f"{rate:,.1f} {unit}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"
    return f"{what} {done:,} of {total:,} {unit}, {pace}, {max(total - done, 0) / rate:,.0f} s left"
