"""Points of shapes, as lists of (x, y) with y down; computed with +, - and × alone, so that they are equal on every machine.

Lists, not arrays: a shape has about a dozen points, for which numpy is slower than Python.
"""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Points = Sequence[Point]
# rounded to 20 bits: the difference between two maths libraries is far smaller
COS = [round(math.cos(math.radians(degree)) * (1 << 20)) / (1 << 20) for degree in range(360)]
SIN = [round(math.sin(math.radians(degree)) * (1 << 20)) / (1 << 20) for degree in range(360)]


def transform(points: Points, x: float, y: float, size: float, turn: int = 0, flip: int = 1) -> list[Point]:
    """Mirror points (flip -1), scale them, rotate them clockwise by integer degrees, and translate them to (x, y)."""
    cos, sin = size * COS[turn % 360], size * SIN[turn % 360]
    along, aside = flip * cos, flip * sin
    return [(px * along - py * sin + x, px * aside + py * cos + y) for px, py in points]


def stretch(points: Points, across: float, down: float = 1.0) -> list[Point]:
    """Scale the two axes separately."""
    return [(x * across, y * down) for x, y in points]


def smooth(points: Points, rounds: int = 2, closed: bool = True) -> list[Point]:
    """Smooth a line by Chaikin's corner cutting; an open line keeps its ends."""
    line = list(points)
    for _ in range(rounds):
        corners: list[Point] = []
        following = [*line[1:], line[0]] if closed else line[1:]
        for (ax, ay), (bx, by) in zip(line, following, strict=False):
            corners.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
            corners.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
        line = corners if closed else [line[0], *corners[1:-1], line[-1]]
    return line


def oval(x: float, y: float, across: float, down: float, step: int = 20, start: int = 0, end: int = 360) -> list[Point]:
    """Return an ellipse or an arc of it, from `start` to `end` degrees clockwise from the right."""
    degrees = range(start, end if end - start == 360 else end + 1, step)
    return [(x + across * COS[degree % 360], y + down * SIN[degree % 360]) for degree in degrees]


def mirror(points: Points) -> list[Point]:
    """Close a right half, listed from top to bottom, with its mirror image."""
    return [*points, *((-x, y) for x, y in reversed(points))]


def ray(x: float, y: float, degree: int, reach: float) -> Point:
    """Return the point at a distance in a direction, in integer degrees clockwise from the right."""
    return x + reach * COS[degree % 360], y + reach * SIN[degree % 360]
