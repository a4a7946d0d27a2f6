"""The spider: reads the site's lists, then of each title its page, its episodes and their thumbnails; the same for every Site.

A few titles are processed concurrently. The journal stores each answer and each picture on arrival, and each complete title is
staged, so that a kill loses only what was in transit and memory does not grow with the number of thumbnails. The spider does not
request an address that is on disk, an address that was refused permanently (REFUSALS), or the page of a title whose row the lists
confirm.

An episode or a title that the source no longer offers (deleted, hidden or paid by now) keeps its picture and gets the status
`vanished`. A title that fails this time, or that `crawl.limits` excludes, keeps its rows unchanged.
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
from webtoon_genre.crawl.http import AnswerError, Client, Limits, Site, gather
from webtoon_genre.crawl.journal import Journal, Key
from webtoon_genre.crawl.naver import api
from webtoon_genre.crawl.naver.lists import Listing, list_sources, read_lists
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

CONCURRENT_TITLES = 4  # enough to keep both hosts busy
MAX_PAGES = 2_000  # of one title's episodes
REFUSALS = {
    "http_404",
    "http_410",
    "not_an_image",
    "too_large",
}  # complete answers that will be the same on another day
DELETED = {"http_404", "http_410"}  # answers of a deleted title's own page
A = TypeVar("A", bound=api.Answer)


@dataclass(frozen=True)
class CrawlRequest:
    """The titles to crawl."""

    lists: Sequence[str]  # kinds of lists
    genres: Sequence[str]
    order: str
    as_of: date
    titles: int | None  # of each list, at most
    episodes: int | None  # of each title, at most
    bytes: int | None  # of all pictures together, at most
    refused_again: bool  # request permanently refused thumbnails again

    @property
    def concurrency(self) -> int:
        """Titles processed concurrently: one under a limit of bytes, where the order matters."""
        return CONCURRENT_TITLES if self.bytes is None else 1

    @property
    def limited(self) -> bool:
        """Whether limits may hide titles or episodes."""
        return (self.titles, self.episodes, self.bytes) != (None, None, None)


class PreviousCrawl:
    """The titles and episodes of a source after the last successful crawl."""

    def __init__(self, store: Store, source: str):
        self.titles = {title.title_id: title for title in store.titles() if title.source == source}
        self.episodes = store.episodes()


class TitleSpider(Spider):
    """One crawl as one coroutine; Scrapy downloads, delays, retries and obeys robots.txt."""

    name = "titles"
    outcome: asyncio.Future[CrawlResult]

    def __init__(
        self, site: Site, limits: Limits, request: CrawlRequest, store: Store, previous: PreviousCrawl
    ) -> None:
        super().__init__()
        self.site, self.limits, self.request, self.store, self.previous = site, limits, request, store, previous
        self.result = CrawlResult(site.name)
        self.fetched = self.processed = self.processed_titles = 0
        self.expected = self.expected_titles = self.bytes_spent = 0

    async def start(self) -> AsyncIterator[Any]:
        """Do all the work before Scrapy takes a first request; `outcome` holds the result or the error."""
        self.outcome = asyncio.ensure_future(self.crawl())
        try:
            await asyncio.wait([self.outcome])
        finally:
            self.outcome.cancel()
        return
        yield  # makes this an asynchronous generator, which Scrapy expects

    async def crawl(self) -> CrawlResult:
        """Crawl with an open journal."""
        self.client = Client(self.crawler, self.limits)
        with closing(self.store.journal(f"{self.site.name} {self.request.as_of}")) as self.journal:
            await self._crawl()
        return self.result

    async def _crawl(self) -> None:
        """Read the lists first: some genres are only there, and without all lists no title is known to have vanished."""
        sources = list_sources(self.request.lists, self.request.genres)
        listing = await read_lists(self.read, self.site.api, sources, self.request.order, self.request.titles)
        for title_id, fault in listing.failed.items():
            self.record_failure(title_id if isinstance(title_id, int) else None, fault)
        self.count_limited("lists", listing.cut)
        self.total_titles = len(listing.titles)
        self.meter = Meter(0, "crawl", "thumbnails")
        try:
            title_ids = iter(sorted(listing.titles))
            await gather(self.process_titles(title_ids, listing) for _ in range(self.request.concurrency))
        finally:
            self.meter.close()
        for title_id in sorted(set(self.previous.titles) - {title.title_id for title in self.result.titles}):
            self.retain(self.previous.titles[title_id])

    async def read(self, model: type[A], url: str) -> A:
        """Return the answer at `url`, from the journal or from the site; only a usable answer enters the journal."""
        body = self.journal.answer(url)
        answer = body if body is not None else await self.client.fetch(url, http.MAX_ANSWER_BYTES)
        content = api.read(model, http.parsed(url, answer), url)
        if body is None:
            self.journal.save_answer(url, answer)
        return content

    async def process_titles(self, title_ids: Iterator[int], listing: Listing) -> None:
        """Process titles one after the other; concurrent calls share the iterator."""
        for title_id in title_ids:
            if self.result.limited["bytes"]:
                return
            try:
                await self.process_title(listing.titles[title_id], listing.genres[title_id])
            except AnswerError as fault:
                self.record_failure(title_id, fault)
            self.processed_titles += 1
            self.show_progress()

    async def process_title(self, item: api.TitleItem, genres: Sequence[str]) -> None:
        """Process one title, from its page to its last thumbnail."""
        title = await self.describe(item, genres)
        if not set(title.genres) & set(self.request.genres) and not genres:
            self.result.left_out["other_genre"] += 1  # on a weekday's list or that of finished titles
            return
        articles = None if title.adult else await self.read_articles(title.title_id)
        if articles is None:
            self.result.add(replace(title, adult=True), [])
        elif rows := await self.process_episodes(title.title_id, articles):
            self.result.add(title, rows)

    async def describe(self, item: api.TitleItem, genres: Sequence[str]) -> Title:
        """Return a title's row, without a request for its page where the lists confirm the previous row."""
        previous = self.previous.titles.get(item.title_id)
        if previous and is_same(previous, item, set(genres), set(self.request.genres)):
            return replace(previous, star_score=item.star_score, adult=item.adult, finished=item.finished)
        url = api.info_url(self.site.api, item.title_id)
        info = await self.read(api.Info, url)
        return Title(
            title_id=item.title_id,
            title=item.title_name,
            authors=info.authors,
            genres=info.genres or tuple(genres),
            star_score=item.star_score,
            adult=item.adult or info.adult,
            source=self.site.name,
            finished=info.finished if item.finished is None else item.finished,
        )

    async def read_articles(self, title_id: int) -> list[api.Article] | None:
        """Return a title's episodes by number, without repetition; None where the site requires a login."""
        articles: dict[int, api.Article] = {}
        limit = self.request.episodes
        for number in range(1, MAX_PAGES + 1):
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
                self.count_limited("titles", len(articles) > limit or not last)
                articles = dict(list(articles.items())[:limit])
                last = True
            if last:
                return [articles[no] for no in sorted(articles)]
        raise AnswerError(url, "endless", f"the list has no end after {MAX_PAGES:,} pages")

    async def process_episodes(self, title_id: int, articles: Sequence[api.Article]) -> list[Episode]:
        """Return the rows of a title's episodes, and of those no longer offered; stage their thumbnails."""
        disk = self.disk_state(title_id)
        listed = [row_of(title_id, article) for article in articles]
        rows = [row for row in listed if row.date is None or row.date <= self.request.as_of]
        free = [row for row in rows if row.status == OK]
        previous = self.rows_on_disk(disk)
        if len(rows) < len(listed) and not any(row.date for row in rows + previous):
            return []  # not yet published by `as_of`
        self.count_expected(len(free))
        offered = await self.process_pictures(free, disk)
        numbers = {row.no for row in offered}
        gone = [self.mark_vanished(row) for row in previous if row.no not in numbers]
        left_out = [row for row in rows if row.status != OK and row.no not in {row.no for row in gone}]
        self.stage(title_id, [row for row in offered + gone if row.sha256])
        return offered + left_out + gone

    def mark_vanished(self, row: Episode) -> Episode:
        """Give the status `vanished` to a row that was not offered, unless limits may have hidden it."""
        return row if self.request.limited else replace(row, status=VANISHED)

    async def process_pictures(self, rows: Sequence[Episode], disk: "DiskState") -> list[Episode]:
        """Return the rows with digest and size, or with the reason for a missing picture; fewer rows at the limit of bytes."""
        if self.request.bytes is None:
            return await gather(self.process_picture(row, disk) for row in rows)
        results: list[Episode] = []
        for start in range(0, len(rows), self.limits.concurrency):
            batch = rows[start : start + self.limits.concurrency]
            for row in await gather(self.process_picture(row, disk) for row in batch):
                if self.bytes_spent + (row.bytes or 0) > self.request.bytes:
                    self.count_limited("bytes", 1)
                    return results
                self.bytes_spent += row.bytes or 0
                results.append(row)
        return results

    async def process_picture(self, row: Episode, disk: "DiskState") -> Episode:
        """Return the row with digest and size of its picture, from disk or from the image host; or with the reason for none."""
        key = (row.no, row.thumbnail_url)
        if key in disk.pictures:
            sha256, size = disk.pictures[key]
            small = size <= self.limits.max_bytes
            row = replace(row, sha256=sha256, bytes=size) if small else replace(row, status="too_large")
        elif http.host_of(row.thumbnail_url) not in self.site.image_hosts:
            row = replace(row, status="foreign_host")
        elif key in disk.refusals and not self.request.refused_again:
            row = replace(row, status=disk.refusals[key])
        else:
            row = await self.fetch_picture(row)
        self.processed += 1
        self.show_progress()
        return row

    async def fetch_picture(self, row: Episode) -> Episode:
        """Request the picture from the image host, and journal the outcome."""
        key = (row.no, row.thumbnail_url)
        try:
            image = await self.client.fetch(row.thumbnail_url, self.limits.max_bytes)
        except AnswerError as fault:
            row = replace(row, status=fault.reason)
        else:
            self.fetched += 1
            row = validated(row, image, self.limits.max_bytes)
        if row.sha256:
            self.journal.save_picture(row.title_id, key, image)
        elif row.status in REFUSALS:
            self.journal.save_refusal(row.title_id, key, row.status)
        return row

    def stage(self, title_id: int, rows: Sequence[Episode]) -> None:
        """Stage the pictures of a complete title."""
        images = self.store.pictures(title_id) | self.journal.pictures(title_id)
        keys = [(row.no, row.thumbnail_url) for row in rows]
        self.store.stage(title_id, [Picture(*key, images[key]) for key in keys])
        self.journal.delete_pictures(title_id)

    def disk_state(self, title_id: int) -> "DiskState":
        """Return the state on disk of a title's thumbnails."""
        rows = self.previous.episodes.of(title_id) if title_id in self.previous.titles else []
        return DiskState(title_id, self.store, self.journal, rows)

    def rows_on_disk(self, disk: "DiskState") -> list[Episode]:
        """Return the previous rows of a title whose pictures are on disk and were published by `as_of`."""
        rows = [row for row in disk.rows if row.date is None or row.date <= self.request.as_of]
        return [row for row in rows if row.sha256 and (row.no, row.thumbnail_url) in disk.pictures]

    def retain(self, title: Title) -> None:
        """Keep the previous rows of a title that gave no row, unless the crawl asks for other genres now.

        Its pictures vanished, or their state is unknown because the title failed or limits excluded it.
        """
        if not set(title.genres) & set(self.request.genres):
            return
        rows = self.rows_on_disk(self.disk_state(title.title_id))
        failed = title.title_id in {failure.title_id for failure in self.result.failures}
        if not rows and not failed:
            return
        self.stage(title.title_id, rows)
        self.result.add(title, rows if failed else [self.mark_vanished(row) for row in rows])

    def record_failure(self, title_id: int | None, fault: AnswerError) -> None:
        """Count and log an unreadable title."""
        if fault.reason in DELETED:
            self.result.left_out["deleted"] += 1
            return
        self.result.failures.append(Failure(title_id, fault.url, fault.reason, fault.detail))
        self.logger.warning("title %s is left out: %s", title_id, fault)

    def count_limited(self, kind: str, count: int) -> None:
        """Count what limits cut short."""
        self.result.limited[kind] += count

    def count_expected(self, thumbnails: int) -> None:
        """Count the thumbnails of one more title, to estimate those of all titles."""
        self.expected += thumbnails
        self.expected_titles += 1

    def show_progress(self) -> None:
        """Show the progress of the crawl."""
        self.meter.total = round(self.expected * self.total_titles / max(self.expected_titles, 1))
        note = f"{self.processed_titles:,} of {self.total_titles:,} titles, {self.fetched:,} thumbnails fetched"
        self.meter.step(self.processed - self.meter.done, note)


