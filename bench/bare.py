"""The loop that the crawl is measured against: aiohttp asks for the same addresses, checks for status 200 and keeps nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import aiohttp
import typer

from bench import gauge
from webtoon_genre.crawl.concurrency import gather
from webtoon_genre.demo_site.answers import API


def main(proxy: str, server: int, concurrency: int, asked: Path, log: Path) -> None:
    """Ask the site at `proxy`, whose process is `server`, for what the log `asked` of a crawl names, in its order."""
    urls = [line.partition(" ")[2] for line in asked.read_text(encoding="utf-8").splitlines()]
    with log.open("w", buffering=1, encoding="utf-8") as answers, gauge.measured(server):
        asyncio.run(fetch(proxy, urls, concurrency, answers))


async def fetch(proxy: str, urls: Sequence[str], concurrency: int, answers: TextIO) -> None:
    """Ask for all `urls`, over at most `concurrency` connections."""
    waiting = iter(urls)
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Referer": f"{API}/"}) as session:
        await gather(take(session, proxy, waiting, answers) for _ in range(concurrency))


async def take(session: aiohttp.ClientSession, proxy: str, waiting: Iterator[str], answers: TextIO) -> None:
    """Ask for one waiting address after the other."""
    for url in waiting:
        async with session.get(url, proxy=proxy) as answer:
            answer.raise_for_status()
            gauge.note(answers, url, await answer.read())


if __name__ == "__main__":
    typer.run(main)
