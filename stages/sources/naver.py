"""The spider: genre lists, then title by title its page, its episodes and their thumbnails; the same for every Site.

A few titles are under way at once, and each is staged when it is complete, so memory does not grow with the number of
thumbnails. An address that is on disk is not asked for again; one that failed is. What the source no longer offers (an
episode that is gone, hidden or sold by now, or a whole title) keeps its picture and gets the status `vanished`; a title that
fails this time keeps its rows as they were.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any, TypeVar

from scrapy import Spider
from scrapy.crawler import CrawlerProcess

from stages.lib.errors import InputError
from stages.lib.progress import Meter
from stages.lib.raw import OK, VANISHED, Episode, Failure, Found, Picture, Store, Title, judged
from stages.sources import naver_api as api
from stages.sources import web
from stages.sources.web import AnswerError, Limits, Site

AT_ONCE = 4  # titles under way: enough to keep both hosts busy
T = TypeVar("T")
Listed = dict[int, tuple[api.ListedTitle, list[str]]]  # by title id: the title, and the genres under which it is listed
Disk = dict[tuple[int, str], bytes]  # the pictures of one title on disk, by number and address
NOISY = ("scrapy", "twisted", "asyncio", "protego", "py.warnings")


@dataclass(frozen=True)
class Known:
    """What the last crawl of the same site that ended well knew, by title id."""

    titles: dict[int, Title]
    episodes: dict[int, list[Episode]]


def naver(delay: float) -> Site:
    """The real site."""
    return Site(
        name="naver",
        api="https://comic.naver.com",
        image_hosts=frozenset({"image-comic.pstatic.net", "shared-comic.pstatic.net", "thumb.comic.naver.net"}),
        referer="https://comic.naver.com/",
        proxy=None,
        delay=delay,
    )


def demo(proxy: str, seed: int, scale: float, delay: float) -> Site:
    """The embedded site at `proxy`; each of its worlds is a source of its own."""
    return Site(
        name=f"demo-{seed}-{scale:g}",
        api="http://comic.demo.test",
        image_hosts=frozenset({"image.demo.test"}),
        referer="http://comic.demo.test/",
        proxy=proxy,
        delay=delay,
    )


def crawl(site: Site, limits: Limits, genres: Sequence[str], as_of: date, store: Store) -> Found:
    """Ask `site` for all titles of `genres` and stage their thumbnails published by `as_of`; once a process (Twisted's rule)."""
    titles = {title.title_id: title for title in store.titles() if title.source == site.name}
    known = Known(titles, by_title(row for row in store.episodes() if row.title_id in titles))
    process = quiet_process(web.settings(site, limits))
    crawler = process.create_crawler(TitleSpider)
    process.crawl(crawler, site=site, limits=limits, genres=genres, as_of=as_of, store=store, known=known)
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


class TitleSpider(Spider):
    """One crawl as one coroutine; Scrapy downloads, delays, retries and obeys."""

    name = "titles"
    work: asyncio.Future[Found]

    def __init__(
        self, site: Site, limits: Limits, genres: Sequence[str], as_of: date, store: Store, known: Known
    ) -> None:
        super().__init__()
        self.site, self.limits, self.genres, self.as_of, self.store = site, limits, genres, as_of, store
        self.known = known
        self.found = Found(site.name)
        self.fetched = 0

    async def start(self) -> AsyncIterator[Any]:
        """Do all the work before Scrapy asks for a first request; its outcome, or its error, is in `work`."""
        self.work = asyncio.ensure_future(self.crawl())
        try:
            await asyncio.wait([self.work])
        finally:
            self.work.cancel()
        return
        yield  # makes this the asynchronous generator that Scrapy wants

    async def crawl(self) -> Found:
        """Lists first: a title's genres may be told by them alone, and without them nothing is known to be gone."""
        listed = await self.lists()
        self.meter = Meter(len(listed), "crawl", "titles")
        try:
            waiting = iter(sorted(listed))
            await together(self.titles(waiting, listed) for _ in range(AT_ONCE))
        finally:
            self.meter.close()
        for title_id in sorted(set(self.known.titles) - {title.title_id for title in self.found.titles}):
            self.absent(self.known.titles[title_id])
        return self.found

    async def lists(self) -> Listed:
        """Every listed title with the genres under which it is listed; a list that cannot be had ends the crawl."""
        try:
            lists = await together(self.listing(genre) for genre in self.genres)
        except AnswerError as fault:
            raise InputError(
                f"the list of titles at {fault.url} cannot be read: {fault.detail}; nothing was changed, run again later"
            ) from None
        listed: Listed = {}
        for genre, items in zip(self.genres, lists, strict=True):
            for url, item in items:
                try:
                    title = api.read(api.ListedTitle, item, url)
                except AnswerError as fault:
                    self.failed(api.title_id_of(item), fault)
                else:
                    listed.setdefault(title.title_id, (title, []))[1].append(genre)
        return listed

    async def listing(self, genre: str) -> list[tuple[str, Any]]:
        """The titles of one genre as they come, each once, with the address of their page."""
        items: dict[int | None, tuple[str, Any]] = {}
        for number in count(1):
            url = api.titles_url(self.site.api, genre, number)
            page = api.read(api.TitlePage, await web.ask_json(self.crawler, url), url)
            before = len(items)
            for item in page.title_list:
                items.setdefault(api.title_id_of(item), (url, item))
            if page.page_info.last or len(items) == before:  # a page without news: the list repeats itself
                break
        return [*items.values()]

    async def titles(self, waiting: Iterator[int], listed: Listed) -> None:
        """Take one waiting title after the other."""
        for title_id in waiting:
            title, genres = listed[title_id]
            try:
                await self.title(title, genres)
            except AnswerError as fault:
                self.failed(title_id, fault)
            self.meter.step(1, self.note())

    async def title(self, listed: api.ListedTitle, genres: Sequence[str]) -> None:
        """One title, from its page to its last thumbnail."""
        info = await self.info(listed.title_id)
        adult, articles = await self.articles(listed, info)
        rows = await self.episodes(listed.title_id, articles)
        if not rows and not adult:
            return
        title = Title(
            title_id=listed.title_id,
            title=listed.title_name,
            authors=info.authors,
            genres=info.genres or tuple(genres),
            star_score=listed.star_score,
            adult=adult,
            source=self.site.name,
        )
        self.found.titles.append(title)
        self.found.episodes += rows

    async def info(self, title_id: int) -> api.Info:
        """A title's own page."""
        url = api.info_url(self.site.api, title_id)
        return api.read_info(await web.ask_json(self.crawler, url), url)

    async def articles(self, title: api.ListedTitle, info: api.Info) -> tuple[bool, list[api.Article]]:
        """Whether a title is for adults, and its episodes if it is not, by number, each once."""
        articles: dict[int, api.Article] = {}
        if title.adult or info.adult:
            return True, []
        for number in count(1):
            url = api.articles_url(self.site.api, title.title_id, number)
            try:
                answer = await web.ask_json(self.crawler, url)
            except AnswerError as fault:
                if fault.reason == "http_401":  # a login is asked for
                    return True, []
                raise
            page = api.read(api.ArticlePage, answer, url)
            before = len(articles)
            for article in page.article_list:
                articles.setdefault(article.no, article)
            if page.page_info.last or len(articles) == before:
                break
        return False, [articles[no] for no in sorted(articles)]

    async def episodes(self, title_id: int, articles: Sequence[api.Article]) -> list[Episode]:
        """Rows of a title's episodes, their thumbnails staged; also rows of those that are no longer offered."""
        disk = self.store.pictures(title_id)
        rows = [row_of(title_id, article) for article in articles if article.day is None or article.day <= self.as_of]
        offered = {row.no for row in rows if row.status == OK}
        gone = [replace(row, status=VANISHED) for row in self.held(title_id, disk) if row.no not in offered]
        left_out = [row for row in rows if row.status != OK and row.no not in {row.no for row in gone}]
        if len(rows) < len(articles) and not any(row.date for row in rows + gone):
            return []  # not yet out by `as_of`
        taken = await together(self.picture(row, disk) for row in rows if row.status == OK)
        self.store.stage(
            title_id, [picture for _, picture in taken if picture] + [picture_of(row, disk) for row in gone]
        )
        return [row for row, _ in taken] + left_out + gone

    async def picture(self, row: Episode, disk: Disk) -> tuple[Episode, Picture | None]:
        """The row with digest and size, and its picture from disk or from the image host; or the row with a reason."""
        image = disk.get((row.no, row.thumbnail_url))
        if image is None:
            if web.host_of(row.thumbnail_url) not in self.site.image_hosts:
                return replace(row, status="foreign_host"), None
            try:
                image = await web.ask(self.crawler, row.thumbnail_url, self.limits.max_bytes)
            except AnswerError as fault:
                return replace(row, status=fault.reason), None
            self.fetched += 1
            self.meter.step(0, self.note())
        row = judged(row, image, self.limits.max_bytes)
        return row, Picture(row.no, row.thumbnail_url, image) if row.sha256 else None

    def held(self, title_id: int, disk: Disk) -> list[Episode]:
        """Earlier rows of a title whose pictures are on disk and were published by `as_of`."""
        rows = [
            row for row in self.known.episodes.get(title_id, []) if row.sha256 and (row.no, row.thumbnail_url) in disk
        ]
        return [row for row in rows if row.date is None or row.date <= self.as_of]

    def absent(self, title: Title) -> None:
        """Keep what is on disk of a title that no list names, unless other lists are asked for now.

        Its pictures vanished, or nothing is known of them where the title failed.
        """
        disk = self.store.pictures(title.title_id)
        rows = self.held(title.title_id, disk)
        if not rows or not set(title.genres) & set(self.genres):
            return
        self.store.stage(title.title_id, [picture_of(row, disk) for row in rows])
        self.found.titles.append(title)
        failed = {failure.title_id for failure in self.found.failures}
        self.found.episodes += rows if title.title_id in failed else [replace(row, status=VANISHED) for row in rows]

    def failed(self, title_id: int | None, fault: AnswerError) -> None:
        """Count and tell a title that could not be read; once, though several lists may name it."""
        if title_id is not None and title_id in {failure.title_id for failure in self.found.failures}:
            return
        self.found.failures.append(Failure(title_id, fault.url, fault.reason, fault.detail))
        self.logger.warning("title %s is left out: %s", title_id, fault)

    def note(self) -> str:
        """How many thumbnails came over the network."""
        return f"{self.fetched:,} thumbnails fetched"


def row_of(title_id: int, article: api.Article) -> Episode:
    """An episode as its row, without a picture yet."""
    return Episode(
        title_id=title_id,
        no=article.no,
        genre=None,
        subtitle=article.subtitle,
        date=article.day,
        star_score=article.star_score,
        thumbnail_url=article.thumbnail_url,
        status=article.left_out or OK,
    )


def by_title(rows: Iterable[Episode]) -> dict[int, list[Episode]]:
    """Episodes by their title."""
    titles: dict[int, list[Episode]] = {}
    for row in rows:
        titles.setdefault(row.title_id, []).append(row)
    return titles


def picture_of(row: Episode, disk: Disk) -> Picture:
    """The picture on disk of a row that has one there."""
    return Picture(row.no, row.thumbnail_url, disk[row.no, row.thumbnail_url])


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of `work` done side by side, in its order; the first error cancels the rest."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
