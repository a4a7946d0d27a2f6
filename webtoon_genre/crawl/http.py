"""How a site is asked: which hosts, how often, by whom, and what becomes of refusals; Scrapy's settings and middlewares.

robots.txt is read live for each host and obeyed as RFC 9309 says: a rule against a path ends the crawl, no file (4xx)
allows all, a file that cannot be had (5xx, no connection) allows nothing of that host.
"""

import asyncio
import json
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from OpenSSL import SSL
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
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
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from service_identity import VerificationError
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.web.client import ResponseFailed

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl import throttle
from webtoon_genre.crawl.throttle import Pace

ANSWER_BYTES = 5_000_000  # the largest JSON answer that is read; usual ones have 10,000
IN_VAIN = 20  # failed requests in a row, each with its retries, after which a host is left alone
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
PASSING = {"unknown_host", "connection_refused", "connection_lost", "timeout", "bad_certificate", "http_429"}
NOT_FOLLOWED = {"foreign_host", "bad_redirect"}  # a robots.txt that is elsewhere is as good as none
ENCODINGS = {b"", b"identity", b"gzip", b"x-gzip", b"deflate"}
ALLOW_ALL, ALLOW_NOTHING = b"", b"User-agent: *\nDisallow: /\n"


@dataclass(frozen=True)
class Site:
    """What differs between the real site and the embedded one."""

    name: str  # in titles.source: another name is another source, whose pictures are not mixed in
    api: str  # "https://comic.naver.com", without a slash at the end
    image_hosts: frozenset[str]
    referer: str  # what the image hosts want to see
    proxy: str | None  # None: as the environment says
    delay: float  # seconds between two requests to one host, at least
    throttle: float | None = (
        None  # requests at once that longer delays aim at where answers are slow; None: the delay is fixed
    )

    @property
    def hosts(self) -> frozenset[str]:
        """All that may be asked for anything."""
        return self.image_hosts | {host_of(self.api)}


@dataclass(frozen=True)
class Limits:
    """What is the same for every site."""

    user_agent: str
    concurrency: int  # requests at once to one host
    retries: int
    timeout: float  # seconds for one answer, its body included
    longest_wait: float  # seconds that Retry-After may ask for
    max_bytes: int  # of one thumbnail


class AnswerError(Exception):
    """An answer that is not there or not usable: whose address, why (a slug that is counted), and what exactly was wrong."""

    def __init__(self, url: str, reason: str, detail: str):
        super().__init__(f"{url}: {detail} [{reason}]")
        self.url, self.reason, self.detail = url, reason, detail


class Refused(IgnoreRequest):
    """A request that is not sent, or an answer that is not read; `reason` is a slug."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Disallowed(IgnoreRequest):
    """A request that robots.txt forbids."""


class AskedToWait(IgnoreRequest):
    """A host that asks for a longer pause than a crawl waits, in seconds."""

    def __init__(self, host: str, seconds: float):
        super().__init__(f"{host} asks to wait {seconds} s")
        self.host, self.seconds = host, seconds


def host_of(url: str) -> str:
    """The host and port of an http(s) address in lower case; empty where there is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


class Gate:
    """Lets out only requests to the site's hosts, robots.txt and redirects included, with the proxy and Referer they need."""

    def __init__(self, site: Site):
        self.site = site

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler.spider.site)  # type: ignore[union-attr]

    def process_request(self, request: Request) -> None:
        host = host_of(request.url)
        if host not in self.site.hosts:
            raise Refused("foreign_host")
        request.meta.pop("download_slot", None)  # a redirected request has that of the host it comes from
        if self.site.proxy:
            request.meta["proxy"] = self.site.proxy
        if host in self.site.image_hosts:
            request.headers["Referer"] = self.site.referer


