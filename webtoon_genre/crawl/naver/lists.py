"""Which titles there are: the lists of the site, read page by page, each title once with the genres that it is listed under."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.concurrency import gather
from webtoon_genre.crawl.http import AnswerError
from webtoon_genre.crawl.naver import api

MOST_PAGES = 2_000  # of one list; about 2,900 finished titles are 120 pages
Read = Callable[..., Any]  # an awaitable answer as a model: read(model, url)


@dataclass(frozen=True, slots=True)
class Source:
    """One list of the site: its kind and, for the lists of a genre or a weekday, which."""

    kind: str
    name: str


@dataclass
class Listing:
    """What the lists hold; `failed` are the items that could not be read, `cut` tells how many lists were longer than the limit."""

    titles: dict[int, api.ListedTitle] = field(default_factory=dict)
    genres: dict[int, list[str]] = field(default_factory=dict)  # by title id; empty where no genre's list names it
    failed: dict[int | str, AnswerError] = field(default_factory=dict)  # by title id, or by the item itself
    cut: int = 0

    def take(self, source: Source, items: Iterable[tuple[str, Any]]) -> None:
        """Add one list's items, each with the address of its page."""
        for url, item in items:
            try:
                title = api.read(api.ListedTitle, item, url)
            except AnswerError as fault:
                title_id = api.title_id_of(item)
                self.failed.setdefault(repr(item) if title_id is None else title_id, fault)
                continue
            self.titles.setdefault(title.title_id, title)
            genres = self.genres.setdefault(title.title_id, [])
            if source.kind == api.GENRE_LISTS:
                genres.append(source.name)


def sources(kinds: Iterable[str], genres: Iterable[str]) -> list[Source]:
    """The lists to read."""
    names = {api.GENRE_LISTS: list(genres), api.WEEKDAY_LISTS: list(api.WEEK), api.FINISHED_LIST: [""]}
    return [Source(kind, name) for kind in kinds for name in names[kind]]


async def read_all(read: Read, host: str, wanted: list[Source], order: str, limit: int | None) -> Listing:
    """All titles of the `wanted` lists, of each at most `limit`; a list that cannot be had ends the crawl."""
    try:
        lists = await gather(read_list(read, host, source, order, limit) for source in wanted)
    except AnswerError as fault:
        raise InputError(
            f"the list of titles at {fault.url} cannot be read: {fault.detail}; nothing was changed, run again later"
        ) from None
    listing = Listing()
    for source, (items, more) in zip(wanted, lists, strict=True):
        listing.take(source, items)
        listing.cut += more
    return listing


async def read_list(
    read: Read, host: str, source: Source, order: str, limit: int | None
) -> tuple[list[tuple[str, Any]], bool]:
    """One list's items as they come, each once, with the address of their page; and whether there are more than `limit`."""
    items: dict[int | str, tuple[str, Any]] = {}  # by title id, or by itself where that cannot be read
    for number in range(1, MOST_PAGES + 1):
        url = api.list_url(host, source.kind, source.name, order, number)
        page = await read(api.TitlePage, url)
        before = len(items)
        for item in page.title_list:
            title_id = api.title_id_of(item)
            items.setdefault(repr(item) if title_id is None else title_id, (url, item))
        if limit is not None and len(items) > limit:
            return list(items.values())[:limit], True
        if page.last or len(items) == before:  # a page without news: the list repeats itself
            return list(items.values()), False
        if len(items) == limit:
            return list(items.values()), True
    raise AnswerError(url, "endless", f"the list has no end after {MOST_PAGES:,} pages")
