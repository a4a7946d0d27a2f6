"""Requests of the service share batches: pictures that wait together pass the model together; a full queue refuses more."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Full(Exception):  # noqa: N818  (a state, not a mistake)
    """Too many pictures wait already."""


@dataclass
class Waiting(Generic[In, Out]):
    """A picture and the future of its result."""

    item: In
    future: "asyncio.Future[Out]"


class Batcher(Generic[In, Out]):
    """Runs `work` on batches in one thread; `work` maps a list to as many results. most: items in a batch. room: items that may wait."""

    def __init__(self, work: Callable[[list[In]], Sequence[Out]], most: int, room: int):
        self.work, self.most, self.room = work, most, room
        self._queue: deque[Waiting[In, Out]] = deque()
        self._running: list[Waiting[In, Out]] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Items that no batch has taken yet."""
        return len(self._queue)

    def start(self) -> None:
        """Begin to take items."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Answer what waits, then end."""
        while self._queue or any(not waiting.future.done() for waiting in self._running):
            await asyncio.sleep(0.01)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def run(self, items: Sequence[In]) -> list[Out]:
        """The results of `items`, in order; Full where they do not fit into the queue."""
        if len(self._queue) + len(items) > self.room:
            raise Full
        loop = asyncio.get_running_loop()
        entries = [Waiting[In, Out](item, loop.create_future()) for item in items]
        self._queue.extend(entries)
        self._arrived.set()
        return list(await asyncio.gather(*(entry.future for entry in entries)))

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            batch = [self._queue.popleft() for _ in range(min(self.most, len(self._queue)))]
            if not self._queue:
                self._arrived.clear()
            self._running = [entry for entry in batch if not entry.future.cancelled()]  # of others the client has gone
            if self._running:
                await self._answer(self._running)
                self._running = []

    async def _answer(self, batch: list[Waiting[In, Out]]) -> None:
        work = asyncio.to_thread(self.work, [entry.item for entry in batch])
        (results,) = await asyncio.gather(work, return_exceptions=True)
        if isinstance(results, BaseException):
            for entry in batch:
                if not entry.future.done():
                    entry.future.set_exception(results)
            return
        for entry, result in zip(batch, results, strict=True):
            if not entry.future.done():
                entry.future.set_result(result)
