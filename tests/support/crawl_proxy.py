"""Crawl the server of tests/support/webtoon_server.py with the params of the working directory, through a proxy or directly.

No name is resolved: all names other than loopback are unknown. With the one argument `serve` it runs a crawl for each line of its
stdin, each in a fork: imports take longer than these crawls.
"""

import json
import os
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

from stages import crawl
from tests.support.webtoon_server import API, IMAGES
from webtoon_genre.core.command import run
from webtoon_genre.core.params import read
from webtoon_genre.crawl import throttle as pauses
from webtoon_genre.crawl.http import Site
from webtoon_genre.crawl.naver import lists, site, spider

DIRECTLY = "none"
SERVE = "serve"
LOG = "stderr.txt"


def loopback_only(resolve: Any) -> Any:
    """Wrap `resolve` (of the socket module) so that it resolves loopback addresses only."""

    def resolve_loopback(host: Any, *arguments: Any, **options: Any) -> Any:
        if host in ("127.0.0.1", "::1", "localhost"):
            return resolve(host, *arguments, **options)
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown")

    return resolve_loopback


def main(
    proxy: str,
    name: str = "test",
    api: str = API,
    images: str = IMAGES,
    delay: float = 0.0,
    throttle: float | None = None,
    first_wait: float = pauses.FIRST_WAIT,
    max_pages: int = lists.MAX_PAGES,
) -> None:
    for function in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        setattr(socket, function, loopback_only(getattr(socket, function)))
    pauses.FIRST_WAIT = first_wait
    lists.MAX_PAGES = spider.MAX_PAGES = max_pages
    hosts = frozenset({urlsplit(images).netloc})
    server = Site(name, api, hosts, f"{api}/", None if proxy == DIRECTLY else proxy, delay=delay, throttle=throttle)
    params = read(crawl.Params).crawl
    naver = params.naver
    crawl.update(
        params.max_failed_share,
        lambda store: site.crawl(server, naver.lists, naver.genres, naver.order, params, store),
    )


def serve() -> None:
    """Answer each line (folder, arguments and environment of a crawl, as JSON) with the pid, then with exit code and peak memory."""
    for line in sys.stdin:
        order = json.loads(line)
        if not (pid := os.fork()):
            crawl_in_fork(order["folder"], order["arguments"], order["environment"])
        print(pid, flush=True)  # noqa: T201
        _, status, usage = os.wait4(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024]), flush=True)  # noqa: T201


def crawl_in_fork(folder: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Run one crawl in this process, and exit."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in ((0, os.devnull), (1, os.devnull), (2, LOG)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = ["crawl", *arguments]
    run(main, "crawl")
    sys.exit(0)


if __name__ == "__main__":
    if sys.argv[1:] == [SERVE]:
        serve()
    else:
        sys.argv[0] = "crawl"
        run(main, "crawl")
