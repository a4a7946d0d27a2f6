"""HTTP access to a site: its hosts, the limits of a crawl, Scrapy's settings, and a client that reports each failure by reason.

It knows no API and writes no file. webtoon_genre/crawl/middlewares.py has Scrapy's middlewares, which the settings name by path.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from OpenSSL import SSL
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.extensions.throttle import AutoThrottle
from service_identity import VerificationError
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.web.client import ResponseFailed

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.throttle import Pace

T = TypeVar("T")
MAX_ANSWER_BYTES = 5_000_000  # of a JSON answer; usual ones have 10,000
MAX_FAILURES = 20  # failed requests to one host in a row, each after its retries; then the crawl ends
REASONS: dict[type[Exception], str] = {
    CannotResolveHostError: "unknown_host",
    DownloadConnectionRefusedError: "connection_refused",
    DownloadTimeoutError: "timeout",
    DownloadCancelledError: "too_large",
    ResponseDataLossError: "cut_off",
    DownloadFailedError: "connection_lost",
    TunnelError: "connection_lost",
    ConnectError: "connection_lost",
    ConnectionClosed: "connection_lost",
    OSError: "connection_lost",
    IgnoreRequest: "redirect_loop",  # the only one that Scrapy itself raises here
}
TRANSIENT = {"unknown_host", "connection_refused", "connection_lost", "timeout", "bad_certificate", "http_429"}
MIDDLEWARES = "webtoon_genre.crawl.middlewares"
SCRAPY_MIDDLEWARES = "scrapy.downloadermiddlewares"


@dataclass(frozen=True)
class Site:
    """Properties in which the real site and the demo site differ."""

    name: str  # in titles.source: another name is another source, whose pictures are not mixed in
    api: str  # "https://comic.naver.com", without a slash at the end
    image_hosts: frozenset[str]
    referer: str  # the Referer that the image hosts require
    proxy: str | None  # None: as the environment says
    delay: float  # seconds between two requests to one host, at least
    throttle: float | None = None  # target concurrency of AutoThrottle where answers are slow; None: the delay is fixed

    @property
    def hosts(self) -> frozenset[str]:
        """All hosts to which a request may go."""
        return self.image_hosts | {host_of(self.api)}


@dataclass(frozen=True)
class Limits:
    """Limits that are the same for every site."""

    user_agent: str
    concurrency: int  # simultaneous requests to one host
    retries: int
    timeout: float  # seconds for one answer, its body included
    longest_wait: float  # seconds that Retry-After may ask for
    max_bytes: int  # of one thumbnail


class AnswerError(Exception):
    """A missing or unusable answer: its address, the reason (a slug that the metrics count), and a detailed description."""

    def __init__(self, url: str, reason: str, detail: str):
        super().__init__(f"{url}: {detail} [{reason}]")
        self.url, self.reason, self.detail = url, reason, detail


class Rejection(IgnoreRequest):
    """A request that the crawl does not send, or an answer that it does not read; `reason` is a slug."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Disallowed(IgnoreRequest):
    """A request that robots.txt forbids."""


class PauseTooLong(IgnoreRequest):
    """A host that asks for a pause of `seconds`, longer than the crawl waits."""

    def __init__(self, host: str, seconds: float):
        super().__init__(f"{host} asks to wait {seconds} s")
        self.host, self.seconds = host, seconds


