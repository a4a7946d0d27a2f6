"""Scrapy's downloader middlewares: allowed hosts, robots.txt, retries, decompression, redirects.

robots.txt is read live for each host and obeyed as RFC 9309 says. A rule against a path ends the crawl. A missing file (4xx)
allows everything. A file that cannot be fetched (5xx, no connection) allows nothing at that host.
"""

import asyncio
import zlib
from collections import defaultdict
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

from webtoon_genre.crawl import throttle
from webtoon_genre.crawl.http import REASONS, Disallowed, PauseTooLong, Rejection, Site, host_of, reason_of

NOT_FOLLOWED = {"foreign_host", "bad_redirect"}  # a robots.txt behind such a redirect counts as missing
ENCODINGS = {b"", b"identity", b"gzip", b"x-gzip", b"deflate"}
ALLOW_ALL, ALLOW_NOTHING = b"", b"User-agent: *\nDisallow: /\n"


class Gate:
    """Passes only requests to the site's hosts, robots.txt and redirects included, and adds their proxy and Referer."""

    def __init__(self, site: Site):
        self.site = site

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler.spider.site)  # type: ignore[union-attr]

    def process_request(self, request: Request) -> None:
        host = host_of(request.url)
        if host not in self.site.hosts:
            raise Rejection("foreign_host")
        request.meta.pop("download_slot", None)  # a redirected request has the slot of the host that it comes from
        if self.site.proxy:
            request.meta["proxy"] = self.site.proxy
        if host in self.site.image_hosts:
            request.headers["Referer"] = self.site.referer


class Robots(RobotsTxtMiddleware):
    """Scrapy's robots.txt with errors by reason; it sees the answers to robots.txt last, after all retries."""

    def __init__(self, crawler: Crawler):
        super().__init__(crawler)
        self.unreachable: dict[str, str] = {}  # host -> reason
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by host

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Return the host's rules; the lock is needed because Scrapy gives them only to the first of several waiting requests."""
        async with self.locks[host_of(request.url)]:
            return await super().robot_parser(request)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        if reason := self.unreachable.get(host_of(request.url)):
            raise Rejection(reason)
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest:
            raise Disallowed(request.url) from None

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        """Record errors that other middlewares raise, which do not reach `process_exception`."""
        if isinstance(exc, PauseTooLong):
            self.unreachable[netloc] = "http_429"
        elif isinstance(exc, Rejection):
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
        if isinstance(exception, IgnoreRequest):  # a redirect that is not followed counts as a missing file
            return Response(request.url, body=ALLOW_ALL)
        return self._without(request, reason_of(exception)) if isinstance(exception, tuple(REASONS)) else None

    def _without(self, request: Request, reason: str) -> Response:
        self.unreachable[host_of(request.url)] = reason
        return Response(request.url, body=ALLOW_NOTHING)


class BackOff(RetryMiddleware):
    """Scrapy's retries, each after twice the wait of the previous one, or after the time in Retry-After."""

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        pause = throttle.retry_after(response) if response.status == 429 or response.status >= 500 else 0.0
        if pause > self.crawler.spider.limits.longest_wait:  # type: ignore[union-attr]
            raise PauseTooLong(host_of(request.url), pause)
        outcome = super().process_response(request, response)
        if isinstance(outcome, Request):
            await asyncio.sleep(max(pause, throttle.retry_delay(request)))
        return outcome

    async def process_exception(self, request: Request, exception: Exception) -> Request | Response | None:  # type: ignore[override]
        outcome = super().process_exception(request, exception)
        if isinstance(outcome, Request):
            await asyncio.sleep(throttle.retry_delay(request))
        return outcome


class Unpack(HttpCompressionMiddleware):
    """Scrapy's decompression; other encodings, broken data and bodies that exceed the size limit are rejected."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        encodings = b",".join(response.headers.getlist("Content-Encoding")).lower().split(b",")
        if not {name.strip() for name in encodings} <= ENCODINGS:
            raise Rejection("bad_encoding")
        try:
            return super().process_response(request, response)
        except IgnoreRequest:
            raise Rejection("too_large") from None
        except (OSError, EOFError, zlib.error):
            raise Rejection("bad_encoding") from None


class Redirect(RedirectMiddleware):
    """Scrapy's redirects; an unreadable address is rejected."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # type: ignore[override]
        try:
            return super().process_response(request, response)
        except ValueError:
            raise Rejection("bad_redirect") from None
