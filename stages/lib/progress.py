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


def track(items: Iterable[T], total: int, what: str, unit: str) -> Iterator[T]:
    """Yield `items`, showing how many of `total` are done; `unit` names one of them in the plural ("images")."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=f" {unit}", leave=False)
        return
    started = spoken = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - spoken >= EVERY:
            spoken = now
            log.info(line(what, done, total, unit, now - started))


def line(what: str, done: int, total: int, unit: str, seconds: float) -> str:
    """One line: done of total, rate, seconds left."""
    rate = done / max(seconds, 1e-9)
    return f"{what} {done:,} of {total:,} {unit}, {rate:,.1f} {unit}/s, {max(total - done, 0) / max(rate, 1e-9):,.0f} s left"
