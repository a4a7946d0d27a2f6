"""data/raw and the staging area beside it, from which a successful crawl updates data/raw at its end.

    data/raw/titles.parquet, episodes.parquet, thumbnails/<title_id>.parquet     read by the stages after crawl
    data/raw/thumbnails/shared-<first title_id>-<last title_id>.parquet          the titles of this range that share a file
    data/.raw.staged/<as in thumbnails>.parquet                                  complete titles of an unfinished crawl
    data/.raw.staged/journal.sqlite                                              its other data: webtoon_genre/crawl/journal.py
    data/.raw.lock                                                               locked by a running crawl

A crawl that fails or is killed leaves data/raw unchanged, and the next one reuses all complete data. A title's file also holds the
address of each picture (a column after those of IMAGES), so that one file says which addresses are on disk; a kill could leave a
second file behind. The store does not know where pictures come from, nor which titles share a file: CrawlResult says it.
"""

import fcntl
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.journal import Journal, Key
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, to_arrow
from webtoon_genre.data.tables import EPISODES, IMAGES, SHARED, SHARED_IMAGES, TITLES, read_table, write_arrow

PICTURES = pa.schema([*IMAGES, ("thumbnail_url", pa.string())])
SHARED_PICTURES = pa.schema([*SHARED_IMAGES, ("thumbnail_url", pa.string())])
JOURNAL = "journal.sqlite"
OPTIONAL_COLUMNS = ("finished",)  # columns that older data lack
log = logging.getLogger(__name__)


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, or raise InputError because another crawl holds it; the kernel frees it when a crawl is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another crawl is filling {folder}; wait until it has ended") from None
        yield


def is_locked(folder: Path) -> bool:
    """Whether a crawl of `folder` is running."""
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
    """The pictures and tables on disk, and the staged files of an unfinished crawl."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.thumbnails = folder / "thumbnails"
        self.staged = folder.with_name(f".{folder.name}.staged")

    def journal(self, scope: str) -> Journal:
        """Open the journal of a crawl of `scope`."""
        return Journal(self.staged / JOURNAL, scope)

    def titles(self) -> list[Title]:
        """Read the titles of the last successful crawl."""
        rows = read_records(self.folder / "titles.parquet", TITLES).to_pylist()
        return [Title(**{**row, "authors": tuple(row["authors"]), "genres": tuple(row["genres"])}) for row in rows]

    def episodes(self) -> "Episodes":
        """Read the episodes of the last successful crawl."""
        return Episodes(read_records(self.folder / "episodes.parquet", EPISODES))

    def pictures(self, title_id: int) -> dict[Key, bytes]:
        """Read one title's pictures on disk, staged or not, by number and address; only from files of its own."""
        files = [self.thumbnails / f"{title_id}.parquet", self.staged / f"{title_id}.parquet"]
        rows = [row for path in files for row in read_pictures(path, PICTURES).to_pylist()]
        return {(row["no"], row["thumbnail_url"]): row["image"] for row in rows}

    def stage(self, title_id: int, pictures: Sequence[Picture]) -> None:
        """Write the pictures of a complete title to the staging area, unless the same pictures are on disk already."""
        self.stage_file(f"{title_id}", {title_id: pictures})

    def stage_file(self, name: str, titles: Mapping[int, Sequence[Picture]]) -> None:
        """Do the same for the complete titles of the file `name`, which they may share."""
        table = picture_table(titles)
        if not name.startswith(SHARED):
            table = table.select(PICTURES.names)
        committed, staged = self.thumbnails / f"{name}.parquet", self.staged / f"{name}.parquet"
        if table == read_pictures(committed, table.schema):
            staged.unlink(missing_ok=True)
        elif table != read_pictures(staged, table.schema):
            write_arrow(table, staged)

    def commit(self, result: CrawlResult) -> None:
        """Make data/raw hold exactly these rows and the staged pictures; if it is killed halfway, the next crawl repeats it."""
        self.thumbnails.mkdir(parents=True, exist_ok=True)
        episodes = result.episodes()
        with_picture = episodes.filter(pc.is_valid(episodes["sha256"]))
        title_ids = with_picture["title_id"].unique().to_pylist()
        current = {f"{result.files.get(title_id, title_id)}.parquet" for title_id in title_ids}
        for staged in sorted(self.staged.glob("*.parquet")):
            if staged.name in current:
                staged.replace(self.thumbnails / staged.name)
        write_arrow(episodes, self.folder / "episodes.parquet")
        ordered = sorted(result.titles, key=lambda row: row.title_id)
        write_arrow(to_arrow(ordered, TITLES), self.folder / "titles.parquet")
        for path in sorted(self.thumbnails.iterdir()):
            if path.name not in current:
                path.unlink()
        shutil.rmtree(self.staged, ignore_errors=True)


class Episodes:
    """The rows of episodes.parquet by title; `table` is EPISODES, sorted by title_id and no."""

    def __init__(self, table: pa.Table):
        self.table = table
        self._spans: dict[int, tuple[int, int]] = {}  # title_id -> first row, number of rows
        first = 0
        for title_id, count in Counter(table["title_id"].to_pylist()).items():
            self._spans[title_id] = (first, count)
            first += count

    def of(self, title_id: int) -> list[Episode]:
        """Return the rows of one title; none where it is unknown."""
        start, count = self._spans.get(title_id, (0, 0))
        return [Episode(**row) for row in self.table.slice(start, count).to_pylist()]


def picture_table(titles: Mapping[int, Sequence[Picture]]) -> pa.Table:
    """Convert the pictures of titles to SHARED_PICTURES, sorted by title_id and no."""
    rows = [(title_id, picture) for title_id, pictures in titles.items() for picture in pictures]
    rows.sort(key=lambda row: (row[0], row[1].no))
    pictures = to_arrow([picture for _, picture in rows], PICTURES)
    return pictures.add_column(0, SHARED_PICTURES.field("title_id"), pa.array([row[0] for row in rows], pa.int64()))


def read_pictures(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a file of pictures; no rows where it is absent or damaged."""
    if not path.is_file():
        return schema.empty_table()
    try:
        return pq.ParquetFile(path).read().select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError, TypeError, OSError) as error:
        log.warning("%s cannot be read (%s); its pictures are fetched again", path, " ".join(str(error).split()))
        return schema.empty_table()


def read_records(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a table of an earlier crawl, empty where the file is absent; OPTIONAL_COLUMNS that it lacks are null."""
    if not path.is_file():
        return schema.empty_table()
    try:
        missing = [name for name in OPTIONAL_COLUMNS if name in schema.names and name not in pq.read_schema(path).names]
    except pa.ArrowInvalid:
        missing = []  # read_table reports the error
    present = pa.schema([column for column in schema if column.name not in missing])
    frame = read_table(path, present)
    return pa.Table.from_pandas(frame.assign(**dict.fromkeys(missing)), schema=schema, preserve_index=False)
