"""The pause between two requests to one host: the delay of params, the crawl delay of robots.txt, and more after a 429.

A Scrapy extension beside AutoThrottle. AutoThrottle lengthens delays where answers are slow; this one lengthens them where the host
asks for it. A 429, or any other answer with Retry-After, holds back all requests to its host, not only the one that it answers.
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

FIRST_WAIT = 1.0  # seconds before the first retry; each further retry doubles it
SLOWED = 0.1  # seconds of delay after the first 429 of a host without a delay; each further 429 doubles it
RECOVERY = 0.98  # factor by which each good answer shrinks the delay that 429s added


class Host:
    """The pace of one host, in seconds."""

    def __init__(self, base: float):
        self.base = base  # delay of params or of robots.txt
        self.delay = base
        self.quiet_until = 0.0  # of time.monotonic()

    def slow_down(self, now: float, seconds: float) -> None:
        """Send nothing for `seconds`, and use a longer delay afterwards; several 429s at once count as one."""
        if now >= self.quiet_until:
            self.delay = max(2 * self.delay, SLOWED)
        self.quiet_until = max(self.quiet_until, now + seconds)

    def recover(self) -> None:
        """Shrink the delay towards the base."""
        self.delay = max(self.base, RECOVERY * self.delay) if self.delay > SLOWED / 2 else self.base


class Pace:
    """Sets the delays of Scrapy's downloader slots to those of their hosts."""

    def __init__(self, crawler: Crawler):
        self.crawler = crawler
        self.min_delay = crawler.settings.getfloat("DOWNLOAD_DELAY")
        self.hosts: dict[str, Host] = {}
        crawler.signals.connect(self.on_response, signal=signals.response_downloaded)
        crawler.signals.connect(self.on_robots, signal=signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def on_response(self, response: Response, request: Request) -> None:
        """Adapt the host's pace; Scrapy calls this before it sends the next request to the host."""
        name = request.meta["download_slot"]
        host = self.hosts.setdefault(name, Host(self.min_delay))
        if response.status == 429 or (response.status >= 500 and retry_after(response)):
            host.slow_down(time.monotonic(), max(retry_after(response), retry_delay(request)))
        elif response.status == 200 and time.monotonic() >= host.quiet_until:
            host.recover()
        self.apply(name)

    def on_robots(self, robotparser: RobotParser, request: Request) -> None:
        """Obey a crawl delay in robots.txt, although RFC 9309 does not define it."""
        name = urlparse_cached(request).hostname or ""
        delay = robotparser.crawl_delay(self.crawler.settings["USER_AGENT"]) or 0.0
        host = self.hosts.setdefault(name, Host(self.min_delay))
        host.base = max(self.min_delay, delay)
        host.delay = max(host.delay, host.base)
        self.apply(name)

    def apply(self, name: str) -> None:
        """Set the delay of Scrapy's slot to that of its host; a longer one of AutoThrottle stays."""
        slot: Slot | None = self.crawler.engine.downloader.slots.get(name)
        if slot is None:
            return
        host = self.hosts[name]
        throttled = self.crawler.settings.getbool("AUTOTHROTTLE_ENABLED")
        slot.delay = max(slot.delay, host.delay) if throttled else host.delay
        # the slot sends its next request at the sum of both
        slot.lastseen = max(slot.lastseen, host.quiet_until - slot.delay)


def retry_after(response: Response) -> float:
    """Return the seconds from now that Retry-After asks for; 0 where the header is absent or unreadable."""
    value = (response.headers.get("Retry-After") or b"").strip().decode("ascii", "replace")
    if value.isdecimal():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def retry_delay(request: Request) -> float:
    """Return the seconds before the next attempt of a failed request."""
    return FIRST_WAIT * 2.0 ** request.meta.get("retry_times", 0)
