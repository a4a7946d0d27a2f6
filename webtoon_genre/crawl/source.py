"""The contract of a picture source: titles, episodes, pictures and failures, collected in a CrawlResult.

A source is a module of webtoon_genre/crawl/sources. `crawl.source` in params.yaml names the module. It has two members:

    Params      a Section: the keys under `crawl.<module name>`
    collect(params: Params, common: CrawlParams, store: Store) -> CrawlResult

`collect` stages the pictures of each complete title in `store` and returns the rows of all titles. It writes nothing else. It raises
InputError where the source cannot be used; then nothing on disk changes. A source with many small titles lets them share files, as
webtoon_genre/crawl/shared_files.py says: `store.stage_file` and CrawlResult.files.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field

from webtoon_genre.core.params import Section
from webtoon_genre.data.image_format import detect_format
from webtoon_genre.data.tables import EPISODES

OK = "ok"
VANISHED = "vanished"  # on disk, but no longer offered by the source
PENDING = 10_000  # episodes that become an Arrow table at once: a table a title is slow where titles are small
LEFT_OUT = ("paid", "hidden", "undated")  # as the source declares; any other status is a failure


def parse_date(value: Any) -> Any:
    """Parse a date written as text: `dvc exp run -S` writes it so into params.yaml."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no date; write year-month-day, such as '2022-08-19'") from None


class Limits(Section):
    """Upper limits of a crawl; None: no limit."""

    titles: int | None = Field(ge=1)
    episodes: int | None = Field(ge=1)
    bytes: int | None = Field(ge=1)


class CrawlParams(Section):
    """The keys of params.yaml: crawl that all sources share."""

    source: str
    as_of: Annotated[date, BeforeValidator(parse_date)]
    limits: Limits
    user_agent: str = Field(pattern="^[ -~]+$")
    concurrency: int = Field(ge=1)
    retries: int = Field(ge=0)
    timeout: float = Field(gt=0)
    longest_wait: float = Field(ge=0)
    max_bytes: int = Field(ge=1)
    refused_again: bool
    max_failed_share: float = Field(ge=0, le=1)


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
    finished: bool | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """A row of episodes.parquet; `sha256` and `bytes` are set where a picture exists (status ok or vanished)."""

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
    """An unreadable title: its address, the reason (a slug that the metrics count), and a detailed description."""

    title_id: int | None
    url: str
    reason: str
    detail: str


@dataclass
class CrawlResult:
    """The content of a source: its rows, in any order, the titles that failed, and items without a row, by reason.

    files: title_id -> name, without suffix, of the file with its pictures; where it is absent, the name is the title_id.
    Episodes are stored as Arrow tables, about 250 bytes a row: a fifth of the size of Python objects.
    """

    source: str
    titles: list[Title] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)  # items that `crawl.limits` cut short
    retryable: bool = True  # whether a later run may succeed where this one failed
    files: dict[int, str] = field(default_factory=dict)
    pending: list[Episode] = field(default_factory=list)  # the last episodes, not yet in `parts`
    parts: list[pa.Table] = field(default_factory=list)
    ordered: bool = False  # whether `parts` is one table in order

    def add(self, title: Title, rows: Sequence[Episode]) -> None:
        """Add a title and its episodes."""
        self.titles.append(title)
        self.add_episodes(rows)

    def add_episodes(self, rows: Sequence[Episode]) -> None:
        """Add episodes of a title that was added before."""
        self.pending += rows
        self.ordered = False
        if len(self.pending) >= PENDING:
            self._convert_pending()

    def episodes(self) -> pa.Table:
        """Return all episodes: EPISODES, sorted by title_id and no."""
        if not self.ordered:
            self._convert_pending()
            table = pa.concat_tables(self.parts)
            self.parts = [table.sort_by([("title_id", "ascending"), ("no", "ascending")]).combine_chunks()]
            self.ordered = True
        return self.parts[0]

    def _convert_pending(self) -> None:
        self.parts.append(to_arrow(self.pending, EPISODES))
        self.pending = []


def validated(row: Episode, image: bytes, max_bytes: int) -> Episode:
    """Return `row` with the digest and size of its picture, or with the reason why these bytes are rejected."""
    if len(image) > max_bytes:
        return replace(row, status="too_large")
    if detect_format(image) is None:
        return replace(row, status="not_an_image")
    digest, size = picture_digest(image)
    return replace(row, sha256=digest, bytes=size)


def picture_digest(image: bytes) -> tuple[str, int]:
    """Return a picture's SHA-256 in hexadecimal and its number of bytes, as a row states them."""
    return sha256(image).hexdigest(), len(image)


def to_arrow(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """Convert dataclass rows to an Arrow table."""
    return pa.table({name: [getattr(row, name) for row in rows] for name in schema.names}, schema=schema)


def summarise(result: CrawlResult) -> dict[str, Any]:
    """Count what the crawl has and what is missing, by reason: the content of metrics/crawl.json."""
    episodes = result.episodes()
    statuses = {item["values"]: item["counts"] for item in pc.value_counts(episodes["status"]).to_pylist()}
    left_out = result.left_out + Counter({reason: statuses.get(reason, 0) for reason in LEFT_OUT})
    failures = sorted(result.failures, key=lambda failure: (failure.title_id or 0, failure.url))
    left_out["adult"] = sum(title.adult for title in result.titles)
    return {
        "source": result.source,
        "titles": len(result.titles),
        "finished": sum(title.finished is True for title in result.titles),
        "episodes": len(episodes),
        "thumbnails": len(episodes) - episodes["sha256"].null_count,
        "bytes": pc.sum(episodes["bytes"]).as_py() or 0,
        "vanished": statuses.get(VANISHED, 0),
        "left_out": dict(+left_out),
        "limited": dict(+result.limited),
        "failed": {
            "titles": dict(Counter(failure.reason for failure in result.failures)),
            "thumbnails": {
                status: count for status, count in statuses.items() if status not in {OK, VANISHED, *LEFT_OUT}
            },
        },
        "failures": [asdict(failure) for failure in failures],
    }
