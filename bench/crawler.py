"""The measured crawl: the complete stage into a folder, against a running site; a separate process, because Twisted crawls once.

It also logs each answer to a file: some microseconds of the milliseconds that an answer takes.
"""

from contextlib import chdir
from pathlib import Path
from typing import TextIO

import typer

from bench import gauge
from stages import crawl
from webtoon_genre.core.params import read
from webtoon_genre.crawl import http
from webtoon_genre.crawl.naver import site
from webtoon_genre.demo_site.census import THUMBNAILS


def main(proxy: str, server: int, scale: float, concurrency: int, folder: Path, log: Path) -> None:
    """Crawl the demo site at `proxy` into `folder`, otherwise as params.yaml says; `server` is the site's process."""
    params = read(crawl.Params).crawl.model_copy(update={"concurrency": concurrency})
    demo = site.demo(proxy, params.demo.seed, scale, 0.0)
    with log.open("w", buffering=1, encoding="utf-8") as answers, gauge.measured(server):
        log_answers(answers)
        with chdir(folder):
            crawl.update(
                params.max_failed_share,
                lambda store: site.crawl(demo, ["genre"], list(THUMBNAILS), "user", params, store),
            )


def log_answers(answers: TextIO) -> None:
    """Log each answer that the crawl receives."""
    fetch = http.Client.fetch

    async def fetch_and_log(client: http.Client, url: str, max_bytes: int) -> bytes:
        body = await fetch(client, url, max_bytes)
        gauge.log_answer(answers, url, body)
        return body

    http.Client.fetch = fetch_and_log  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    typer.run(main)
