"""Draws that depend on a key alone: the same on every machine, Python and numpy; no global state.

`random.Random(int).random()` is the one stream that Python promises to keep, so everything is made of it.
"""

import random
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")


def digest(*key: object) -> str:
    """32 hexadecimal digits that stand for the key."""
    return blake2b("/".join(map(str, key)).encode(), digest_size=16).hexdigest()


class Dice:
    """Dice loaded by a key: `Dice(2022, "title", 7)` always rolls the same."""

    def __init__(self, *key: object):
        self.unit = random.Random(int(digest(*key), 16)).random

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def integer(self, low: int, high: int) -> int:
        """Uniform in low..high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def choose(self, items: Sequence[T]) -> T:
        """One of `items`."""
        return items[int(self.unit() * len(items))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """One of the keys, by weight (in the mapping's order)."""
        left = self.unit() * sum(weights.values())
        *others, last = weights
        for item in others:
            left -= weights[item]
            if left < 0:
                return item
        return last
