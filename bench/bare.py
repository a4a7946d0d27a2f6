"""The baseline loop of the crawl benchmark: aiohttp requests the same addresses, checks for status 200 and stores nothing."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import aiohttp
import typer

from bench import gauge
from webtoon_genre.demo_site.answers import API


def main(proxy: str, server: int, concurrency: int, crawl_log: Path, log: Path) -> None:
    """Request all addresses of a crawl's log, in its order, from the site at `proxy`; `server` is the site's process."""
    urls = [line.partition(" ")[2] for line in crawl_log.read_text(encoding="utf-8").splitlines()]
    with log.open("w", buffering=1, encoding="utf-8") as answers, gauge.measured(server):
        asyncio.run(fetch(proxy, urls, concurrency, answers))


async def fetch(proxy: str, urls: Sequence[str], concurrency: int, answers: TextIO) -> None:
    """Request all `urls` over at most `concurrency` connections."""
    queue = iter(urls)
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers={"Referer": f"{API}/"}) as session:
        # asyncio's own gather: that of webtoon_genre/crawl/http.py would load Scrapy into the baseline's memory
        await asyncio.gather(*(fetch_next(session, proxy, queue, answers) for _ in range(concurrency)))


async def fetch_next(session: aiohttp.ClientSession, proxy: str, queue: Iterator[str], answers: TextIO) -> None:
    """Request one address of the queue after the other."""
    for url in queue:
        async with session.get(url, proxy=proxy) as answer:
            answer.raise_for_status()
            gauge.log_answer(answers, url, await answer.read())


if __name__ == "__main__":
    typer.run(main)
