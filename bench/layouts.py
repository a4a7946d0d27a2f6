"""The same thumbnails as files in two ways: a Parquet file a title, as the crawl writes them, and a .jpg a thumbnail.

Both stand in data/raw beside the same titles.parquet and episodes.parquet, and go through webtoon_genre/crawl/store.py. Thumbnails are noise after a
JPEG's first bytes: what DVC does with a file depends on its size and digest alone, and drawn ones cannot be compressed either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webtoon_genre.core.progress import track
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, picture_digest, to_arrow
from webtoon_genre.crawl.store import EPISODES, Store

SOI = b"\xff\xd8\xff\xe0"  # how a JPEG begins
GROWING = 1  # the title that gets one more episode
Layout = Callable[[Store, int, Sequence[Picture]], None]


@dataclass(frozen=True)
class Size:
    """How much there is: thumbnails in all, titles, bytes of a thumbnail."""

    images: int
    titles: int
    bytes_: int

    def count(self, title_id: int) -> int:
        """Thumbnails of one title, 1 to `titles`; they differ by one at most."""
        return self.images // self.titles + (title_id <= self.images % self.titles)


def titles(store: Store, title_id: int, pictures: Sequence[Picture]) -> None:
    """One Parquet file a title, by the crawl's own code."""
    store.stage(title_id, pictures)


def loose(store: Store, title_id: int, pictures: Sequence[Picture]) -> None:
    """One .jpg a thumbnail, in a folder a title; those that are there stay untouched."""
    folder = store.folder / "loose" / str(title_id)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        path = folder / f"{picture.no}.jpg"
        if not path.exists():
            path.write_bytes(picture.image)


def drawn(title_id: int, count: int, bytes_: int) -> list[Picture]:
    """The first `count` thumbnails of a title; each is the same however many there are."""
    generator = np.random.default_rng(title_id)
    return [
        Picture(no, f"http://127.0.0.1/{title_id}/{no}.jpg", SOI + generator.bytes(bytes_ - len(SOI)))
        for no in range(1, count + 1)
    ]


def fill(raw: Path, layout: Layout, size: Size) -> CrawlResult:
    """Write everything to `raw`; what it holds."""
    store, found = Store(raw), CrawlResult("bench")
    for title_id in track(range(1, size.titles + 1), size.titles, f"writing {layout.__name__}", "titles"):
        pictures = drawn(title_id, size.count(title_id), size.bytes_)
        layout(store, title_id, pictures)
        found.add(
            Title(title_id, f"title {title_id}", ("a",), ("daily",), None, False, "bench"), rows(title_id, pictures)
        )
    store.commit(found)
    return found


def grow(raw: Path, layout: Layout, size: Size, found: CrawlResult) -> None:
    """One more episode of one title."""
    store, pictures = Store(raw), drawn(GROWING, size.count(GROWING) + 1, size.bytes_)
    layout(store, GROWING, pictures)
    found.parts.append(to_arrow(rows(GROWING, pictures[-1:]), EPISODES))
    found.ordered = False
    store.commit(found)


def rows(title_id: int, pictures: Sequence[Picture]) -> list[Episode]:
    """What episodes.parquet says of these thumbnails."""
    return [
        Episode(title_id, each.no, None, None, None, None, each.thumbnail_url, *picture_digest(each.image))
        for each in pictures
    ]
