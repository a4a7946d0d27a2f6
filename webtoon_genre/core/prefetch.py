"""Reading ahead: the next item is made by a thread while the current one is in use."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def prefetch(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Yield `function` of all items in order, one ahead; two results are in memory at once."""
    with ThreadPoolExecutor(1) as reader:
        pending = None
        for item in items:
            ready, pending = pending, reader.submit(function, item)
            if ready is not None:
                yield ready.result()
        if pending is not None:
            yield pending.result()
