"""Random numbers that depend on a key alone: equal on every machine and every version of Python and numpy; no global state.

`random.Random(int).random()` is the one stream that Python promises to keep, so every method is derived from it.
"""

import random
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def digest(*key: object) -> str:
    """Return 32 hexadecimal digits that identify the key."""
    return blake2b("/".join(map(str, key)).encode(), digest_size=16).hexdigest()


class SeededRandom:
    """A random generator seeded by a key: `SeededRandom(2022, "title", 7)` always gives the same numbers."""

    def __init__(self, *key: object):
        self.random = random.Random(int(digest(*key), 16)).random

    def uniform(self, low: float, high: float) -> float:
        """Sample uniformly from [low, high)."""
        return low + (high - low) * self.random()

    def integer(self, low: int, high: int) -> int:
        """Sample uniformly from low..high, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.random() < probability

    def choice(self, items: Sequence[T]) -> T:
        """Choose one of `items`."""
        return items[int(self.random() * len(items))]

    def weighted_choice(self, weights: Mapping[T, float]) -> T:
        """Choose one of the keys by its weight, in the order of the mapping."""
        remaining = self.random() * sum(weights.values())
        *others, last = weights
        for item in others:
            remaining -= weights[item]
            if remaining < 0:
                return item
        return last
