"""Clothes of a figure with a large head: one function per garment, drawn over the torso. The unit is half the height of the head."""

from collections.abc import Callable
from dataclasses import dataclass

from webtoon_genre.demo_site.art.canvas import Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, dim, mix
from webtoon_genre.demo_site.art.geometry import Point, Points, oval, smooth


@dataclass(frozen=True, slots=True)
class Torso:
    """The torso that a garment is drawn on: its position, its colours, its line, half the width of its shoulders."""

    canvas: Canvas
    at: Callable[[Points], list[Point]]
    cloth: Colour
    trim: Colour
    skin: Colour
    ink: Colour
    line: float
    broad: float
    number: int

    def shape(self, points: Points, colour: Colour) -> None:
        """Draw a part with its outline."""
        self.canvas.shape(self.at(points), colour, self.ink, self.line * 0.9)

    def patch(self, points: Points, colour: Colour) -> None:
        """Draw a part without an outline."""
        self.canvas.fill(self.at(points), colour)

    def seam(self, points: Points, width: float = 0.8) -> None:
        """Draw a line."""
        self.canvas.stroke(self.at(points), self.ink, self.line * width)


def shirt(torso: Torso) -> None:
    """Draw a pointed collar and buttons."""
    torso.patch([(-0.32, 1.1), (0.32, 1.1), (0.0, 1.72)], torso.skin)
    for side in (-1, 1):
        collar = [(side * 0.3, 1.04), (side * 0.74, 1.34), (side * 0.38, 1.8), (0.0, 1.68)]
        torso.shape(collar, mix(torso.cloth, WHITE, 0.4))
    torso.seam([(0.0, 1.7), (0.04, 4.4)], 0.7)


def hood(torso: Torso) -> None:
    """Draw a lowered hood with strings."""
    torso.shape(
        smooth([(-0.95, 1.35), (-0.5, 1.0), (0.0, 1.45), (0.5, 1.0), (0.95, 1.35), (0.5, 1.85), (-0.5, 1.85)], 1),
        dim(torso.cloth, 0.85),
    )
    for side in (-0.2, 0.2):
        torso.canvas.stroke(torso.at([(side, 1.75), (side * 1.2, 2.5)]), torso.trim, torso.line * 1.2)


def stripe(torso: Torso) -> None:
    """Draw a round neck and stripes."""
    torso.patch(smooth([(-0.4, 1.1), (0.4, 1.1), (0.25, 1.5), (-0.25, 1.5)], 1), torso.skin)
    for level in (1.95, 2.55, 3.15):
        reach = torso.broad + 0.1
        torso.patch(
            [
                (-reach, level),
                (0.0, level + 0.12),
                (reach, level),
                (reach, level + 0.26),
                (0.0, level + 0.38),
                (-reach, level + 0.26),
            ],
            torso.trim,
        )


def apron(torso: Torso) -> None:
    """Draw a bib with straps."""
    torso.shape([(-0.7, 2.0), (0.7, 2.0), (0.9, 4.5), (-0.9, 4.5)], mix(torso.trim, WHITE, 0.5))
    for side in (-1, 1):
        torso.canvas.stroke(
            torso.at([(side * 0.65, 2.0), (side * 0.5, 1.3)]), mix(torso.trim, WHITE, 0.5), torso.line * 2
        )


def suit(torso: Torso) -> None:
    """Draw lapels, a white shirt and a tie."""
    torso.patch([(-0.45, 1.15), (0.45, 1.15), (0.0, 3.2)], mix(WHITE, torso.skin, 0.12))
    torso.shape([(-0.1, 1.45), (0.1, 1.45), (0.2, 2.6), (0.0, 2.9), (-0.2, 2.6)], torso.trim)
    for side in (-1, 1):
        lapel = [(side * 0.38, 1.1), (side * 0.85, 1.55), (side * 0.62, 1.8), (side * 0.72, 1.95), (0.0, 3.3)]
        torso.shape(lapel, dim(torso.cloth, 0.82))


def jacket(torso: Torso) -> None:
    """Draw an open jacket with a high collar over a dark shirt."""
    torso.patch([(-0.6, 1.2), (0.6, 1.2), (0.45, 4.5), (-0.45, 4.5)], dim(torso.trim, 0.5))
    for side in (-1, 1):
        torso.shape(
            [(side * 0.34, 0.85), (side * 0.8, 1.0), (side * 0.9, 1.6), (side * 0.42, 1.75)], dim(torso.cloth, 0.8)
        )
        torso.seam([(side * 0.45, 1.7), (side * 0.5, 4.5)], 1.2)


def armour(torso: Torso) -> None:
    """Draw a breastplate, a gorget, round pauldrons."""
    torso.shape(
        [(-0.5, 0.95), (0.5, 0.95), (0.75, 1.5), (0.0, 1.75), (-0.75, 1.5)], mix(torso.cloth, (170, 165, 160), 0.6)
    )
    for side in (-1, 1):
        metal = mix(torso.cloth, (200, 195, 190), 0.55)
        torso.shape(oval(side * torso.broad, 1.85, 0.62, 0.55), metal)
        torso.shape(oval(side * torso.broad, 1.78, 0.36, 0.3), mix(metal, WHITE, 0.45))
    torso.seam([(0.0, 1.75), (0.0, 4.4)])
    torso.patch(oval(0.0, 2.2, 0.14, 0.2, 60), torso.trim)