class Client:
    """Sends requests through Scrapy, and ends the crawl where further requests would be impolite or useless."""

    def __init__(self, crawler: Crawler, limits: Limits):
        self.crawler, self.limits = crawler, limits
        # by host; Scrapy ignores its own bound where there is no delay
        self.slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits.concurrency))
        self.failures: Counter[str] = Counter()  # by host: failed requests since the last answer

    async def fetch(self, url: str, max_bytes: int) -> bytes:
        """Return the body of a 200 answer. Raise AnswerError for any other, and InputError where the whole crawl must end."""
        host = host_of(url)
        try:
            body = await self._fetch(url, max_bytes)
        except AnswerError as fault:
            self.failures[host] = self.failures[host] + 1 if is_transient(fault.reason) else 0
            if self.failures[host] >= MAX_FAILURES:
                raise InputError(
                    f"{host} failed {MAX_FAILURES} requests in a row ({fault.detail}); data/raw is unchanged, fetched data "
                    "is kept, run again later"
                ) from None
            raise
        self.failures[host] = 0
        return body

    async def _fetch(self, url: str, max_bytes: int) -> bytes:
        assert self.crawler.engine
        request = Request(url, meta={"download_maxsize": max_bytes}, dont_filter=True)
        try:
            async with self.slots[host_of(url)]:
                response = await self.crawler.engine.download_async(request)
        except Disallowed as error:
            raise InputError(
                f"robots.txt of {host_of(url)} forbids {error} to {self.limits.user_agent!r}; the crawl ends here, "
                "and nothing was changed"
            ) from None
        except PauseTooLong as error:
            raise InputError(
                f"{error.host} asks to wait {error.seconds:,.0f} s, more than crawl.longest_wait "
                f"{self.limits.longest_wait:g}; data/raw is unchanged, fetched data is kept, run again after that time"
            ) from None
        except tuple(REASONS) as error:
            reason = reason_of(error)
            raise AnswerError(url, reason, f"no answer: {reason.replace('_', ' ')}") from None
        if response.status != 200:
            raise AnswerError(url, f"http_{response.status}", f"the answer is HTTP {response.status}")
        return response.body


def host_of(url: str) -> str:
    """Return the host and port of an http(s) address in lower case, or an empty string where there is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def reason_of(error: Exception) -> str:
    """Return the slug of a download error."""
    if isinstance(error, Rejection):
        return error.reason
    cause = error.__cause__
    if isinstance(cause, ResponseFailed) and any(
        failure.check(SSL.Error, VerificationError) for failure in cause.reasons
    ):
        return "bad_certificate"
    return next(reason for kind, reason in REASONS.items() if isinstance(error, kind))


def is_transient(reason: str) -> bool:
    """Whether a failure concerns the host as a whole and may be over later."""
    return reason in TRANSIENT or reason.startswith("http_5")


def parsed(url: str, body: bytes) -> Any:
    """Parse the JSON of an answer, or raise AnswerError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerError(url, "not_json", f"the answer is no JSON: {body[:40]!r}") from None


async def gather(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run coroutines concurrently and return their results in order; the first error cancels the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def settings(site: Site, limits: Limits) -> dict[str, Any]:
    """Return Scrapy's settings: polite, quiet, without network services and without state between runs."""
    return {
        "USER_AGENT": limits.user_agent,
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "application/json, text/plain, */*",
            "Accept-Language": "ko",
            "Accept-Encoding": "gzip, deflate",
        },
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": site.delay,
        "DOWNLOAD_DELAY_JITTER": 0,  # the delay is a promise
        "CONCURRENT_REQUESTS": 0,  # no limit besides that of each host
        "CONCURRENT_REQUESTS_PER_DOMAIN": limits.concurrency,
        "DOWNLOAD_TIMEOUT": limits.timeout,
        "DOWNLOAD_MAXSIZE": MAX_ANSWER_BYTES,  # of robots.txt; other requests state their own limit
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": limits.retries,
        "RETRY_GIVE_UP_LOG_LEVEL": "DEBUG",  # failures are counted by reason
        "DOWNLOADER_MIDDLEWARES": {
            f"{MIDDLEWARES}.Gate": 50,
            f"{MIDDLEWARES}.Robots": 100,
            f"{MIDDLEWARES}.BackOff": 550,
            f"{MIDDLEWARES}.Unpack": 590,
            f"{MIDDLEWARES}.Redirect": 600,
            f"{SCRAPY_MIDDLEWARES}.robotstxt.RobotsTxtMiddleware": None,
            f"{SCRAPY_MIDDLEWARES}.retry.RetryMiddleware": None,
            f"{SCRAPY_MIDDLEWARES}.redirect.RedirectMiddleware": None,
            f"{SCRAPY_MIDDLEWARES}.httpcompression.HttpCompressionMiddleware": None,
        },
        "DOWNLOADER_STATS": False,
        "STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector",
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": False,
        "EXTENSIONS_BASE": {},  # no telnet console, no remote control, no statistics
        "EXTENSIONS": {AutoThrottle: 0, Pace: 1},  # Pace runs last and decides
        "AUTOTHROTTLE_ENABLED": site.throttle is not None,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": site.throttle or 1,
        "AUTOTHROTTLE_START_DELAY": site.delay,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "LOG_INSTALL_ROOT_HANDLER": False,  # the stage has its own log
        "LOG_ENABLED": False,
    }
