"""Points of shapes, as lists of (x, y) with y down: made of +, - and × alone, so that they are equal on every machine.

Lists, not arrays: shapes have about a dozen points, for which numpy is slower than Python.
"""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Points = Sequence[Point]
# rounded to 20 bits: what two maths libraries differ by is far smaller
COS = [round(math.cos(math.radians(degree)) * (1 << 20)) / (1 << 20) for degree in range(360)]
SIN = [round(math.sin(math.radians(degree)) * (1 << 20)) / (1 << 20) for degree in range(360)]


def place(points: Points, x: float, y: float, size: float, turn: int = 0, flip: int = 1) -> list[Point]:
    """Points mirrored (flip -1), enlarged, turned clockwise by whole degrees, and moved to (x, y)."""
    cos, sin = size * COS[turn % 360], size * SIN[turn % 360]
    along, aside = flip * cos, flip * sin
    return [(px * along - py * sin + x, px * aside + py * cos + y) for px, py in points]


def stretch(points: Points, across: float, down: float = 1.0) -> list[Point]:
    """Points with both axes enlarged."""
    return [(x * across, y * down) for x, y in points]


def smooth(points: Points, rounds: int = 2, closed: bool = True) -> list[Point]:
    """Chaikin's corner cutting; an open line keeps its ends."""
    line = list(points)
    for _ in range(rounds):
        cut: list[Point] = []
        following = [*line[1:], line[0]] if closed else line[1:]
        for (ax, ay), (bx, by) in zip(line, following, strict=False):
            cut.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
            cut.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
        line = cut if closed else [line[0], *cut[1:-1], line[-1]]
    return line


def oval(x: float, y: float, across: float, down: float, step: int = 20, start: int = 0, end: int = 360) -> list[Point]:
    """An ellipse or, from `start` to `end` degrees clockwise from the right, an arc of it."""
    degrees = range(start, end if end - start == 360 else end + 1, step)
    return [(x + across * COS[degree % 360], y + down * SIN[degree % 360]) for degree in degrees]


def mirrored(points: Points) -> list[Point]:
    """A right half, from top to bottom, closed by its mirror image."""
    return [*points, *((-x, y) for x, y in reversed(points))]


def ray(x: float, y: float, degree: int, reach: float) -> Point:
    """The point at a distance in a direction, in whole degrees clockwise from the right."""
    return x + reach * COS[degree % 360], y + reach * SIN[degree % 360]
