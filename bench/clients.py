"""Measurements of both clients, one after the other: each runs as a separate process and is sampled from here."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psutil
import typer

from bench.servers import Server
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.progress import INTERVAL
from webtoon_genre.demo_site.answers import IMAGES

CRAWL, BARE = "crawl", "aiohttp"
SAMPLE = 0.25  # seconds between two samples of a client
MIB = 2**20


@dataclass(frozen=True)
class Plan:
    """The parameters of a benchmark."""

    seed: int
    scale: float
    concurrency: int
    rounds: int


@dataclass(frozen=True)
class Measurement:
    """One run of one client."""

    served: str
    turn: int
    client: str
    samples: Sequence[tuple[int, int]]  # thumbnails so far, RSS in bytes; over the run
    costs: dict[str, float]  # gauge.clocks
    peak: int  # bytes

    @property
    def images(self) -> int:
        """Thumbnails in all."""
        return self.samples[-1][0]

    def rss(self, share: float) -> int:
        """Return the RSS in bytes when `share` of the thumbnails had arrived; with 1.0, at the end."""
        if share == 1:
            return self.samples[-1][1]
        return next(rss for images, rss in self.samples if images >= share * self.images)


def run(
    plan: Plan, served: str, serving: Callable[[], AbstractContextManager[Server]], work: Path
) -> Iterator[Measurement]:
    """Run all rounds of both clients; their order alternates."""
    for turn in range(1, plan.rounds + 1):
        for client in (CRAWL, BARE) if turn % 2 else (BARE, CRAWL):
            with serving() as server:
                yield measure(plan, served, turn, client, server, work)
        check(work)


def measure(plan: Plan, served: str, turn: int, client: str, server: Server, work: Path) -> Measurement:
    """Run one client against `server`, which keeps running."""
    log, errors = work / f"{client}.log", work / "errors.log"
    log.write_bytes(b"")
    with tempfile.TemporaryDirectory(dir=work) as folder, errors.open("w") as stderr:
        command = [sys.executable, "-m", *arguments(plan, client, server, Path(folder), work)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            samples = list(watch(process, log, f"{served}, round {turn}, {client}"))
        finally:
            process.kill()
            output, _ = process.communicate()
    if process.returncode:
        lines = errors.read_text(encoding="utf-8").strip().splitlines() or ["without an error message"]
        raise InputError(f"{client} ended with {process.returncode}: {lines[-1]}")
    return Measurement(served, turn, client, samples, **json.loads(output))


def arguments(plan: Plan, client: str, server: Server, folder: Path, work: Path) -> list[str]:
    """Return a client's module and its arguments."""
    log = f"{work / client}.log"
    if client == BARE:
        return ["bench.bare", server.proxy, str(server.pid), str(plan.concurrency), f"{work / CRAWL}.log", log]
    numbers = [str(server.pid), str(plan.scale), str(plan.concurrency)]
    return ["bench.crawler", server.proxy, *numbers, str(folder), log]


def watch(process: subprocess.Popen[str], log: Path, name: str) -> Iterator[tuple[int, int]]:
    """Yield the thumbnails so far and the RSS in bytes until the process ends; print progress now and then."""
    client, images, rss = psutil.Process(process.pid), 0, 0
    start = last_line = time.monotonic()
    with log.open(encoding="utf-8") as answers:
        while True:
            ended = process.poll() is not None
            rss = resident_bytes(client) or rss  # a process that has ended uses no memory
            images += count_thumbnails(answers)
            yield images, rss
            if ended:
                return
            if time.monotonic() - last_line >= INTERVAL:
                last_line = time.monotonic()
                print_progress(f"{name}: {images:,} thumbnails in {last_line - start:.0f} s, {rss / MIB:.0f} MiB")
            time.sleep(SAMPLE)


def resident_bytes(process: psutil.Process) -> int:
    """Return the RSS in bytes, 0 where the process has ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def count_thumbnails(answers: TextIO) -> int:
    """Count the thumbnails in the log since the last call."""
    return answers.read().count(f" {IMAGES}/")


def check(work: Path) -> None:
    """Refuse to compare two clients that received different answers."""
    crawl, bare = (sorted((work / f"{client}.log").read_text().splitlines()) for client in (CRAWL, BARE))
    if crawl != bare:
        differences = sorted(set(crawl) ^ set(bare)) or ["a repeated one"]
        raise InputError(
            f"the crawl and the loop received different answers: {len(differences)}, the first is {differences[0]}"
        )
    print_progress(
        f"both received the same {len(bare):,} answers, {sum(int(line.split()[0]) for line in bare):,} bytes"
    )


def print_progress(line: str) -> None:
    """Print a line of progress."""
    typer.echo(f"bench: {line}", err=True)