def cloak(torso: Torso) -> None:
    """Draw a cloak with a high collar and a stone as its clasp."""
    for side in (-1, 1):
        torso.shape(
            smooth(
                [
                    (side * 0.3, 1.2),
                    (side * 0.75, 0.35),
                    (side * 1.05, 1.2),
                    (side * (torso.broad + 0.25), 1.7),
                    (side * 0.9, 4.5),
                    (side * 0.2, 2.2),
                ],
                1,
            ),
            dim(torso.cloth, 0.72),
        )
    torso.shape([(0.0, 1.45), (0.2, 1.7), (0.0, 1.98), (-0.2, 1.7)], torso.trim)


def noble(torso: Torso) -> None:
    """Draw a court dress: a jabot, epaulettes, gold braid."""
    gold = mix(torso.trim, (90, 190, 235), 0.6)
    torso.shape(
        smooth([(-0.4, 1.05), (0.4, 1.05), (0.3, 1.7), (0.45, 2.2), (0.0, 2.5), (-0.45, 2.2), (-0.3, 1.7)], 1),
        (245, 245, 250),
    )
    for side in (-1, 1):
        torso.shape(oval(side * (torso.broad - 0.1), 1.62, 0.45, 0.2), gold)
        torso.canvas.stroke(torso.at([(side * 0.62, 1.3), (side * 0.7, 4.4)]), gold, torso.line * 1.5)


def dress(torso: Torso) -> None:
    """Draw bare shoulders, a ruffle, a ribbon."""
    torso.patch(
        smooth([(-torso.broad, 1.6), (-0.4, 1.1), (0.4, 1.1), (torso.broad, 1.6), (0.8, 2.3), (-0.8, 2.3)], 1),
        torso.skin,
    )
    ruffle = [
        (-torso.broad - 0.1, 2.2),
        (-0.9, 2.0),
        (-0.5, 2.25),
        (0.0, 2.05),
        (0.5, 2.25),
        (0.9, 2.0),
        (torso.broad + 0.1, 2.2),
        (0.9, 2.7),
        (-0.9, 2.7),
    ]
    torso.shape(smooth(ruffle, 1), mix(torso.cloth, WHITE, 0.5))
    torso.canvas.stroke(torso.at([(-0.3, 1.2), (0.0, 1.32), (0.3, 1.2)]), torso.trim, torso.line * 1.5)


def robe(torso: Torso) -> None:
    """Draw crossed collars and a sash."""
    torso.patch([(-0.4, 1.05), (0.4, 1.05), (0.05, 1.95)], torso.skin)
    pale = mix(torso.trim, WHITE, 0.45)
    torso.shape([(0.28, 1.0), (0.62, 1.2), (-0.5, 3.3), (-0.85, 3.1)], pale)
    torso.shape([(-0.28, 1.0), (-0.62, 1.2), (0.5, 3.3), (0.85, 3.1)], pale)
    torso.shape(
        [(-torso.broad, 3.3), (torso.broad, 3.3), (torso.broad, 3.9), (-torso.broad, 3.9)], dim(torso.trim, 0.6)
    )


def jersey(torso: Torso) -> None:
    """Draw a sports shirt: a V neck, coloured sleeves, a number."""
    torso.patch([(-0.4, 1.05), (0.4, 1.05), (0.0, 1.7)], torso.skin)
    torso.canvas.stroke(torso.at([(-0.44, 1.08), (0.0, 1.76), (0.44, 1.08)]), torso.trim, torso.line * 2)
    for side in (-1, 1):
        torso.shape(
            [
                (side * (torso.broad - 0.35), 1.45),
                (side * (torso.broad + 0.1), 1.65),
                (side * (torso.broad + 0.3), 3.0),
                (side * (torso.broad - 0.15), 2.9),
            ],
            torso.trim,
        )
    for position, digit in enumerate(str(torso.number)):
        left = -0.5 * len(str(torso.number)) * 0.5 + 0.5 * position
        torso.canvas.strokes(
            [torso.at(stroke) for stroke in numeral(int(digit), left, 2.0)],
            mix(torso.trim, WHITE, 0.2),
            torso.line * 1.7,
        )


SEGMENTS = {
    "a": ((0, 0), (1, 0)),
    "b": ((1, 0), (1, 1)),
    "c": ((1, 1), (1, 2)),
    "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)),
    "f": ((0, 0), (0, 1)),
    "g": ((0, 1), (1, 1)),
}
DIGITS = (  # segments of 0..9
    "abcdef",
    "bc",
    "abged",
    "abgcd",
    "fgbc",
    "afgcd",
    "afgedc",
    "abc",
    "abcdefg",
    "abcfgd",
)


def numeral(digit: int, left: float, top: float) -> list[list[tuple[float, float]]]:
    """Return the lines of a digit in seven segments, 0.38 wide and 0.9 high."""
    return [[(left + 0.38 * x, top + 0.45 * y) for x, y in SEGMENTS[segment]] for segment in DIGITS[digit]]


GARMENTS: dict[str, Callable[[Torso], None]] = {
    "shirt": shirt,
    "hood": hood,
    "stripe": stripe,
    "apron": apron,
    "suit": suit,
    "jacket": jacket,
    "armour": armour,
    "cloak": cloak,
    "noble": noble,
    "dress": dress,
    "robe": robe,
    "jersey": jersey,
}
