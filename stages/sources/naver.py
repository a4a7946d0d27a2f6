"""Naver Webtoon, the real one and the embedded one: which hosts they are, and one crawl of either."""

import logging
from typing import Any

from scrapy.crawler import CrawlerProcess

from stages.lib.raw import Found, Store
from stages.sources import web
from stages.sources.spider import Earlier, TitleSpider, Wanted
from stages.sources.web import Limits, Site

NOISY = ("scrapy", "twisted", "asyncio", "protego", "py.warnings")


def naver(delay: float, throttle: float | None) -> Site:
    """The real site."""
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
    """The embedded site at `proxy`; each of its worlds is a source of its own."""
    return Site(
        name=f"demo-{seed}-{scale:g}" + f"-{mislabelled:g}" * (mislabelled > 0),
        api="http://comic.demo.test",
        image_hosts=frozenset({"image.demo.test"}),
        referer="http://comic.demo.test/",
        proxy=proxy,
        delay=delay,
        throttle=None,
    )


def crawl(site: Site, limits: Limits, wanted: Wanted, store: Store) -> Found:
    """Ask `site` for all that is wanted and stage its thumbnails; once a process (Twisted's rule)."""
    earlier = Earlier(store, site.name)
    process = quiet_process(web.settings(site, limits))
    crawler = process.create_crawler(TitleSpider)
    process.crawl(crawler, site=site, limits=limits, wanted=wanted, store=store, earlier=earlier)
    process.start()
    assert isinstance(crawler.spider, TitleSpider)
    work = crawler.spider.work
    if not work.done() or work.cancelled():
        raise KeyboardInterrupt
    return work.result()


def quiet_process(settings: dict[str, Any]) -> CrawlerProcess:
    """A CrawlerProcess that tells of errors only; it introduces itself and sets its loggers to DEBUG when it is made."""
    logging.disable(logging.WARNING)
    try:
        process = CrawlerProcess(settings)
    finally:
        logging.disable(logging.NOTSET)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    return process
