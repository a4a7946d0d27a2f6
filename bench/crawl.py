"""Measure the crawl of the demo site beside a bare aiohttp loop: images a second, CPU shares, memory over the run.

Reads:  params.yaml (crawl; the command sets source, scale, delay and concurrency).
Writes: temporary folders only; a table in Markdown on stdout, row by row, and progress on stderr.
bench/README.md explains the table.
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
from bench.clients import BARE, CRAWL, MIB, Measurement, Plan, measure, run
from stages.crawl import Params
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import read

RENDERED, MEMORY = "rendered", "memory"
MODES = {RENDERED: [RENDERED], MEMORY: [MEMORY], "both": [RENDERED, MEMORY]}
SHARES = (0.10, 0.25, 0.50, 0.75, 1.0)  # of the thumbnails, at which the table shows memory
HEADER = (
    "| served | round | client | images | seconds | images/s | client CPU | server CPU | other CPU | "
    + " | ".join(f"RSS at {share:.0%}" for share in SHARES)
    + " | peak RSS |\n|---|--:|---|"
    + "--:|" * (7 + len(SHARES))
)
LEGEND = (
    "seconds: wall-clock time from the first line of work to the last, without the interpreter's start. "
    "CPU: CPU seconds of the client, of the server and of everything else on the machine, each over those seconds; "
    "1.00 is one core, and this machine has {cores}. RSS of the client in MiB, when that share of the thumbnails had arrived."
)


def row(result: Measurement) -> str:
    """Format a measurement as a line of the table."""
    wall, client, server, machine = (result.costs[name] for name in ("wall", "client", "server", "machine"))
    columns = [result.served, str(result.turn), result.client, f"{result.images:,}", f"{wall:,.1f}"]
    columns += [f"{result.images / wall:,.1f}"]
    columns += [f"{seconds / wall:.2f}" for seconds in (client, server, max(machine - client - server, 0))]
    columns += [f"{bytes_ / MIB:.0f}" for bytes_ in [*(result.rss(share) for share in SHARES), result.peak]]
    return f"| {' | '.join(columns)} |"


def conclusion(served: str, results: Sequence[Measurement]) -> str:
    """State the ratio of both clients' rates over all rounds, and the costs of the crawl's time."""
    crawl, bare = ([result for result in results if result.client == client] for client in (CRAWL, BARE))
    share = total(crawl, "server") / total(crawl, "wall")
    costs = [1000 * total(runs, "client") / sum(result.images for result in runs) for runs in (crawl, bare)]
    return (
        f"{served}: the crawl makes {rate(crawl):,.1f} images/s, the bare loop {rate(bare):,.1f}: a ratio of "
        f"{rate(crawl) / rate(bare):.2f}. Of the crawl's time {share:.0%} is the server's CPU time; "
        f"an image costs the crawl {costs[0]:.1f} ms of its own CPU time, the loop {costs[1]:.1f} ms."
    )


def rate(results: Sequence[Measurement]) -> float:
    """Return images a second over all of `results`."""
    return sum(result.images for result in results) / total(results, "wall")


def total(results: Sequence[Measurement], clock: str) -> float:
    """Return seconds of one clock over all of `results`."""
    return sum(result.costs[clock] for result in results)


def measurements(plan: Plan, served: str, work: Path) -> Iterator[Measurement]:
    """Measure both clients in one mode of serving.

    A rendering site is started anew for each client, so that no client profits from the caches that another one filled. A site
    that serves from memory is crawled once before.
    """
    world = plan.seed, plan.scale, read(Params).crawl.as_of
    if served == RENDERED:
        yield from run(plan, served, partial(servers.rendered, *world), work)
        return
    with servers.memory(*world) as server:
        measure(plan, "filling the memory", 0, CRAWL, server, work)
        yield from run(plan, served, lambda: nullcontext(server), work)


def report(plan: Plan, modes: Sequence[str], work: Path) -> None:
    """Measure, and print each row as soon as it is complete."""
    typer.echo(HEADER)
    conclusions = []
    for served in modes:
        results = []
        for result in measurements(plan, served, work):
            typer.echo(row(result))
            results.append(result)
        conclusions.append(conclusion(served, results))
    typer.echo("\n" + "\n\n".join([*conclusions, LEGEND.format(cores=os.cpu_count())]))


def main(
    scale: Annotated[float, typer.Option(help="Share of the study's 82,549 thumbnails, at most 1.")] = 0.02,
    concurrency: Annotated[int, typer.Option(help="Connections of each client.")] = 8,
    rounds: Annotated[int, typer.Option(help="Runs of both clients, in alternating order.")] = 1,
    served: Annotated[str, typer.Option(help="rendered, memory or both.")] = "both",
) -> None:
    """Measure the crawl of the demo site beside a bare aiohttp loop."""
    if not 0 < scale <= 1:
        raise InputError(f"--scale is {scale:g}; above 0, at most 1")
    for name, value in (("concurrency", concurrency), ("rounds", rounds)):
        if value < 1:
            raise InputError(f"--{name} is {value}; at least 1")
    if served not in MODES:
        raise InputError(f"--served is {served!r}; known: {', '.join(MODES)}")
    plan = Plan(read(Params).crawl.demo.seed, scale, concurrency, rounds)
    with tempfile.TemporaryDirectory(prefix="bench-crawl-") as work:
        report(plan, MODES[served], Path(work))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(main)
    try:
        app(prog_name="python -m bench.crawl")
    except InputError as error:
        sys.exit(f"bench: {error}")
