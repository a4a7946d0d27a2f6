"""Fetch titles, episodes and thumbnails from the source that params name, except those on disk.

Reads:  the source: crawl.source is a module of webtoon_genre/crawl/sources (demo, folder, naver)
Writes: data/raw/titles.parquet, episodes.parquet, thumbnails/<title_id>.parquet and shared-*.parquet (of small titles of a folder);
        metrics/crawl.json with counts of items left out or failed, by reason. A crawl that fails or is killed changes none of them, and
        the next one resumes it.
Params: crawl

`python -m stages.crawl status` reports what is on disk. docs/crawling.md lists the faults and the test of each.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal, cast

import typer
from pydantic import create_model

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.crawl import journal
from webtoon_genre.crawl.catalogue import load_source, source_names
from webtoon_genre.crawl.source import CrawlParams, CrawlResult, summarise
from webtoon_genre.crawl.status import report
from webtoon_genre.crawl.store import JOURNAL, Store, exclusive_lock, is_locked

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
SECTIONS: dict[str, Any] = {name: (load_source(name).Params, ...) for name in source_names()}
CHOICE: Any = Literal[*source_names()]
Crawl = create_model("Crawl", __base__=CrawlParams, source=(CHOICE, ...), **SECTIONS)
Params = cast(Any, create_model("Params", __base__=ParamsFile, crawl=(Crawl, ...)))


def collect(crawl: CrawlParams, store: Store) -> CrawlResult:
    """Return the titles of the source that params name, with their pictures staged in `store`."""
    return load_source(crawl.source).collect(getattr(crawl, crawl.source), crawl, store)


def check(result: CrawlResult, max_failed_share: float) -> None:
    """Raise InputError for a crawl without pictures, which would empty data/raw, and for one with too many failures."""
    counts = summarise(result)
    failed = {kind: sum(reasons.values()) for kind, reasons in counts["failed"].items()}
    by_reason = Counter(counts["failed"]["titles"]) + Counter(counts["failed"]["thumbnails"])
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(by_reason.items())) or "no title at all"
    if not counts["thumbnails"]:
        raise InputError(f"{result.source} gave no picture ({reasons}); nothing was changed, see crawl in params.yaml")
    for kind, count in failed.items() if result.retryable else ():
        if count > max_failed_share * (count + counts[kind]):
            raise InputError(
                f"{count} of {count + counts[kind]} {kind} failed ({reasons}), more than crawl.max_failed_share "
                f"{max_failed_share:g}; nothing was changed, and the next run resumes"
            )


def update(max_failed_share: float, collect: Callable[[Store], CrawlResult]) -> None:
    """Bring data/raw up to date with what `collect` returns."""
    with exclusive_lock(paths.RAW):
        store = Store(paths.RAW)
        result = collect(store)
        try:
            check(result, max_failed_share)
        except InputError:
            journal.delete_refusals(store.staged / JOURNAL)
            raise
        store.commit(result)
        write_json(paths.metrics("crawl"), summarise(result))


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Bring data/raw up to date with the source that params name."""
    if context.invoked_subcommand is None:
        crawl = read(Params).crawl
        update(crawl.max_failed_share, lambda store: collect(crawl, store))


@app.command()
def status() -> None:
    """Report the data on disk, and the staged data of a crawl that is running or was killed."""
    typer.echo(report(Store(paths.RAW), running=is_locked(paths.RAW)))


if __name__ == "__main__":
    run(app, "crawl")
