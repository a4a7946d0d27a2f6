"""The embedded site as a process of its own, for as long as a `with` block lasts."""

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
START = 60.0  # seconds that a busy machine may take to start it
STOP = 10.0


@contextmanager
def running(seed: int, scale: float, as_of: date, mislabelled: float = 0.0) -> Iterator[str]:
    """Serve that world on a free port of loopback and yield "http://127.0.0.1:PORT", which is also the proxy to name to a spider.

    The process ends with the block, and by itself when the one that started it dies.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy the caller's threads and locks
    ours, theirs = context.Pipe()
    process = context.Process(
        target=host, args=(theirs, seed, scale, as_of, mislabelled), daemon=True, name="demo-site"
    )
    process.start()
    theirs.close()
    try:
        yield address(ours)
    finally:
        ours.close()
        process.join(STOP)
        if process.is_alive():
            process.kill()
            process.join()


def address(pipe: Connection) -> str:
    """Wait until the new process answers, and return where."""
    if not pipe.poll(START):
        raise RuntimeError(f"the embedded site did not start within {START:.0f} s")
    try:
        return f"http://{LOOPBACK}:{pipe.recv()}"
    except EOFError:
        raise RuntimeError("the embedded site ended before it answered; its own error stands above") from None


def host(pipe: Connection, seed: int, scale: float, as_of: date, mislabelled: float) -> None:
    """The new process: serve until the other end of the pipe is closed, by the block's end or by its owner's death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the owner decides when to end
    with listening(0) as listener:
        asyncio.run(serve(World(seed, scale, as_of, mislabelled), listener, pipe))


def listening(port: int) -> socket.socket:
    """A listening socket on loopback; port 0 takes a free one."""
    return socket.create_server((LOOPBACK, port))


async def serve(world: World, listener: socket.socket, pipe: Connection) -> None:
    """Answer on `listener`, tell `pipe` the port, and return when its other end is closed."""
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), closed.set)
    async with answering(world, listener):
        with suppress(BrokenPipeError):  # an owner that is gone already needs no answer
            pipe.send(listener.getsockname()[1])
            await closed.wait()
    asyncio.get_running_loop().remove_reader(pipe.fileno())


async def forever(world: World, listener: socket.socket) -> None:
    """Answer on `listener` until Ctrl-C."""
    async with answering(world, listener):
        await asyncio.Event().wait()


@asynccontextmanager
async def answering(world: World, listener: socket.socket) -> AsyncIterator[None]:
    """The site, answering on `listener`."""
    runner = web.AppRunner(application(world), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, shutdown_timeout=0.5).start()
        yield
    finally:
        await runner.cleanup()
