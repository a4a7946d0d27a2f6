"""The spider: the site's lists, then title by title its page, its episodes and their thumbnails; the same for every Site.

A few titles are under way at once. Each answer and each picture is journaled as it comes and each complete title is staged, so
a kill loses only what was on its way, and memory does not grow with the number of thumbnails. An address that is on disk is not
asked for again, nor one that was refused for good (REFUSED), nor the page of a title of which the lists say what is known.

What the source no longer offers (an episode that is gone, hidden or sold by now, or a whole title) keeps its picture and gets
the status `vanished`; a title that fails this time, or that `crawl.limits` leaves out, keeps its rows as they were.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from scrapy import Spider

from webtoon_genre.core.progress import Meter
from webtoon_genre.crawl import http
from webtoon_genre.crawl.concurrency import gather
from webtoon_genre.crawl.http import AnswerError, Client, Limits, Site
from webtoon_genre.crawl.journal import Journal, Key
from webtoon_genre.crawl.naver import api
from webtoon_genre.crawl.naver.lists import Listing, read_all, sources
from webtoon_genre.crawl.source import (
    OK,
    VANISHED,
    CrawlResult,
    Episode,
    Failure,
    Picture,
    Title,
    picture_digest,
    validated,
)
from webtoon_genre.crawl.store import Store

AT_ONCE = 4  # titles under way: enough to keep both hosts busy
MOST_PAGES = 2_000  # of one title's episodes
REFUSED = {"http_404", "http_410", "not_an_image", "too_large"}  # whole answers that another day will not change
GONE = {"http_404", "http_410"}  # how a title's own page says that it was deleted
A = TypeVar("A", bound=api.Answer)


@dataclass(frozen=True)
class CrawlRequest:
    """What is asked of a site."""

    lists: Sequence[str]  # kinds of lists
    genres: Sequence[str]
    order: str
    as_of: date
    titles: int | None  # of each list, at most
    episodes: int | None  # of each title, at most
    bytes: int | None  # of all pictures together, at most
    refused_again: bool  # ask again for what was refused for good

    @property
    def at_once(self) -> int:
        """Titles under way: one where it matters in which order bytes are spent."""
        return AT_ONCE if self.bytes is None else 1


class PreviousCrawl:
    """What the last crawl that ended well knew of a source."""

    def __init__(self, store: Store, source: str):
        self.titles = {title.title_id: title for title in store.titles() if title.source == source}
        self.episodes = store.episodes()


class TitleSpider(Spider):
    """One crawl as one coroutine; Scrapy downloads, delays, retries and obeys."""

    name = "titles"
    work: asyncio.Future[CrawlResult]

    def __init__(self, site: Site, limits: Limits, wanted: CrawlRequest, store: Store, earlier: PreviousCrawl) -> None:
        super().__init__()
        self.site, self.limits, self.wanted, self.store = site, limits, wanted, store
        self.known, self.rows = earlier.titles, earlier.episodes
        self.found = CrawlResult(site.name)
        self.fetched = self.settled = self.settled_titles = self.announced = self.announced_titles = self.spent = 0

    async def start(self) -> AsyncIterator[Any]:
        """Do all the work before Scrapy asks for a first request; its outcome, or its error, is in `work`."""
        self.work = asyncio.ensure_future(self.crawl())
        try:
            await asyncio.wait([self.work])
        finally:
            self.work.cancel()
        return
        yield  # makes this the asynchronous generator that Scrapy wants

    async def crawl(self) -> CrawlResult:
        """Lists first: a title's genres may be told by them alone, and without them nothing is known to be gone."""
        self.client = Client(self.crawler, self.limits)
        with closing(self.store.journal(f"{self.site.name} {self.wanted.as_of}")) as self.journal:
            await self._crawl()
        return self.found

    async def _crawl(self) -> None:
        wanted = sources(self.wanted.lists, self.wanted.genres)
        listing = await read_all(self.read, self.site.api, wanted, self.wanted.order, self.wanted.titles)
        for title_id, fault in listing.failed.items():
            self.failed(title_id if isinstance(title_id, int) else None, fault)
        self.cut("lists", listing.cut)
        self.total_titles = len(listing.titles)
        self.meter = Meter(0, "crawl", "thumbnails")
        try:
            waiting = iter(sorted(listing.titles))
            await gather(self.titles(waiting, listing) for _ in range(self.wanted.at_once))
        finally:
            self.meter.close()
        for title_id in sorted(set(self.known) - {title.title_id for title in self.found.titles}):
            self.absent(self.known[title_id])

    async def read(self, model: type[A], url: str) -> A:
        """The answer at `url`, from the journal or from the site; what cannot be used is not journaled."""
        body = self.journal.answer(url)
        answer = body if body is not None else await self.client.ask(url, http.ANSWER_BYTES)
        usable = api.read(model, http.parsed(url, answer), url)
        if body is None:
            self.journal.keep_answer(url, answer)
        return usable

    async def titles(self, waiting: Iterator[int], listing: Listing) -> None:
        """Take one waiting title after the other."""
        for title_id in waiting:
            if self.found.limited["bytes"]:
                return
            try:
                await self.title(listing.titles[title_id], listing.genres[title_id])
            except AnswerError as fault:
                self.failed(title_id, fault)
            self.settled_titles += 1
            self.tell()

    async def title(self, listed: api.ListedTitle, genres: Sequence[str]) -> None:
        """One title, from its page to its last thumbnail."""
        title = await self.described(listed, genres)
        if not set(title.genres) & set(self.wanted.genres) and not genres:
            self.found.left_out["other_genre"] += 1  # listed by weekday or as finished
            return
        articles = None if title.adult else await self.articles(title.title_id)
        if articles is None:
            self.found.add(replace(title, adult=True), [])
        elif rows := await self.episodes(title.title_id, articles):
            self.found.add(title, rows)

    async def described(self, listed: api.ListedTitle, genres: Sequence[str]) -> Title:
        """A title's row, without its own page where the lists say nothing new."""
        known = self.known.get(listed.title_id)
        if known and is_same(known, listed, set(genres), set(self.wanted.genres)):
            return replace(known, star_score=listed.star_score, adult=listed.adult, finished=listed.finished)
        url = api.info_url(self.site.api, listed.title_id)
        info = await self.read(api.Info, url)
        return Title(
            title_id=listed.title_id,
            title=listed.title_name,
            authors=info.authors,
            genres=info.genres or tuple(genres),
            star_score=listed.star_score,
            adult=listed.adult or info.adult,
            source=self.site.name,
            finished=info.finished if listed.finished is None else listed.finished,
        )

    async def articles(self, title_id: int) -> list[api.Article] | None:
        """A title's episodes by number, each once; None where a login is asked for."""
        articles: dict[int, api.Article] = {}
        limit = self.wanted.episodes
        for number in range(1, MOST_PAGES + 1):
            url = api.articles_url(self.site.api, title_id, number)
            try:
                page = await self.read(api.ArticlePage, url)
            except AnswerError as fault:
                if fault.reason == "http_401":
                    return None
                raise
            before = len(articles)
            for article in page.article_list:
                articles.setdefault(article.no, article)
            last = page.page_info.last or len(articles) == before
            if limit is not None and len(articles) >= limit:
                self.cut("titles", len(articles) > limit or not last)
                articles = dict(list(articles.items())[:limit])
                last = True
            if last:
                return [articles[no] for no in sorted(articles)]
        raise AnswerError(url, "endless", f"the list has no end after {MOST_PAGES:,} pages")

    async def episodes(self, title_id: int, articles: Sequence[api.Article]) -> list[Episode]:
        """Rows of a title's episodes, their thumbnails staged; also rows of those that are no longer offered."""
        disk = self.disk(title_id)
        listed = [row_of(title_id, article) for article in articles]
        rows = [row for row in listed if row.date is None or row.date <= self.wanted.as_of]
        free = [row for row in rows if row.status == OK]
        held = self.held(disk)
        if len(rows) < len(listed) and not any(row.date for row in rows + held):
            return []  # not yet out by `as_of`
        self.announce(len(free))
        taken = await self.pictures(free, disk)
        offered = {row.no for row in taken}
        gone = [self.no_longer(row) for row in held if row.no not in offered]
        left_out = [row for row in rows if row.status != OK and row.no not in {row.no for row in gone}]
        self.stage(title_id, [row for row in taken + gone if row.sha256])
        return taken + left_out + gone

    def no_longer(self, row: Episode) -> Episode:
        """A row that was not offered; it vanished, unless limits may have kept it from view."""
        return row if self.limited else replace(row, status=VANISHED)

    async def pictures(self, rows: Sequence[Episode], disk: "Disk") -> list[Episode]:
        """The rows with digest and size, or with the reason why there is no picture; fewer where the bytes are spent."""
        if self.wanted.bytes is None:
            return await gather(self.picture(row, disk) for row in rows)
        taken: list[Episode] = []
        for start in range(0, len(rows), self.limits.concurrency):
            for row in await gather(self.picture(row, disk) for row in rows[start : start + self.limits.concurrency]):
                if self.spent + (row.bytes or 0) > self.wanted.bytes:
                    self.cut("bytes", 1)
                    return taken
                self.spent += row.bytes or 0
                taken.append(row)
        return taken

    async def picture(self, row: Episode, disk: "Disk") -> Episode:
        """The row with digest and size of its picture, from disk or from the image host; or with the reason why not."""
        key = (row.no, row.thumbnail_url)
        if key in disk.pictures:
            sha256, size = disk.pictures[key]
            small = size <= self.limits.max_bytes
            row = replace(row, sha256=sha256, bytes=size) if small else replace(row, status="too_large")
        elif http.host_of(row.thumbnail_url) not in self.site.image_hosts:
            row = replace(row, status="foreign_host")
        elif key in disk.refused and not self.wanted.refused_again:
            row = replace(row, status=disk.refused[key])
        else:
            row = await self.fetch(row)
        self.settled += 1
        self.tell()
        return row

    async def fetch(self, row: Episode) -> Episode:
        """Ask the image host, and journal what it gives."""
        key = (row.no, row.thumbnail_url)
        try:
            image = await self.client.ask(row.thumbnail_url, self.limits.max_bytes)
        except AnswerError as fault:
            row = replace(row, status=fault.reason)
        else:
            self.fetched += 1
            row = validated(row, image, self.limits.max_bytes)
        if row.sha256:
            self.journal.keep_picture(row.title_id, key, image)
        elif row.status in REFUSED:
            self.journal.keep_refusal(row.title_id, key, row.status)
        return row

    def stage(self, title_id: int, rows: Sequence[Episode]) -> None:
        """Put down the pictures of a complete title."""
        images = self.store.pictures(title_id) | self.journal.pictures(title_id)
        keys = [(row.no, row.thumbnail_url) for row in rows]
        self.store.stage(title_id, [Picture(*key, images[key]) for key in keys])
        self.journal.forget_pictures(title_id)

    def disk(self, title_id: int) -> "Disk":
        """What is known of a title's thumbnails."""
        return Disk(title_id, self.store, self.journal, self.rows.of(title_id) if title_id in self.known else [])

    def held(self, disk: "Disk") -> list[Episode]:
        """Earlier rows of a title whose pictures are on disk and were published by `as_of`."""
        rows = [row for row in disk.rows if row.date is None or row.date <= self.wanted.as_of]
        return [row for row in rows if row.sha256 and (row.no, row.thumbnail_url) in disk.pictures]

    def absent(self, title: Title) -> None:
        """Keep what is on disk of a title that gave no row, unless other genres are asked for now.

        Its pictures vanished, or nothing is known of them where the title failed or limits left it out.
        """
        if not set(title.genres) & set(self.wanted.genres):
            return
        rows = self.held(self.disk(title.title_id))
        failed = title.title_id in {failure.title_id for failure in self.found.failures}
        if not rows and not failed:
            return
        self.stage(title.title_id, rows)
        self.found.add(title, rows if failed else [self.no_longer(row) for row in rows])

    def failed(self, title_id: int | None, fault: AnswerError) -> None:
        """Count and tell a title that could not be read."""
        if fault.reason in GONE:
            self.found.left_out["deleted"] += 1
            return
        self.found.failures.append(Failure(title_id, fault.url, fault.reason, fault.detail))
        self.logger.warning("title %s is left out: %s", title_id, fault)

    def cut(self, what: str, times: int) -> None:
        """Count what limits cut short."""
        self.found.limited[what] += times

    @property
    def limited(self) -> bool:
        """Whether limits may keep anything from view."""
        return (self.wanted.titles, self.wanted.episodes, self.wanted.bytes) != (None, None, None)

    def announce(self, thumbnails: int) -> None:
        """Count the thumbnails of one more title, from which those of all are estimated."""
        self.announced += thumbnails
        self.announced_titles += 1

    def tell(self) -> None:
        """Show how far the crawl is."""
        self.meter.total = round(self.announced * self.total_titles / max(self.announced_titles, 1))
        note = f"{self.settled_titles:,} of {self.total_titles:,} titles, {self.fetched:,} thumbnails fetched"
        self.meter.step(self.settled - self.meter.done, note)


class Disk:
    """What is known of one title's thumbnails by number and address: digest and size, or why they were refused for good."""

    def __init__(self, title_id: int, store: Store, journal: Journal, rows: Sequence[Episode]):
        images = store.pictures(title_id) | journal.pictures(title_id)
        self.rows = rows  # of the last crawl that ended well
        self.pictures: dict[Key, tuple[str, int]] = {key: picture_digest(image) for key, image in images.items()}
        earlier = {(row.no, row.thumbnail_url): row.status for row in rows if row.status in REFUSED}
        self.refused: dict[Key, str] = earlier | journal.refused(title_id)


def is_same(known: Title, listed: api.ListedTitle, genres: set[str], asked: set[str]) -> bool:
    """Whether the lists tell of a title what its row says; without a genre's list they are silent on genres."""
    return (
        known.title == listed.title_name
        and known.adult == listed.adult
        and (
            listed.author is None
            or listed.names == {part.strip() for name in known.authors for part in name.split("/")}
        )
        and (not genres or genres == set(known.genres) & asked)
    )


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