class Robots(RobotsTxtMiddleware):
    """Scrapy's robots.txt, with errors told apart; it sees the answers to robots.txt last, after all retries."""

    def __init__(self, crawler: Crawler):
        super().__init__(crawler)
        self.unreachable: dict[str, str] = {}  # host -> why
        self.one_by_one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by host

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The host's rules; of several requests that wait for them at once Scrapy gives them to the first alone."""
        async with self.one_by_one[host_of(request.url)]:
            return await super().robot_parser(request)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        if reason := self.unreachable.get(host_of(request.url)):
            raise Refused(reason)
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest:
            raise Disallowed(request.url) from None

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        """Errors that other middlewares raise do not come by `process_exception`."""
        if isinstance(exc, AskedToWait):
            self.unreachable[netloc] = "http_429"
        elif isinstance(exc, Refused):
            if exc.reason not in NOT_FOLLOWED:
                self.unreachable[netloc] = exc.reason
        elif not isinstance(exc, IgnoreRequest):
            self.unreachable[netloc] = reason_of(exc)
        super()._robots_error(exc, netloc)

    def process_response(self, request: Request, response: Response) -> Response:
        if not request.meta.get("dont_obey_robotstxt") or response.status == 200:
            return response
        if response.status >= 500 or response.status == 429:
            return self._without(request, f"http_{response.status}")
        return response.replace(body=ALLOW_ALL)

    def process_exception(self, request: Request, exception: Exception) -> Response | None:
        if not request.meta.get("dont_obey_robotstxt"):
            return None
        if isinstance(exception, IgnoreRequest):  # a redirect that is not followed is as good as no file
            return Response(request.url, body=ALLOW_ALL)
        return self._without(request, reason_of(exception)) if isinstance(exception, tuple(REASONS)) else None

    def _without(self, request: Request, reason: str) -> Response:
        self.unreachable[host_of(request.url)] = reason
        return Response(request.url, body=ALLOW_NOTHING)


class BackOff(RetryMiddleware):
    """Scrapy's retries, each after twice the wait of the one before, or after what Retry-After asks for."""

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        asked = throttle.asked(response) if response.status == 429 or response.status >= 500 else 0.0
        if asked > self.crawler.spider.limits.longest_wait:  # type: ignore[union-attr]
            raise AskedToWait(host_of(request.url), asked)
        again = super().process_response(request, response)
        if isinstance(again, Request):
            await asyncio.sleep(max(asked, throttle.back_off(request)))
        return again

    async def process_exception(self, request: Request, exception: Exception) -> Request | Response | None:  # type: ignore[override]
        again = super().process_exception(request, exception)
        if isinstance(again, Request):
            await asyncio.sleep(throttle.back_off(request))
        return again


class Unpack(HttpCompressionMiddleware):
    """Scrapy's decompression of what was asked for; what swells beyond the limit is refused as too large."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        told = b",".join(response.headers.getlist("Content-Encoding")).lower().split(b",")
        if not {name.strip() for name in told} <= ENCODINGS:
            raise Refused("bad_encoding")
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            raise Refused("too_large") from None
        except (OSError, EOFError, zlib.error):
            raise Refused("bad_encoding") from None


class Redirect(RedirectMiddleware):
    """Scrapy's redirects; an address that cannot be read is refused."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        try:
            return super().process_response(request, response)
        except ValueError:
            raise Refused("bad_redirect") from None


def reason_of(error: Exception) -> str:
    """The slug of a download's error."""
    if isinstance(error, Refused):
        return error.reason
    cause = error.__cause__
    if isinstance(cause, ResponseFailed) and any(each.check(SSL.Error, VerificationError) for each in cause.reasons):
        return "bad_certificate"
    return next(reason for kind, reason in REASONS.items() if isinstance(error, kind))


