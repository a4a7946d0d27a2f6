"""data/raw while a crawl fills it: rows and pictures are staged beside it and take its place at the successful end.

    data/raw/titles.parquet, episodes.parquet, thumbnails/<title_id>.parquet     what stages after crawl read
    data/.raw.staged/<title_id>.parquet                                          complete titles of a crawl under way
    data/.raw.lock                                                               held by the crawl under way

So a crawl that fails or is killed leaves data/raw as it was, and the next one takes over the titles that were complete. A
title's file also holds the address of each picture (a column after those of IMAGES): an address that is on disk is known by
the file itself, not by a second one that a kill could leave behind. Nothing here knows where pictures come from.
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

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.lib import magic
from stages.lib.errors import InputError
from stages.lib.thumbnails import EPISODES, IMAGES, TITLES, read_table, write_table

PICTURES = pa.schema([*IMAGES, ("thumbnail_url", pa.string())])
OK = "ok"
VANISHED = "vanished"  # on disk, but no longer offered by the source
LEFT_OUT = ("paid", "hidden", "undated")  # by the source's own word; any other status is a failure
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Title:
    """A row of titles.parquet."""

    title_id: int
    title: str
    authors: tuple[str, ...]
    genres: tuple[str, ...]
    star_score: float | None
    adult: bool
    source: str


@dataclass(frozen=True, slots=True)
class Episode:
    """A row of episodes.parquet; `sha256` and `bytes` are set where there is a picture (status ok or vanished)."""

    title_id: int
    no: int
    genre: str | None
    subtitle: str | None
    date: date | None
    star_score: float | None
    thumbnail_url: str
    sha256: str | None = None
    bytes: int | None = None
    status: str = OK


@dataclass(frozen=True, slots=True)
class Picture:
    """One thumbnail as served."""

    no: int
    thumbnail_url: str
    image: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A title that could not be read: where, why (a slug that is counted), and what exactly was wrong."""

    title_id: int | None
    url: str
    reason: str
    detail: str


@dataclass
class Found:
    """What a source holds: its rows, in any order, the titles that failed, and what left no row, by reason."""

    source: str
    titles: list[Title] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    passing: bool = True  # whether what failed may come at the next run


def judged(row: Episode, image: bytes, max_bytes: int) -> Episode:
    """`row` with the digest and size of its picture, or with the reason why these bytes are not kept."""
    if len(image) > max_bytes:
        return replace(row, status="too_large")
    if magic.kind(image) is None:
        return replace(row, status="not_an_image")
    return replace(row, sha256=sha256(image).hexdigest(), bytes=len(image))


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, or raise InputError because another crawl does; the kernel frees it when a crawl is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another crawl is filling {folder}; wait until it has ended") from None
        yield


class Store:
    """The pictures and tables on disk, and the complete titles staged beside them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.thumbnails = folder / "thumbnails"
        self.staged = folder.with_name(f".{folder.name}.staged")

    def titles(self) -> list[Title]:
        """The titles of the last crawl that ended well."""
        rows = records(self.folder / "titles.parquet", TITLES)
        return [Title(**{**row, "authors": tuple(row["authors"]), "genres": tuple(row["genres"])}) for row in rows]

    def episodes(self) -> list[Episode]:
        """The episodes of the last crawl that ended well."""
        return [Episode(**row) for row in records(self.folder / "episodes.parquet", EPISODES)]

    def pictures(self, title_id: int) -> dict[tuple[int, str], bytes]:
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
            write_table(frame(wanted, PICTURES), PICTURES, staged)

    def commit(self, titles: Sequence[Title], episodes: Sequence[Episode]) -> None:
        """Make data/raw hold exactly these rows and the staged pictures; killed half-way, the next crawl does it again."""
        self.thumbnails.mkdir(parents=True, exist_ok=True)
        kept = {f"{row.title_id}.parquet" for row in episodes if row.sha256}
        for staged in sorted(self.staged.glob("*.parquet")):
            if staged.name in kept:
                staged.replace(self.thumbnails / staged.name)
        ordered = sorted(episodes, key=lambda row: (row.title_id, row.no))
        write_table(frame(ordered, EPISODES), EPISODES, self.folder / "episodes.parquet")
        ranked = sorted(titles, key=lambda row: row.title_id)
        write_table(frame(ranked, TITLES), TITLES, self.folder / "titles.parquet")
        for path in self.thumbnails.iterdir():
            if path.name not in kept:
                path.unlink()
        shutil.rmtree(self.staged, ignore_errors=True)


def read_pictures(path: Path) -> list[Picture]:
    """The pictures in one title's file by ascending number; none where the file is absent or damaged."""
    if not path.is_file():
        return []
    try:
        return [Picture(**row) for row in pq.read_table(path, columns=PICTURES.names).to_pylist()]
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError, TypeError, OSError) as error:
        log.warning("%s cannot be read (%s); its pictures are fetched again", path, " ".join(str(error).split()))
        return []


def records(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """The rows of a table as Python values, None for null; none where the file is absent."""
    if not path.is_file():
        return []
    table = pa.Table.from_pandas(read_table(path, schema), schema=schema, preserve_index=False)
    return table.to_pylist()


def frame(rows: Sequence[Any], schema: pa.Schema) -> pd.DataFrame:
    """Dataclass rows as a frame; of dtype object, so that an integer column may hold nulls."""
    values = [[getattr(row, name) for name in schema.names] for row in rows]  # asdict is ten times slower
    return pd.DataFrame(values, columns=schema.names, dtype=object)


def summary(found: Found) -> dict[str, Any]:
    """What metrics/crawl.json says: how much there is, and what is missing, by reason."""
    statuses = Counter(row.status for row in found.episodes)
    left_out = found.left_out + Counter({reason: statuses[reason] for reason in LEFT_OUT})
    failures = sorted(found.failures, key=lambda failure: (failure.title_id or 0, failure.url))
    left_out["adult"] = sum(title.adult for title in found.titles)
    return {
        "source": found.source,
        "titles": len(found.titles),
        "episodes": len(found.episodes),
        "thumbnails": sum(row.sha256 is not None for row in found.episodes),
        "bytes": sum(row.bytes or 0 for row in found.episodes),
        "vanished": statuses[VANISHED],
        "left_out": dict(+left_out),
        "failed": {
            "titles": dict(Counter(failure.reason for failure in found.failures)),
            "thumbnails": {
                status: count for status, count in statuses.items() if status not in {OK, VANISHED, *LEFT_OUT}
            },
        },
        "failures": [asdict(failure) for failure in failures],
    }
