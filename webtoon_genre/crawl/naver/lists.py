"""The site's lists of titles, read page by page and merged: each title once, with the genres of the lists that name it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.http import AnswerError, gather
from webtoon_genre.crawl.naver import api

MAX_PAGES = 2_000  # of one list; about 2,900 finished titles are 120 pages
Read = Callable[..., Any]  # read(model, url): an awaitable answer as a model


@dataclass(frozen=True, slots=True)
class Source:
    """One list of the site: its kind and, for a genre or a weekday, its name."""

    kind: str
    name: str


@dataclass
class Listing:
    """The merged lists; `failed` are the unreadable items, `cut` is the number of lists that are longer than the limit."""

    titles: dict[int, api.TitleItem] = field(default_factory=dict)
    genres: dict[int, list[str]] = field(default_factory=dict)  # by title id; empty where no genre's list names it
    failed: dict[int | str, AnswerError] = field(default_factory=dict)  # by title id, or by the item itself
    cut: int = 0

    def add(self, source: Source, items: Iterable[tuple[str, Any]]) -> None:
        """Add the items of one list; each comes with the address of its page."""
        for url, item in items:
            try:
                title = api.read(api.TitleItem, item, url)
            except AnswerError as fault:
                title_id = api.title_id_of(item)
                self.failed.setdefault(repr(item) if title_id is None else title_id, fault)
                continue
            self.titles.setdefault(title.title_id, title)
            genres = self.genres.setdefault(title.title_id, [])
            if source.kind == api.GENRE_LISTS:
                genres.append(source.name)


def list_sources(kinds: Iterable[str], genres: Iterable[str]) -> list[Source]:
    """Return the lists of these kinds and genres."""
    names = {api.GENRE_LISTS: list(genres), api.WEEKDAY_LISTS: list(api.WEEK), api.FINISHED_LIST: [""]}
    return [Source(kind, name) for kind in kinds for name in names[kind]]


async def read_lists(read: Read, host: str, sources: list[Source], order: str, limit: int | None) -> Listing:
    """Read all titles of the lists `sources`, at most `limit` of each; raise InputError where a list cannot be read."""
    try:
        lists = await gather(read_list(read, host, source, order, limit) for source in sources)
    except AnswerError as fault:
        raise InputError(
            f"the list of titles at {fault.url} cannot be read: {fault.detail}; nothing was changed, run again later"
        ) from None
    listing = Listing()
    for source, (items, more) in zip(sources, lists, strict=True):
        listing.add(source, items)
        listing.cut += more
    return listing


async def read_list(
    read: Read, host: str, source: Source, order: str, limit: int | None
) -> tuple[list[tuple[str, Any]], bool]:
    """Read the items of one list in its order, without repetition, with the address of their page; and whether `limit` cut it."""
    items: dict[int | str, tuple[str, Any]] = {}  # by title id, or by the item itself where the id is unreadable
    for number in range(1, MAX_PAGES + 1):
        url = api.list_url(host, source.kind, source.name, order, number)
        page = await read(api.TitlePage, url)
        before = len(items)
        for item in page.title_list:
            title_id = api.title_id_of(item)
            items.setdefault(repr(item) if title_id is None else title_id, (url, item))
        if limit is not None and len(items) > limit:
            return list(items.values())[:limit], True
        if page.last or len(items) == before:  # a page without new items: the list repeats itself
            return list(items.values()), False
        if len(items) == limit:
            return list(items.values()), True
    raise AnswerError(url, "endless", f"the list has no end after {MAX_PAGES:,} pages")
