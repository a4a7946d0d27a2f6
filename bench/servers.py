"""The demo site for a measurement: as users run it, or with answers from memory, which isolates the client's cost."""

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
    """The address of a site, and its process."""

    proxy: str
    pid: int


@contextmanager
def rendered(seed: int, scale: float, as_of: date) -> Iterator[Server]:
    """Run the site, which draws each picture on request."""
    with site.start_site(seed, scale, as_of) as proxy:
        [pid] = [child.pid for child in multiprocessing.active_children() if child.name == "demo-site"]
        assert pid is not None
        yield Server(proxy, pid)


@contextmanager
def memory(seed: int, scale: float, as_of: date) -> Iterator[Server]:
    """Run the site with a cache of all its answers; request all of them once before measuring."""
    with patch.object(site, "serve_process", serve_from_memory), rendered(seed, scale, as_of) as caching_server:
        yield caching_server


def serve_from_memory(pipe: Connection, seed: int, scale: float, as_of: date, mislabelled: float) -> None:
    """Run site.serve_process with a caching application."""
    site.application = caching_application
    site.serve_process(pipe, seed, scale, as_of, mislabelled)


def caching_application(world: World) -> web.Application:
    """Return the site's application with a cache before its handlers."""
    cache: dict[tuple[str, str], tuple[bytes, str]] = {}

    @web.middleware
    async def use_cache(request: web.Request, handler: Handler) -> web.StreamResponse:
        key = request.host, request.path_qs
        if key not in cache:
            response = await handler(request)
            assert isinstance(response, web.Response)
            assert isinstance(response.body, bytes)
            cache[key] = response.body, response.content_type
        body, content_type = cache[key]
        return web.Response(body=body, content_type=content_type)

    app = server.application(world)
    app.middlewares.append(use_cache)
    return app
