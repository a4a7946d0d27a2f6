"""The real and the demo Naver Webtoon: their hosts and limits, and one crawl of either."""

import logging
from collections.abc import Sequence
from typing import Any

from scrapy.crawler import CrawlerProcess

from webtoon_genre.crawl import http
from webtoon_genre.crawl.http import Limits, Site
from webtoon_genre.crawl.naver.spider import CrawlRequest, PreviousCrawl, TitleSpider
from webtoon_genre.crawl.source import CrawlParams, CrawlResult
from webtoon_genre.crawl.store import Store

NOISY = ("scrapy", "twisted", "asyncio", "protego", "py.warnings")


def naver(delay: float, throttle: float | None) -> Site:
    """Return the real site."""
    return Site(
        name="naver",
        api="https://comic.naver.com",
        image_hosts=frozenset({"image-comic.pstatic.net", "shared-comic.pstatic.net", "thumb.comic.naver.net"}),
        referer="https://comic.naver.com/",
        proxy=None,
        delay=delay,
        throttle=throttle,
    )


def demo(proxy: str, seed: int, scale: float, delay: float, mislabelled: float = 0.0) -> Site:
    """Return the demo site at `proxy`; each of its worlds is a separate source."""
    return Site(
        name=f"demo-{seed}-{scale:g}" + f"-{mislabelled:g}" * (mislabelled > 0),
        api="http://comic.demo.test",
        image_hosts=frozenset({"image.demo.test"}),
        referer="http://comic.demo.test/",
        proxy=proxy,
        delay=delay,
        throttle=None,
    )


def crawl(
    site: Site, lists: Sequence[str], genres: Sequence[str], order: str, common: CrawlParams, store: Store
) -> CrawlResult:
    """Crawl all titles of `site` in lists of these kinds and genres, and stage their thumbnails in `store`.

    A process can crawl once: Twisted's reactor does not restart.
    """
    limits = Limits(
        user_agent=common.user_agent,
        concurrency=common.concurrency,
        retries=common.retries,
        timeout=common.timeout,
        longest_wait=common.longest_wait,
        max_bytes=common.max_bytes,
    )
    request = CrawlRequest(
        lists=lists,
        genres=genres,
        order=order,
        as_of=common.as_of,
        titles=common.limits.titles,
        episodes=common.limits.episodes,
        bytes=common.limits.bytes,
        refused_again=common.refused_again,
    )
    previous = PreviousCrawl(store, site.name)
    process = quiet_process(http.settings(site, limits))
    crawler = process.create_crawler(TitleSpider)
    process.crawl(crawler, site=site, limits=limits, request=request, store=store, previous=previous)
    process.start()
    assert isinstance(crawler.spider, TitleSpider)
    outcome = crawler.spider.outcome
    if not outcome.done() or outcome.cancelled():
        raise KeyboardInterrupt
    return outcome.result()


def quiet_process(settings: dict[str, Any]) -> CrawlerProcess:
    """Create a CrawlerProcess that logs errors only; its constructor logs a greeting and sets its loggers to DEBUG."""
    logging.disable(logging.WARNING)
    try:
        process = CrawlerProcess(settings)
    finally:
        logging.disable(logging.NOTSET)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    return process
