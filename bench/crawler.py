"""The measured crawl: the whole stage into a folder, against a site that serves already; a process of its own (Twisted's rule).

Beside what the stage does, each answer is noted in a file: some microseconds of the milliseconds that one takes.
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
    """Crawl the embedded site at `proxy`, whose process is `server`, into `folder`, as params.yaml says otherwise."""
    params = read(crawl.Params).crawl.model_copy(update={"concurrency": concurrency})
    demo = site.demo(proxy, params.demo.seed, scale, 0.0)
    with log.open("w", buffering=1, encoding="utf-8") as answers, gauge.measured(server):
        tell(answers)
        with chdir(folder):
            crawl.update(
                params.max_failed_share,
                lambda store: site.crawl(demo, ["genre"], list(THUMBNAILS), "user", params, store),
            )


def tell(answers: TextIO) -> None:
    """Have each answer noted that the crawl is given."""
    ask = http.Client.ask

    async def telling(client: http.Client, url: str, max_bytes: int) -> bytes:
        body = await ask(client, url, max_bytes)
        gauge.note(answers, url, body)
        return body

    http.Client.ask = telling  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    typer.run(main)
