"""Crawl the server of tests/webtoon_server.py at the proxy given, with the params of the working directory."""

import sys
from pathlib import Path

from webtoon_server import API

from stages import crawl
from stages.lib.command import run
from stages.lib.params import read
from stages.sources.web import Site


def main(proxy: str, name: str = "test") -> None:
    site = Site(name, API, frozenset({"image.test"}), f"{API}/", proxy, delay=0.0)
    params = read(crawl.Params).crawl
    raw, metrics = Path("data/raw"), Path("metrics/crawl.json")
    crawl.fill(raw, metrics, params.max_failed_share, lambda store: crawl.gather_site(site, params, store))


if __name__ == "__main__":
    sys.argv[0] = "crawl"
    run(main, "crawl")