class Client:
    """Asks for one address after the other, and ends the crawl when asking on would be rude or in vain."""

    def __init__(self, crawler: Crawler, limits: Limits):
        self.crawler, self.limits = crawler, limits
        # by host; Scrapy's own bound is not kept where there is no delay
        self.free: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(limits.concurrency))
        self.in_vain: Counter[str] = Counter()  # by host: requests that failed since the last answer

    async def ask(self, url: str, max_bytes: int) -> bytes:
        """The body of a 200 answer, or AnswerError; InputError where the whole crawl ends here."""
        host = host_of(url)
        try:
            body = await self._ask(url, max_bytes)
        except AnswerError as fault:
            self.in_vain[host] = self.in_vain[host] + 1 if passing(fault.reason) else 0
            if self.in_vain[host] >= IN_VAIN:
                raise InputError(
                    f"{host} failed {IN_VAIN} requests in a row ({fault.detail}); data/raw is unchanged, what was fetched "
                    "is kept, run again later"
                ) from None
            raise
        self.in_vain[host] = 0
        return body

    async def _ask(self, url: str, max_bytes: int) -> bytes:
        assert self.crawler.engine
        request = Request(url, meta={"download_maxsize": max_bytes}, dont_filter=True)
        try:
            async with self.free[host_of(url)]:
                response = await self.crawler.engine.download_async(request)
        except Disallowed as error:
            raise InputError(
                f"robots.txt of {host_of(url)} forbids {error} to {self.limits.user_agent!r}; the crawl ends here, "
                "and nothing was changed"
            ) from None
        except AskedToWait as error:
            raise InputError(
                f"{error.host} asks to wait {error.seconds:,.0f} s, more than crawl.longest_wait "
                f"{self.limits.longest_wait:g}; data/raw is unchanged, what was fetched is kept, run again then"
            ) from None
        except tuple(REASONS) as error:
            reason = reason_of(error)
            raise AnswerError(url, reason, f"no answer: {reason.replace('_', ' ')}") from None
        if response.status != 200:
            raise AnswerError(url, f"http_{response.status}", f"the answer is HTTP {response.status}")
        return response.body


def passing(reason: str) -> bool:
    """Whether a failure is of the host as a whole and may be over later."""
    return reason in PASSING or reason.startswith("http_5")


def parsed(url: str, body: bytes) -> Any:
    """The JSON of an answer, or AnswerError."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerError(url, "not_json", f"the answer is no JSON: {body[:40]!r}") from None


def settings(site: Site, limits: Limits) -> dict[str, Any]:
    """Scrapy's settings: polite, quiet, and without anything that listens or remembers."""
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
        "CONCURRENT_REQUESTS": 0,  # no limit beside that of each host
        "CONCURRENT_REQUESTS_PER_DOMAIN": limits.concurrency,
        "DOWNLOAD_TIMEOUT": limits.timeout,
        "DOWNLOAD_MAXSIZE": ANSWER_BYTES,  # of robots.txt; other requests bring their own bound
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": limits.retries,
        "RETRY_GIVE_UP_LOG_LEVEL": "DEBUG",  # failures are counted by reason
        "DOWNLOADER_MIDDLEWARES": {
            Gate: 50,
            Robots: 100,
            BackOff: 550,
            Unpack: 590,
            Redirect: 600,
            RobotsTxtMiddleware: None,
            RetryMiddleware: None,
            RedirectMiddleware: None,
            HttpCompressionMiddleware: None,
        },
        "DOWNLOADER_STATS": False,
        "STATS_CLASS": "scrapy.statscollectors.DummyStatsCollector",
        "METAREFRESH_ENABLED": False,
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": False,
        "EXTENSIONS_BASE": {},  # no telnet console, no remote control, no statistics
        "EXTENSIONS": {AutoThrottle: 0, Pace: 1},  # Pace has the last word
        "AUTOTHROTTLE_ENABLED": site.throttle is not None,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": site.throttle or 1,
        "AUTOTHROTTLE_START_DELAY": site.delay,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "LOG_INSTALL_ROOT_HANDLER": False,  # the stage has a log of its own
        "LOG_ENABLED": False,
    }
