"""The embedded site for a measurement: as users run it, or answering from memory, so that the client's own cost shows."""

import multiprocessing
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing.connection import Connection
from unittest.mock import patch

from aiohttp import web

from webtoon_genre.demo_site import server, site
from webtoon_genre.demo_site.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Server:
    """Where a site answers, and its process."""

    proxy: str
    pid: int


@contextmanager
def rendered(seed: int, scale: float, as_of: date) -> Iterator[Server]:
    """The site that draws every picture it is asked for."""
    with site.running(seed, scale, as_of) as proxy:
        [pid] = [child.pid for child in multiprocessing.active_children() if child.name == "demo-site"]
        assert pid is not None
        yield Server(proxy, pid)


@contextmanager
def memory(seed: int, scale: float, as_of: date) -> Iterator[Server]:
    """The site that remembers every answer it gave; ask for all of them once before measuring."""
    with patch.object(site, "host", host), rendered(seed, scale, as_of) as serving:
        yield serving


def host(pipe: Connection, seed: int, scale: float, as_of: date, mislabelled: float) -> None:
    """site.host for a process whose site remembers."""
    site.application = remembering
    site.host(pipe, seed, scale, as_of, mislabelled)


def remembering(world: World) -> web.Application:
    """The site's application with a memory before its handlers."""
    known: dict[tuple[str, str], tuple[bytes, str]] = {}

    @web.middleware
    async def remember(request: web.Request, handler: Handler) -> web.StreamResponse:
        key = request.host, request.path_qs
        if key not in known:
            given = await handler(request)
            assert isinstance(given, web.Response)
            assert isinstance(given.body, bytes)
            known[key] = given.body, given.content_type
        body, kind = known[key]
        return web.Response(body=body, content_type=kind)

    app = server.application(world)
    app.middlewares.append(remember)
    return app
