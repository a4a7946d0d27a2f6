"""The measured crawl: the whole stage into a folder, against a site that serves already; a process of its own (Twisted's rule).

Beside what the stage does, each answer is noted in a file: some microseconds of the milliseconds that one takes.
"""

from functools import partial
from pathlib import Path
from typing import TextIO

import typer

from bench import gauge
from stages import crawl
from stages.lib.params import read
from stages.sources import naver, web


def main(proxy: str, server: int, scale: float, concurrency: int, folder: Path, log: Path) -> None:
    """Crawl the embedded site at `proxy`, whose process is `server`, into `folder`, as params.yaml says otherwise."""
    params = read(crawl.Params).crawl.model_copy(update={"concurrency": concurrency})
    site = naver.demo(proxy, params.demo.seed, scale, 0.0)
    gather = partial(crawl.gather_site, site, params)
    with log.open("w", buffering=1, encoding="utf-8") as answers, gauge.measured(server):
        tell(answers)
        crawl.fill(folder / "raw", folder / "metrics.json", params.max_failed_share, gather)


def tell(answers: TextIO) -> None:
    """Have each answer noted that the crawl is given."""
    ask = web.Client.ask

    async def telling(client: web.Client, url: str, max_bytes: int) -> bytes:
        body = await ask(client, url, max_bytes)
        gauge.note(answers, url, body)
        return body

    web.Client.ask = telling  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    typer.run(main)
