"""How long a host is left in peace between two requests: the delay of params, what robots.txt asks for, and longer after a 429.

A Scrapy extension beside AutoThrottle, which lengthens delays where answers are slow; here they are lengthened where the host
says so. A 429, or any other answer with Retry-After, holds back all requests to its host, not only the one it answers.
"""

import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Self

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached

FIRST_WAIT = 1.0  # seconds before the first retry, doubled before each one after
SLOWED = 0.1  # seconds of delay after the first 429 of a host that had none; doubled by each further one
QUICKER = 0.98  # what each good answer leaves of the delay that 429s added


class Host:
    """The pace of one host, in seconds."""

    def __init__(self, base: float):
        self.base = base  # what it is asked for
        self.delay = base
        self.quiet_until = 0.0  # of time.monotonic()

    def slow_down(self, now: float, seconds: float) -> None:
        """Be quiet for `seconds`, and slower after; several 429s at once count as one."""
        if now >= self.quiet_until:
            self.delay = max(2 * self.delay, SLOWED)
        self.quiet_until = max(self.quiet_until, now + seconds)

    def recover(self) -> None:
        """Come closer to the base again."""
        self.delay = max(self.base, QUICKER * self.delay) if self.delay > SLOWED / 2 else self.base


class Pace:
    """Scrapy's downloader slots, kept at the pace of their hosts."""

    def __init__(self, crawler: Crawler):
        self.crawler = crawler
        self.least = crawler.settings.getfloat("DOWNLOAD_DELAY")
        self.hosts: dict[str, Host] = {}
        crawler.signals.connect(self.answered, signal=signals.response_downloaded)
        crawler.signals.connect(self.robots, signal=signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def answered(self, response: Response, request: Request) -> None:
        """Called before the next request to the host goes out."""
        name = request.meta["download_slot"]
        host = self.hosts.setdefault(name, Host(self.least))
        if response.status == 429 or (response.status >= 500 and asked(response)):
            host.slow_down(time.monotonic(), max(asked(response), back_off(request)))
        elif response.status == 200 and time.monotonic() >= host.quiet_until:
            host.recover()
        self.apply(name)

    def robots(self, robotparser: RobotParser, request: Request) -> None:
        """A crawl delay in robots.txt is kept, though RFC 9309 does not know it."""
        name = urlparse_cached(request).hostname or ""
        delay = robotparser.crawl_delay(self.crawler.settings["USER_AGENT"]) or 0.0
        host = self.hosts.setdefault(name, Host(self.least))
        host.base = max(self.least, delay)
        host.delay = max(host.delay, host.base)
        self.apply(name)

    def apply(self, name: str) -> None:
        """Make Scrapy's slot wait as long as its host needs; AutoThrottle may have made it wait longer."""
        slot: Slot | None = self.crawler.engine.downloader.slots.get(name)
        if slot is None:
            return
        host = self.hosts[name]
        throttled = self.crawler.settings.getbool("AUTOTHROTTLE_ENABLED")
        slot.delay = max(slot.delay, host.delay) if throttled else host.delay
        slot.lastseen = max(
            slot.lastseen, host.quiet_until - slot.delay
        )  # the slot's next request goes out at both's sum


def asked(response: Response) -> float:
    """The seconds that Retry-After asks for, from now; 0 where it is absent or cannot be read."""
    value = (response.headers.get("Retry-After") or b"").strip().decode("ascii", "replace")
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def back_off(request: Request) -> float:
    """Seconds before the next try of a request that failed."""
    return FIRST_WAIT * 2.0 ** request.meta.get("retry_times", 0)