class DiskState:
    """One title's thumbnails on disk by number and address: digest and size, or the reason for a permanent refusal."""

    def __init__(self, title_id: int, store: Store, journal: Journal, rows: Sequence[Episode]):
        images = store.pictures(title_id) | journal.pictures(title_id)
        self.rows = rows  # of the last successful crawl
        self.pictures: dict[Key, tuple[str, int]] = {key: picture_digest(image) for key, image in images.items()}
        previous = {(row.no, row.thumbnail_url): row.status for row in rows if row.status in REFUSALS}
        self.refusals: dict[Key, str] = previous | journal.refusals(title_id)


def is_same(title: Title, item: api.TitleItem, genres: set[str], requested_genres: set[str]) -> bool:
    """Whether the lists confirm a title's row; only a genre's list confirms genres."""
    return (
        title.title == item.title_name
        and title.adult == item.adult
        and (item.author is None or item.names == {part.strip() for name in title.authors for part in name.split("/")})
        and (not genres or genres == set(title.genres) & requested_genres)
    )


def row_of(title_id: int, article: api.Article) -> Episode:
    """Return an episode's row, without a picture yet."""
    return Episode(
        title_id=title_id,
        no=article.no,
        genre=None,
        subtitle=article.subtitle,
        date=article.day,
        star_score=article.star_score,
        thumbnail_url=article.thumbnail_url,
        status=article.exclusion or OK,
    )
