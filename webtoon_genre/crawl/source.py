"""What a source of pictures gives: titles, episodes, pictures and failures, collected in a CrawlResult.

A source is a module of webtoon_genre/crawl/sources. `crawl.source` in params.yaml names the module. It has two members:

    Params      a Section: the keys under `crawl.<module name>`
    collect(params: Params, common: CrawlParams, store: Store) -> CrawlResult

`collect` stages the pictures of each complete title in `store` and returns the rows of all titles. It writes nothing else. It raises
InputError where the source cannot be used; then nothing on disk changes.
"""

import pkgutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from hashlib import sha256
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field, field_validator

from webtoon_genre.core.params import Section
from webtoon_genre.crawl import sources
from webtoon_genre.data.image_format import detect_format
from webtoon_genre.data.tables import EPISODES

OK = "ok"
VANISHED = "vanished"  # on disk, but no longer offered by the source
LEFT_OUT = ("paid", "hidden", "undated")  # by the source's own word; any other status is a failure


def source_names() -> list[str]:
    """Names of the sources, sorted: the modules of webtoon_genre/crawl/sources."""
    return sorted(module.name for module in pkgutil.iter_modules(sources.__path__))


def load_source(name: str) -> ModuleType:
    """The source module `name`."""
    return import_module(f"{sources.__name__}.{name}")


def parse_date(value: Any) -> Any:
    """A date written as text: `dvc exp run -S` writes it so into params.yaml."""
    return date.fromisoformat(value) if isinstance(value, str) else value


class Limits(Section):
    """How much is crawled at most; None: all."""

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

    @field_validator("source")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in source_names():
            raise ValueError(f"no such source; webtoon_genre/crawl/sources has {', '.join(source_names())}")
        return name


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
class CrawlResult:
    """What a source holds: its rows, in any order, the titles that failed, and what left no row, by reason.

    Episodes are held as Arrow tables, about 250 bytes a row: a fifth of what Python's objects take.
    """

    source: str
    titles: list[Title] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)  # what was cut short because params say so
    passing: bool = True  # whether what failed may come at the next run
    parts: list[pa.Table] = field(default_factory=list)
    ordered: bool = False  # whether `parts` is one table in order

    def add(self, title: Title, rows: Sequence[Episode]) -> None:
        """Take in a title and its episodes."""
        self.titles.append(title)
        self.parts.append(to_arrow(rows, EPISODES))
        self.ordered = False

    def episodes(self) -> pa.Table:
        """All episodes, EPISODES by title_id and no."""
        if not self.ordered:
            whole = pa.concat_tables([EPISODES.empty_table(), *self.parts])
            self.parts = [whole.sort_by([("title_id", "ascending"), ("no", "ascending")]).combine_chunks()]
            self.ordered = True
        return self.parts[0]


def validated(row: Episode, image: bytes, max_bytes: int) -> Episode:
    """`row` with the digest and size of its picture, or with the reason why these bytes are not kept."""
    if len(image) > max_bytes:
        return replace(row, status="too_large")
    if image_format.detect_format(image) is None:
        return replace(row, status="not_an_image")
    name, size = picture_digest(image)
    return replace(row, sha256=name, bytes=size)


def picture_digest(image: bytes) -> tuple[str, int]:
    """What a row says of its picture: SHA-256 in hexadecimal, and the number of bytes."""
    return sha256(image).hexdigest(), len(image)


def to_arrow(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    """Dataclass rows as an Arrow table."""
    return pa.table({name: [getattr(row, name) for row in rows] for name in schema.names}, schema=schema)


def summarise(found: CrawlResult) -> dict[str, Any]:
    """What metrics/crawl.json says: how much there is, and what is missing, by reason."""
    episodes = found.episodes()
    statuses = {item["values"]: item["counts"] for item in pc.value_counts(episodes["status"]).to_pylist()}
    left_out = found.left_out + Counter({reason: statuses.get(reason, 0) for reason in LEFT_OUT})
    failures = sorted(found.failures, key=lambda failure: (failure.title_id or 0, failure.url))
    left_out["adult"] = sum(title.adult for title in found.titles)
    return {
        "source": found.source,
        "titles": len(found.titles),
        "finished": sum(title.finished is True for title in found.titles),
        "episodes": len(episodes),
        "thumbnails": len(episodes) - episodes["sha256"].null_count,
        "bytes": pc.sum(episodes["bytes"]).as_py() or 0,
        "vanished": statuses.get(VANISHED, 0),
        "left_out": dict(+left_out),
        "limited": dict(+found.limited),
        "failed": {
            "titles": dict(Counter(failure.reason for failure in found.failures)),
            "thumbnails": {
                status: count for status, count in statuses.items() if status not in {OK, VANISHED, *LEFT_OUT}
            },
        },
        "failures": [asdict(failure) for failure in failures],
    }
