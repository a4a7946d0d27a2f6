"""The same thumbnails in two layouts: a Parquet file a title, as the crawl writes them, and a .jpg a thumbnail.

Both are in data/raw beside the same titles.parquet and episodes.parquet, and are written by webtoon_genre/crawl/store.py. Thumbnails
are noise after a JPEG's first bytes: for DVC only a file's size and digest matter, and real pictures cannot be compressed either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webtoon_genre.core.progress import track
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, picture_digest
from webtoon_genre.crawl.store import Store

SOI = b"\xff\xd8\xff\xe0"  # the first bytes of a JPEG
GROWING = 1  # id of the title that gets one more episode
Layout = Callable[[Store, int, Sequence[Picture]], None]


@dataclass(frozen=True)
class Size:
    """The amount of data: total number of thumbnails, titles, bytes of a thumbnail."""

    images: int
    titles: int
    bytes_: int

    def count(self, title_id: int) -> int:
        """The number of thumbnails of one title, 1 to `titles`; titles differ by one at most."""
        return self.images // self.titles + (title_id <= self.images % self.titles)


def titles(store: Store, title_id: int, pictures: Sequence[Picture]) -> None:
    """Write one Parquet file a title, with the crawl's code."""
    store.stage(title_id, pictures)


def loose(store: Store, title_id: int, pictures: Sequence[Picture]) -> None:
    """Write one .jpg a thumbnail, in a folder a title; existing files stay untouched."""
    folder = store.folder / "loose" / str(title_id)
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        path = folder / f"{picture.no}.jpg"
        if not path.exists():
            path.write_bytes(picture.image)


def random_pictures(title_id: int, count: int, bytes_: int) -> list[Picture]:
    """The first `count` thumbnails of a title; a thumbnail does not depend on `count`."""
    generator = np.random.default_rng(title_id)
    return [
        Picture(no, f"http://127.0.0.1/{title_id}/{no}.jpg", SOI + generator.bytes(bytes_ - len(SOI)))
        for no in range(1, count + 1)
    ]


def fill(raw: Path, layout: Layout, size: Size) -> CrawlResult:
    """Write all thumbnails and tables to `raw`, and return the result of the crawl."""
    store, result = Store(raw), CrawlResult("bench")
    for title_id in track(range(1, size.titles + 1), size.titles, f"writing {layout.__name__}", "titles"):
        pictures = random_pictures(title_id, size.count(title_id), size.bytes_)
        layout(store, title_id, pictures)
        result.add(
            Title(title_id, f"title {title_id}", ("a",), ("daily",), None, False, "bench"), rows(title_id, pictures)
        )
    store.commit(result)
    return result


def grow(raw: Path, layout: Layout, size: Size, result: CrawlResult) -> None:
    """Add one episode to one title."""
    store, pictures = Store(raw), random_pictures(GROWING, size.count(GROWING) + 1, size.bytes_)
    layout(store, GROWING, pictures)
    result.add_episodes(rows(GROWING, pictures[-1:]))
    store.commit(result)


def rows(title_id: int, pictures: Sequence[Picture]) -> list[Episode]:
    """The rows of these thumbnails in episodes.parquet."""
    return [
        Episode(title_id, picture.no, None, None, None, None, picture.thumbnail_url, *picture_digest(picture.image))
        for picture in pictures
    ]
