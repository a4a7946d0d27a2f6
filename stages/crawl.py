"""Fetch titles, episodes and thumbnails from the source that params name, and only what is not on disk yet.

Reads:  crawl.source: demo (the embedded site, over HTTP), naver (the real one) or folder (pictures that are there already).
Writes: data/raw/titles.parquet, episodes.parquet and thumbnails/<title_id>.parquet; metrics/crawl.json with what was left out
        or failed, by reason. A crawl that fails or is killed changes none of them, and the next one goes on where it ended.
Params: crawl.
`python -m stages.crawl status` tells what is on disk. docs/crawling.md tells what becomes of faults, and which test holds it.
"""

from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from pydantic import AfterValidator, BeforeValidator, Field

from stages.lib import inventory, journal
from stages.lib.command import run
from stages.lib.errors import InputError
from stages.lib.files import write_json
from stages.lib.params import File, Section, read
from stages.lib.raw import JOURNAL, Found, Store, exclusive, locked, summary

if TYPE_CHECKING:
    from stages.sources.web import Site

NO_CONTACT = "example.org"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


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
    mislabelled: float = Field(ge=0, lt=1)
    delay: float = Field(ge=0)


class Naver(Section):
    """The real site."""

    delay: float = Field(ge=0)
    throttle: float | None = Field(gt=0)


class Folder(Section):
    """Pictures on disk."""

    path: str = Field(min_length=1)


class Limits(Section):
    """How much is crawled at most; None: all."""

    titles: int | None = Field(ge=1)
    episodes: int | None = Field(ge=1)
    bytes: int | None = Field(ge=1)


class Crawl(Section):
    """What is crawled, and how hard."""

    source: Literal["demo", "naver", "folder"]
    as_of: Annotated[date, BeforeValidator(day)]
    genres: Annotated[list[Annotated[str, Field(pattern="^[a-z_]+$")]], Field(min_length=1), AfterValidator(unique)]
    lists: Annotated[list[Literal["genre", "weekday", "finished"]], Field(min_length=1), AfterValidator(unique)]
    order: Literal["user", "update", "view", "star"]
    limits: Limits
    user_agent: str = Field(pattern="^[ -~]+$")
    concurrency: int = Field(ge=1)
    retries: int = Field(ge=0)
    timeout: float = Field(gt=0)
    longest_wait: float = Field(ge=0)
    max_bytes: int = Field(ge=1)
    refused_again: bool
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
        return gather_site(naver.naver(crawl.naver.delay, crawl.naver.throttle), crawl, store)
    from stages.sources.demo import site

    own = crawl.demo
    with site.running(own.seed, own.scale, crawl.as_of, own.mislabelled) as proxy:
        return gather_site(naver.demo(proxy, own.seed, own.scale, own.delay, own.mislabelled), crawl, store)


def gather_site(site: "Site", crawl: Crawl, store: Store) -> Found:
    """What a site that speaks Naver Webtoon's API holds, its pictures staged in `store`."""
    from stages.sources import naver, spider, web

    limits = web.Limits(
        user_agent=crawl.user_agent,
        concurrency=crawl.concurrency,
        retries=crawl.retries,
        timeout=crawl.timeout,
        longest_wait=crawl.longest_wait,
        max_bytes=crawl.max_bytes,
    )
    wanted = spider.Wanted(
        lists=crawl.lists,
        genres=crawl.genres,
        order=crawl.order,
        as_of=crawl.as_of,
        titles=crawl.limits.titles,
        episodes=crawl.limits.episodes,
        bytes=crawl.limits.bytes,
        refused_again=crawl.refused_again,
    )
    return naver.crawl(site, limits, wanted, store)


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
        try:
            check(found, max_failed_share)
        except InputError:
            journal.forget_refusals(store.staged / JOURNAL)
            raise
        store.commit(found)
        write_json(metrics, summary(found))


@app.callback(invoke_without_command=True)
def main(context: typer.Context, raw: Path = Path("data/raw"), metrics: Path = Path("metrics/crawl.json")) -> None:
    """Bring data/raw up to date with the source that params name; with `status`, tell what is there."""
    if context.invoked_subcommand is not None:
        return
    crawl = read(Params).crawl
    fill(raw, metrics, crawl.max_failed_share, partial(gather, crawl))


@app.command()
def status(raw: Path = Path("data/raw")) -> None:
    """Tell what is on disk, and what a crawl under way or killed has put beside it."""
    typer.echo(inventory.report(Store(raw), running=locked(raw)))


if __name__ == "__main__":
    run(app, "crawl")
