"""Measure the crawl of the embedded site beside a bare aiohttp loop: images a second, CPU shares, memory over the run.

Reads:  params.yaml (crawl; source, scale, delay and concurrency are this command's own).
Writes: nothing but temporary folders; a table in Markdown on stdout, row by row, and progress on stderr.
bench/README.md tells how to read the table.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench import servers
from bench.clients import BARE, CRAWL, MIB, Part, Plan, measure, run
from stages.crawl import Params
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import read

RENDERED, MEMORY = "rendered", "memory"
WAYS = {RENDERED: [RENDERED], MEMORY: [MEMORY], "both": [RENDERED, MEMORY]}
SHARES = (0.10, 0.25, 0.50, 0.75, 1.0)  # of the thumbnails, at which memory is told
HEADER = (
    "| served | round | client | images | seconds | images/s | client CPU | server CPU | other CPU | "
    + " | ".join(f"RSS at {share:.0%}" for share in SHARES)
    + " | peak RSS |\n|---|--:|---|"
    + "--:|" * (7 + len(SHARES))
)
LEGEND = (
    "seconds: of the wall's clock, from the first line of work to the last, without the interpreter's start. "
    "CPU: CPU seconds of the client, of the server and of everything else on the machine, each over those seconds; "
    "1.00 is one core, and this machine has {cores}. RSS of the client in MiB, when that share of the thumbnails had come."
)


def row(part: Part) -> str:
    """A part as a line of the table."""
    wall, client, server, machine = (part.costs[name] for name in ("wall", "client", "server", "machine"))
    cells = [part.served, str(part.turn), part.client, f"{part.images:,}", f"{wall:,.1f}", f"{part.images / wall:,.1f}"]
    cells += [f"{seconds / wall:.2f}" for seconds in (client, server, max(machine - client - server, 0))]
    cells += [f"{bytes_ / MIB:.0f}" for bytes_ in [*(part.rss(share) for share in SHARES), part.peak]]
    return f"| {' | '.join(cells)} |"


def verdict(served: str, parts: Sequence[Part]) -> str:
    """The ratio of both clients' rates over all rounds, and where the crawl's time went."""
    crawl, bare = ([part for part in parts if part.client == client] for client in (CRAWL, BARE))
    share = total(crawl, "server") / total(crawl, "wall")
    own = [1000 * total(some, "client") / sum(part.images for part in some) for some in (crawl, bare)]
    return (
        f"{served}: the crawl makes {rate(crawl):,.1f} images/s, the bare loop {rate(bare):,.1f}: a ratio of "
        f"{rate(crawl) / rate(bare):.2f}. Of the crawl's time {share:.0%} is the server's CPU time; "
        f"an image costs the crawl {own[0]:.1f} ms of its own CPU time, the loop {own[1]:.1f} ms."
    )


def rate(parts: Sequence[Part]) -> float:
    """Images a second over all of `parts`."""
    return sum(part.images for part in parts) / total(parts, "wall")


def total(parts: Sequence[Part], clock: str) -> float:
    """Seconds of one clock over all of `parts`."""
    return sum(part.costs[clock] for part in parts)


def parts_of(plan: Plan, served: str, work: Path) -> Iterator[Part]:
    """All parts of one way of serving.

    A site that draws is started anew for each, so that no client finds another's work in its caches; one that remembers
    is crawled once before.
    """
    where = plan.seed, plan.scale, read(Params).crawl.as_of
    if served == RENDERED:
        yield from run(plan, served, partial(servers.rendered, *where), work)
        return
    with servers.memory(*where) as server:
        measure(plan, "filling the memory", 0, CRAWL, server, work)
        yield from run(plan, served, lambda: nullcontext(server), work)


def report(plan: Plan, ways: Sequence[str], work: Path) -> None:
    """Measure, and print each row as soon as it is known."""
    typer.echo(HEADER)
    verdicts = []
    for served in ways:
        parts = []
        for part in parts_of(plan, served, work):
            typer.echo(row(part))
            parts.append(part)
        verdicts.append(verdict(served, parts))
    typer.echo("\n" + "\n\n".join([*verdicts, LEGEND.format(cores=os.cpu_count())]))


def main(
    scale: Annotated[float, typer.Option(help="Share of the study's 82,549 thumbnails, at most 1.")] = 0.02,
    concurrency: Annotated[int, typer.Option(help="Connections of each client.")] = 8,
    rounds: Annotated[int, typer.Option(help="How often both clients run, in alternating order.")] = 1,
    served: Annotated[str, typer.Option(help="rendered, memory or both.")] = "both",
) -> None:
    """Measure the crawl of the embedded site beside a bare aiohttp loop."""
    if not 0 < scale <= 1:
        raise InputError(f"--scale is {scale:g}; above 0, at most 1")
    for name, value in (("concurrency", concurrency), ("rounds", rounds)):
        if value < 1:
            raise InputError(f"--{name} is {value}; at least 1")
    if served not in WAYS:
        raise InputError(f"--served is {served!r}; known: {', '.join(WAYS)}")
    plan = Plan(read(Params).crawl.demo.seed, scale, concurrency, rounds)
    with tempfile.TemporaryDirectory(prefix="bench-crawl-") as work:
        report(plan, WAYS[served], Path(work))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    try:
        app(prog_name="python -m bench.crawl")
    except InputError as error:
        sys.exit(f"bench: {error}")
