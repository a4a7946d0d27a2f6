"""Hair as shapes around a head (unit: half its height): hair behind the head, hair over the face, and ornaments."""

from functools import lru_cache

from webtoon_genre.demo_site.art.colour import Colour
from webtoon_genre.demo_site.art.geometry import Point, mirror, oval, smooth, stretch

Shapes = tuple[list[Point], ...]
LONG = [(0.0, -1.15), (0.8, -1.0), (1.22, -0.2), (1.25, 0.9), (1.38, 2.3), (0.7, 2.45)]
FALLS: dict[str, list[Point]] = {  # right halves of the hair behind the head
    "long": LONG,
    "elf": LONG,
    "tied": [(0.0, -1.12), (0.75, -1.0), (1.1, -0.2), (1.12, 1.0), (1.0, 1.9), (0.5, 2.2)],
    "wave": [(0.0, -1.18), (0.9, -1.0), (1.35, -0.1), (1.2, 0.5), (1.6, 1.1), (1.3, 1.6), (1.6, 2.3), (0.6, 2.4)],
    "bob": [(0.0, -1.15), (0.85, -1.0), (1.25, -0.2), (1.3, 0.75), (0.9, 0.95)],
    "curtain": [(0.0, -1.12), (0.8, -1.0), (1.14, -0.2), (1.1, 0.55), (0.8, 0.8)],
}
TAILS: dict[str, list[Point]] = {  # on the side that the face turns away from
    "twin": [(-1.0, -0.55), (-1.5, -0.75), (-1.95, -0.1), (-1.85, 1.0), (-1.5, 1.6), (-1.45, 0.6)],
    "ponytail": [(-0.5, -0.95), (-1.3, -1.05), (-1.75, -0.2), (-1.6, 1.1), (-1.3, 0.2), (-0.9, -0.3)],
    "topknot": [(-0.9, -0.2), (-1.2, 0.6), (-1.15, 1.5), (-0.8, 1.7), (-0.65, 0.6)],
    "hat": [(-0.8, 0.0), (-1.15, 0.6), (-1.1, 1.5), (-0.8, 1.6), (-0.65, 0.6)],
}
SPIKES = [
    (-1.02, 0.1), (-1.42, -0.3), (-1.12, -0.42), (-1.38, -0.95), (-0.9, -0.95), (-0.85, -1.48), (-0.35, -1.2), (0.0, -1.6),
    (0.3, -1.22), (0.85, -1.45), (0.88, -0.98), (1.36, -0.9), (1.1, -0.4), (1.4, -0.2), (1.02, 0.1),
]  # fmt: skip
SWELL = {"buzz": 0.02, "slick": 0.07, "topknot": 0.05, "tied": 0.08, "hat": 0.0, "bowl": 0.2, "wave": 0.2}
TEMPLE = {
    "buzz": -0.35,
    "slick": -0.1,
    "topknot": 0.0,
    "bowl": 0.25,
    "bob": 0.4,
    "hat": 0.0,
}  # the height where the hair starts
BARE = [(0.86, -0.3), (0.66, -0.58), (0.3, -0.7), (0.0, -0.62), (-0.3, -0.7), (-0.66, -0.58), (-0.86, -0.3)]
EDGES: dict[str, list[Point]] = {  # the hairline over the face, from the right temple to the left temple
    "buzz": BARE,
    "slick": BARE,
    "topknot": BARE,
    "hat": BARE,
    "bowl": [(0.92, -0.18), (0.5, -0.22), (0.0, -0.2), (-0.5, -0.22), (-0.92, -0.18)],
    "curtain": [(0.86, 0.1), (0.8, -0.35), (0.25, -0.78), (0.0, -0.55), (-0.3, -0.72), (-0.75, -0.3), (-0.9, 0.15)],
    "bun": [(0.9, -0.1), (0.72, -0.5), (0.2, -0.62), (-0.4, -0.3), (-0.7, -0.12), (-0.94, 0.1)],
}
EDGES |= {"tied": EDGES["curtain"], "elf": EDGES["curtain"], "ponytail": EDGES["bun"], "wave": EDGES["bun"]}
JAGGED = [
    (0.94, -0.1), (0.74, -0.42), (0.6, -0.02), (0.36, -0.46), (0.14, -0.04), (-0.1, -0.48), (-0.36, -0.02), (-0.52, -0.42),
    (-0.76, 0.02), (-0.9, -0.3),
]  # fmt: skip


@lru_cache(maxsize=512)
def back(kind: str, wide: float) -> Shapes:
    """Return the hair behind the shoulders and the face."""
    shapes = [mirror(FALLS[kind])] if kind in FALLS else []
    if kind in TAILS:
        shapes.append(TAILS[kind])
    if kind == "twin":
        shapes.append([(-x, y) for x, y in TAILS[kind]])
    return tuple(smooth(stretch(shape, wide)) for shape in shapes)


@lru_cache(maxsize=512)
def fringe(kind: str, wide: float) -> Shapes:
    """Return the hair on the skull and over the face."""
    outline = [*(SPIKES if kind == "spiky" else crown(kind)), *EDGES.get(kind, JAGGED)]
    shapes = [outline if kind == "spiky" else smooth(outline, 1)]
    if kind in ("long", "wave", "elf", "bob", "tied"):
        reach = 0.8 if kind == "bob" else 1.5
        lock = smooth([(0.82, -0.5), (1.08, -0.4), (1.16, 0.4), (1.0, reach), (0.92, 0.5)], 1)
        shapes += [lock, stretch(lock, -1)]
    return tuple(stretch(shape, wide) for shape in shapes)


def crown(kind: str) -> list[Point]:
    """Return the outer edge of the hair, from the left temple over the top to the right temple."""
    swell, low = SWELL.get(kind, 0.13), TEMPLE.get(kind, 0.1)
    top, side = 1 + swell, 1.02 + swell * 0.6
    return [
        (-1.04, low),
        (-side, -0.45),
        (-0.66, -0.97 * top),
        (0.0, -1.05 * top),
        (0.66, -0.97 * top),
        (side, -0.45),
        (1.04, low),
    ]


def ornaments(kind: str, wide: float, dark: Colour, trim: Colour) -> list[tuple[list[Point], Colour]]:
    """Return knots, bands and hats."""
    if kind == "topknot":
        band = [(-0.22, -1.2), (0.22, -1.2), (0.26, -1.02), (-0.26, -1.02)]
        return [(oval(0.0, -1.42, 0.28 * wide, 0.32, 30), dark), (band, trim)]
    if kind == "bun":
        return [(oval(-0.1, -1.35, 0.42 * wide, 0.36, 30), dark)]
    if kind == "hat":  # a wide hat of straw or felt
        top = smooth([(-0.72, -0.62), (-0.6, -1.5), (0.6, -1.5), (0.72, -0.62)], 1)
        brim = smooth([(-2.0, -0.5), (-0.8, -0.82), (0.8, -0.82), (2.0, -0.5), (0.8, -0.42), (-0.8, -0.42)], 1)
        return [(stretch(top, wide), dark), (stretch(brim, wide), dark)]
    if kind == "tied":
        band = [(-1.06, -0.6), (0.0, -0.82), (1.06, -0.6), (1.06, -0.44), (0.0, -0.64), (-1.06, -0.44)]
        return [(stretch(band, wide), trim)]
    if kind == "elf":
        return [(stretch([(-0.98, 0.0), (-1.75, -0.5), (-1.05, 0.32)], wide), (190, 215, 245))]
    return []
