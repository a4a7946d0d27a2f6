"""Both clients, measured one after the other: each a process of its own, looked at from here while it runs."""

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
SAMPLE = 0.25  # seconds between two looks at a client
MIB = 2**20


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    seed: int
    scale: float
    concurrency: int
    rounds: int


@dataclass(frozen=True)
class Part:
    """One client's work, measured."""

    served: str
    turn: int
    client: str
    samples: Sequence[tuple[int, int]]  # thumbnails that had come, RSS in bytes; over the run
    costs: dict[str, float]  # gauge.clocks
    peak: int  # bytes

    @property
    def images(self) -> int:
        """Thumbnails that came."""
        return self.samples[-1][0]

    def rss(self, share: float) -> int:
        """Bytes held when `share` of the thumbnails had come; with 1.0, at the end."""
        if share == 1:
            return self.samples[-1][1]
        return next(rss for images, rss in self.samples if images >= share * self.images)


def run(plan: Plan, served: str, serving: Callable[[], AbstractContextManager[Server]], work: Path) -> Iterator[Part]:
    """All rounds of both clients; the second round begins with the other one."""
    for turn in range(1, plan.rounds + 1):
        for client in (CRAWL, BARE) if turn % 2 else (BARE, CRAWL):
            with serving() as server:
                yield measure(plan, served, turn, client, server, work)
        check(work)


def measure(plan: Plan, served: str, turn: int, client: str, server: Server, work: Path) -> Part:
    """One client against `server`, which is left running."""
    log, errors = work / f"{client}.log", work / "errors.log"
    log.write_bytes(b"")
    with tempfile.TemporaryDirectory(dir=work) as folder, errors.open("w") as stderr:
        command = [sys.executable, "-m", *arguments(plan, client, server, Path(folder), work)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            samples = list(watch(process, log, f"{served}, round {turn}, {client}"))
        finally:
            process.kill()
            told, _ = process.communicate()
    if process.returncode:
        said = errors.read_text(encoding="utf-8").strip().splitlines() or ["it said nothing"]
        raise InputError(f"{client} ended with {process.returncode}: {said[-1]}")
    return Part(served, turn, client, samples, **json.loads(told))


def arguments(plan: Plan, client: str, server: Server, folder: Path, work: Path) -> list[str]:
    """The module of a client, and its arguments."""
    own = f"{work / client}.log"
    if client == BARE:
        return ["bench.bare", server.proxy, str(server.pid), str(plan.concurrency), f"{work / CRAWL}.log", own]
    numbers = [str(server.pid), str(plan.scale), str(plan.concurrency)]
    return ["bench.crawler", server.proxy, *numbers, str(folder), own]


def watch(process: subprocess.Popen[str], log: Path, what: str) -> Iterator[tuple[int, int]]:
    """Thumbnails that have come and RSS in bytes, again and again until the process ends; says so now and then."""
    client, images, rss = psutil.Process(process.pid), 0, 0
    began = spoken = time.monotonic()
    with log.open(encoding="utf-8") as answers:
        while True:
            ended = process.poll() is not None
            rss = held(client) or rss  # a process that has ended holds nothing
            images += thumbnails(answers)
            yield images, rss
            if ended:
                return
            if time.monotonic() - spoken >= INTERVAL:
                spoken = time.monotonic()
                say(f"{what}: {images:,} thumbnails in {spoken - began:.0f} s, {rss / MIB:.0f} MiB")
            time.sleep(SAMPLE)


def held(process: psutil.Process) -> int:
    """RSS in bytes, 0 where the process has ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


def thumbnails(answers: TextIO) -> int:
    """How many thumbnails were noted since the last look."""
    return answers.read().count(f" {IMAGES}/")


def check(work: Path) -> None:
    """Refuse a comparison of two clients that were given different answers."""
    crawled, bare = (sorted((work / f"{client}.log").read_text().splitlines()) for client in (CRAWL, BARE))
    if crawled != bare:
        other = sorted(set(crawled) ^ set(bare)) or ["one of them twice"]
        raise InputError(f"the crawl and the loop were given different answers: {len(other)}, the first is {other[0]}")
    say(f"both were given the same {len(bare):,} answers, {sum(int(line.split()[0]) for line in bare):,} bytes")


def say(line: str) -> None:
    """A line of progress."""
    typer.echo(f"bench: {line}", err=True)
