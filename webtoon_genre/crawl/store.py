"""data/raw while a crawl fills it: rows and pictures are staged beside it and take its place at the successful end.

    data/raw/titles.parquet, episodes.parquet, thumbnails/<title_id>.parquet     what stages after crawl read
    data/.raw.staged/<title_id>.parquet                                          complete titles of a crawl under way
    data/.raw.staged/journal.sqlite                                              what else it was given: webtoon_genre/crawl/journal.py
    data/.raw.lock                                                               held by the crawl under way

So a crawl that fails or is killed leaves data/raw as it was, and the next one takes over all that was whole. A title's file
also holds the address of each picture (a column after those of IMAGES): an address that is on disk is known by the file
itself, not by a second one that a kill could leave behind. Nothing here knows where pictures come from.
"""

import fcntl
import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, to_arrow
from webtoon_genre.crawl.journal import Journal, Key
from webtoon_genre.data import image_format
from webtoon_genre.data.tables import EPISODES, IMAGES, TITLES, read_table, write_arrow

PICTURES = pa.schema([*IMAGES, ("thumbnail_url", pa.string())])
JOURNAL = "journal.sqlite"
OPTIONAL_COLUMNS = ("finished",)  # columns that older data lack
log = logging.getLogger(__name__)


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, or raise InputError because another crawl does; the kernel frees it when a crawl is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another crawl is filling {folder}; wait until it has ended") from None
        yield


def is_locked(folder: Path) -> bool:
    """Whether a crawl of `folder` is under way."""
    lock = folder.with_name(f".{folder.name}.lock")
    if not lock.is_file():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class Store:
    """The pictures and tables on disk, and what a crawl under way staged beside them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.thumbnails = folder / "thumbnails"
        self.staged = folder.with_name(f".{folder.name}.staged")

    def journal(self, scope: str) -> Journal:
        """The journal of a crawl of `scope`."""
        return Journal(self.staged / JOURNAL, scope)

    def titles(self) -> list[Title]:
        """The titles of the last crawl that ended well."""
        rows = read_records(self.folder / "titles.parquet", TITLES).to_pylist()
        return [Title(**{**row, "authors": tuple(row["authors"]), "genres": tuple(row["genres"])}) for row in rows]

    def episodes(self) -> "Episodes":
        """The episodes of the last crawl that ended well."""
        return Episodes(read_records(self.folder / "episodes.parquet", EPISODES))

    def pictures(self, title_id: int) -> dict[Key, bytes]:
        """The bytes on disk of one title, staged or not, by number and address."""
        files = [self.thumbnails / f"{title_id}.parquet", self.staged / f"{title_id}.parquet"]
        return {(item.no, item.thumbnail_url): item.image for path in files for item in read_pictures(path)}

    def stage(self, title_id: int, pictures: Iterable[Picture]) -> None:
        """Put down the pictures of a complete title; what is on disk already is not written again."""
        wanted = sorted(pictures, key=lambda picture: picture.no)
        staged = self.staged / f"{title_id}.parquet"
        if wanted == read_pictures(self.thumbnails / f"{title_id}.parquet"):
            staged.unlink(missing_ok=True)
        elif wanted != read_pictures(staged):
            write_arrow(to_arrow(wanted, PICTURES), staged)

    def commit(self, found: CrawlResult) -> None:
        """Make data/raw hold exactly these rows and the staged pictures; killed half-way, the next crawl does it again."""
        self.thumbnails.mkdir(parents=True, exist_ok=True)
        episodes = found.episodes()
        with_picture = episodes.filter(pc.is_valid(episodes["sha256"]))
        kept = {f"{title_id}.parquet" for title_id in with_picture["title_id"].unique().to_pylist()}
        for staged in sorted(self.staged.glob("*.parquet")):
            if staged.name in kept:
                staged.replace(self.thumbnails / staged.name)
        write_arrow(episodes, self.folder / "episodes.parquet")
        ranked = sorted(found.titles, key=lambda row: row.title_id)
        write_arrow(to_arrow(ranked, TITLES), self.folder / "titles.parquet")
        for path in sorted(self.thumbnails.iterdir()):
            if path.name not in kept:
                path.unlink()
        shutil.rmtree(self.staged, ignore_errors=True)


class Episodes:
    """The rows of episodes.parquet, title by title; `table` is EPISODES by title_id and no."""

    def __init__(self, table: pa.Table):
        self.table = table
        self._spans: dict[int, tuple[int, int]] = {}  # title_id -> first row, number of rows
        first = 0
        for title_id, count in Counter(table["title_id"].to_pylist()).items():
            self._spans[title_id] = (first, count)
            first += count

    def of(self, title_id: int) -> list[Episode]:
        """The rows of one title; none where it is unknown."""
        start, count = self._spans.get(title_id, (0, 0))
        return [Episode(**row) for row in self.table.slice(start, count).to_pylist()]


def read_pictures(path: Path) -> list[Picture]:
    """The pictures in one title's file by ascending number; none where the file is absent or damaged."""
    if not path.is_file():
        return []
    try:
        return [Picture(**row) for row in pq.read_table(path, columns=PICTURES.names).to_pylist()]
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError, TypeError, OSError) as error:
        log.warning("%s cannot be read (%s); its pictures are fetched again", path, " ".join(str(error).split()))
        return []


def read_records(path: Path, schema: pa.Schema) -> pa.Table:
    """A table of an earlier crawl, empty where the file is absent; LATER columns that it lacks are null."""
    if not path.is_file():
        return schema.empty_table()
    try:
        lacking = [name for name in OPTIONAL_COLUMNS if name in schema.names and name not in pq.read_schema(path).names]
    except pa.ArrowInvalid:
        lacking = []  # read_table says what is wrong
    there = pa.schema([column for column in schema if column.name not in lacking])
    frame = read_table(path, there)
    return pa.Table.from_pandas(frame.assign(**dict.fromkeys(lacking)), schema=schema, preserve_index=False)
