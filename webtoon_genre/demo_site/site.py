"""The demo site in a separate process for the duration of a `with` block."""

import asyncio
import multiprocessing
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import date
from multiprocessing.connection import Connection

from aiohttp import web

from webtoon_genre.demo_site.server import application
from webtoon_genre.demo_site.world import World

LOOPBACK = "127.0.0.1"
START_TIMEOUT = 60.0  # seconds until a busy machine has started it
STOP_TIMEOUT = 10.0


@contextmanager
def start_site(seed: int, scale: float, as_of: date, mislabelled: float = 0.0) -> Iterator[str]:
    """Serve a world on a free port of loopback and yield "http://127.0.0.1:PORT", which is also the proxy for a spider.

    The process ends with the block, and when its parent process dies.
    """
    context = multiprocessing.get_context("spawn")  # a fork copies the threads and locks of the caller
    parent_end, child_end = context.Pipe()
    process = context.Process(
        target=serve_process, args=(child_end, seed, scale, as_of, mislabelled), daemon=True, name="demo-site"
    )
    process.start()
    child_end.close()
    try:
        yield wait_for_address(parent_end)
    finally:
        parent_end.close()
        process.join(STOP_TIMEOUT)
        if process.is_alive():
            process.kill()
            process.join()


def wait_for_address(pipe: Connection) -> str:
    """Wait until the new process answers, and return its address."""
    if not pipe.poll(START_TIMEOUT):
        raise RuntimeError(f"the demo site did not start within {START_TIMEOUT:.0f} s")
    try:
        return f"http://{LOOPBACK}:{pipe.recv()}"
    except EOFError:
        raise RuntimeError("the demo site ended before it answered; see its error above") from None


def serve_process(pipe: Connection, seed: int, scale: float, as_of: date, mislabelled: float) -> None:
    """Serve in the new process until the parent closes its end of the pipe or dies."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes of the group; the parent decides when to end
    with open_listener(0) as listener:
        asyncio.run(serve(World(seed, scale, as_of, mislabelled), listener, pipe))


def open_listener(port: int) -> socket.socket:
    """Open a listening socket on loopback; port 0 takes a free port."""
    return socket.create_server((LOOPBACK, port))


async def serve(world: World, listener: socket.socket, pipe: Connection) -> None:
    """Answer on `listener`, send the port through `pipe`, and return when the other end of the pipe is closed."""
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), closed.set)
    async with start_server(world, listener):
        with suppress(BrokenPipeError):  # the parent is already dead
            pipe.send(listener.getsockname()[1])
            await closed.wait()
    asyncio.get_running_loop().remove_reader(pipe.fileno())


async def serve_forever(world: World, listener: socket.socket) -> None:
    """Answer on `listener` until Ctrl-C."""
    async with start_server(world, listener):
        await asyncio.Event().wait()


@asynccontextmanager
async def start_server(world: World, listener: socket.socket) -> AsyncIterator[None]:
    """Start a server that answers on `listener` for the duration of the block."""
    runner = web.AppRunner(application(world), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, shutdown_timeout=0.5).start()
        yield
    finally:
        await runner.cleanup()
