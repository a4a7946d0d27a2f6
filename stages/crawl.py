"""Fetch titles, episodes and thumbnails from the source that params name, and only what is not on disk yet.

Reads:  crawl.source: demo (the embedded site, over HTTP), naver (the real one) or folder (pictures that are there already).
Writes: data/raw/titles.parquet, episodes.parquet and thumbnails/<title_id>.parquet; metrics/crawl.json with what was left out
        or failed, by reason. A crawl that fails or is killed changes none of them, and the next one goes on where it ended.
Params: crawl.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from stages.lib.command import run
from stages.lib.errors import InputError
from stages.lib.files import write_json
from stages.lib.params import File, Section, read
from stages.lib.raw import Found, Store, exclusive, summary

if TYPE_CHECKING:
    from stages.sources.web import Site

NO_CONTACT = "example.org"


def day(value: Any) -> Any:
    """A day written as text, which is how `dvc exp run -S` writes it into params.yaml."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def unique(codes: list[str]) -> list[str]:
    """Genre codes without a repeated one."""
    if twice := sorted(code for code, times in Counter(codes).items() if times > 1):
        raise ValueError(f"{twice[0]} stands there twice")
    return codes


class Demo(Section):
    """The embedded site."""

    scale: float = Field(gt=0, le=1)
    seed: int = Field(ge=0)
    delay: float = Field(ge=0)


class Naver(Section):
    """The real site."""

    delay: float = Field(ge=0)


class Folder(Section):
    """Pictures on disk."""

    path: str = Field(min_length=1)


class Crawl(Section):
    """What is crawled, and how hard."""

    source: Literal["demo", "naver", "folder"]
    as_of: Annotated[date, BeforeValidator(day)]
    genres: Annotated[list[Annotated[str, Field(pattern="^[a-z_]+$")]], Field(min_length=1), AfterValidator(unique)]
    user_agent: str = Field(pattern="^[ -~]+$")
    concurrency: int = Field(ge=1)
    retries: int = Field(ge=0)
    timeout: float = Field(gt=0)
    max_bytes: int = Field(ge=1)
    max_failed_share: float = Field(ge=0, le=1)
    demo: Demo
    naver: Naver
    folder: Folder


class Params(File):
    """What crawl reads of params.yaml."""

    crawl: Crawl


def gather(crawl: Crawl, store: Store) -> Found:
    """What the source holds, its pictures staged in `store`."""
    if crawl.source == "folder":
        from stages.sources import folder

        return folder.collect(Path(crawl.folder.path), crawl.max_bytes, store)
    from stages.sources import naver

    if crawl.source == "naver":
        if NO_CONTACT in crawl.user_agent:
            raise InputError(
                f"crawl.user_agent is {crawl.user_agent!r}; put an address in it at which the site can reach you"
            )
        return gather_site(naver.naver(crawl.naver.delay), crawl, store)
    from stages.sources.demo import site

    with site.running(crawl.demo.seed, crawl.demo.scale, crawl.as_of) as proxy:
        demo = naver.demo(proxy, crawl.demo.seed, crawl.demo.scale, crawl.demo.delay)
        return gather_site(demo, crawl, store)


def gather_site(site: "Site", crawl: Crawl, store: Store) -> Found:
    """What a site that speaks Naver Webtoon's API holds, its pictures staged in `store`."""
    from stages.sources import naver
    from stages.sources.web import Limits

    limits = Limits(crawl.user_agent, crawl.concurrency, crawl.retries, crawl.timeout, crawl.max_bytes)
    return naver.crawl(site, limits, crawl.genres, crawl.as_of, store)


def check(found: Found, max_failed_share: float) -> None:
    """Refuse a crawl that would empty data/raw, or of which too much failed: the next run may have more luck."""
    counted = summary(found)
    failed = {kind: sum(reasons.values()) for kind, reasons in counted["failed"].items()}
    reasons = Counter(counted["failed"]["titles"]) + Counter(counted["failed"]["thumbnails"])
    seen = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "no title at all"
    if not counted["thumbnails"]:
        raise InputError(f"{found.source} gave no picture ({seen}); nothing was changed, see crawl in params.yaml")
    for kind, count in failed.items() if found.passing else ():
        if count > max_failed_share * (count + counted[kind]):
            raise InputError(
                f"{count} of {count + counted[kind]} {kind} failed ({seen}), more than crawl.max_failed_share "
                f"{max_failed_share:g}; nothing was changed, and the next run goes on from here"
            )


def fill(raw: Path, metrics: Path, max_failed_share: float, gather: Callable[[Store], Found]) -> None:
    """Bring `raw` up to date with what `gather` finds."""
    with exclusive(raw):
        store = Store(raw)
        found = gather(store)
        check(found, max_failed_share)
        store.commit(found.titles, found.episodes)
        write_json(metrics, summary(found))


def main(raw: Path = Path("data/raw"), metrics: Path = Path("metrics/crawl.json")) -> None:
    """Bring data/raw up to date with the source that params name."""
    crawl = read(Params).crawl
    fill(raw, metrics, crawl.max_failed_share, partial(gather, crawl))


if __name__ == "__main__":
    run(main, "crawl")
