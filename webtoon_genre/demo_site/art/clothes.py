"""What someone wears below a large head: one function a garment, drawn over a bare torso. The unit is half a head's height."""

from collections.abc import Callable
from dataclasses import dataclass

from webtoon_genre.demo_site.art.canvas import Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, dim, mix
from webtoon_genre.demo_site.art.geometry import Point, Points, oval, smooth


@dataclass(frozen=True, slots=True)
class Fitting:
    """A torso to be dressed: where it is, its colours, its line, half its shoulders' width."""

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
        """A piece with its outline."""
        self.canvas.shape(self.at(points), colour, self.ink, self.line * 0.9)

    def patch(self, points: Points, colour: Colour) -> None:
        """A piece without one."""
        self.canvas.fill(self.at(points), colour)

    def seam(self, points: Points, width: float = 0.8) -> None:
        """A line."""
        self.canvas.stroke(self.at(points), self.ink, self.line * width)


def shirt(fit: Fitting) -> None:
    """A pointed collar and buttons."""
    fit.patch([(-0.32, 1.1), (0.32, 1.1), (0.0, 1.72)], fit.skin)
    for side in (-1, 1):
        collar = [(side * 0.3, 1.04), (side * 0.74, 1.34), (side * 0.38, 1.8), (0.0, 1.68)]
        fit.shape(collar, mix(fit.cloth, WHITE, 0.4))
    fit.seam([(0.0, 1.7), (0.04, 4.4)], 0.7)


def hood(fit: Fitting) -> None:
    """A hood laid back, with strings."""
    fit.shape(
        smooth([(-0.95, 1.35), (-0.5, 1.0), (0.0, 1.45), (0.5, 1.0), (0.95, 1.35), (0.5, 1.85), (-0.5, 1.85)], 1),
        dim(fit.cloth, 0.85),
    )
    for side in (-0.2, 0.2):
        fit.canvas.stroke(fit.at([(side, 1.75), (side * 1.2, 2.5)]), fit.trim, fit.line * 1.2)


def stripe(fit: Fitting) -> None:
    """A round neck and stripes."""
    fit.patch(smooth([(-0.4, 1.1), (0.4, 1.1), (0.25, 1.5), (-0.25, 1.5)], 1), fit.skin)
    for level in (1.95, 2.55, 3.15):
        reach = fit.broad + 0.1
        fit.patch(
            [
                (-reach, level),
                (0.0, level + 0.12),
                (reach, level),
                (reach, level + 0.26),
                (0.0, level + 0.38),
                (-reach, level + 0.26),
            ],
            fit.trim,
        )


def apron(fit: Fitting) -> None:
    """A bib with straps."""
    fit.shape([(-0.7, 2.0), (0.7, 2.0), (0.9, 4.5), (-0.9, 4.5)], mix(fit.trim, WHITE, 0.5))
    for side in (-1, 1):
        fit.canvas.stroke(fit.at([(side * 0.65, 2.0), (side * 0.5, 1.3)]), mix(fit.trim, WHITE, 0.5), fit.line * 2)


def suit(fit: Fitting) -> None:
    """Lapels, a white shirt and a tie."""
    fit.patch([(-0.45, 1.15), (0.45, 1.15), (0.0, 3.2)], mix(WHITE, fit.skin, 0.12))
    fit.shape([(-0.1, 1.45), (0.1, 1.45), (0.2, 2.6), (0.0, 2.9), (-0.2, 2.6)], fit.trim)
    for side in (-1, 1):
        lapel = [(side * 0.38, 1.1), (side * 0.85, 1.55), (side * 0.62, 1.8), (side * 0.72, 1.95), (0.0, 3.3)]
        fit.shape(lapel, dim(fit.cloth, 0.82))


def jacket(fit: Fitting) -> None:
    """An open jacket with a high collar over a dark shirt."""
    fit.patch([(-0.6, 1.2), (0.6, 1.2), (0.45, 4.5), (-0.45, 4.5)], dim(fit.trim, 0.5))
    for side in (-1, 1):
        fit.shape([(side * 0.34, 0.85), (side * 0.8, 1.0), (side * 0.9, 1.6), (side * 0.42, 1.75)], dim(fit.cloth, 0.8))
        fit.seam([(side * 0.45, 1.7), (side * 0.5, 4.5)], 1.2)


def armour(fit: Fitting) -> None:
    """A breastplate, a gorget, round pauldrons."""
    fit.shape([(-0.5, 0.95), (0.5, 0.95), (0.75, 1.5), (0.0, 1.75), (-0.75, 1.5)], mix(fit.cloth, (170, 165, 160), 0.6))
    for side in (-1, 1):
        metal = mix(fit.cloth, (200, 195, 190), 0.55)
        fit.shape(oval(side * fit.broad, 1.85, 0.62, 0.55), metal)
        fit.shape(oval(side * fit.broad, 1.78, 0.36, 0.3), mix(metal, WHITE, 0.45))
    fit.seam([(0.0, 1.75), (0.0, 4.4)])
    fit.patch(oval(0.0, 2.2, 0.14, 0.2, 60), fit.trim)


def cloak(fit: Fitting) -> None:
    """A cloak with a high collar, clasped by a stone."""
    for side in (-1, 1):
        fit.shape(
            smooth(
                [
                    (side * 0.3, 1.2),
                    (side * 0.75, 0.35),
                    (side * 1.05, 1.2),
                    (side * (fit.broad + 0.25), 1.7),
                    (side * 0.9, 4.5),
                    (side * 0.2, 2.2),
                ],
                1,
            ),
            dim(fit.cloth, 0.72),
        )
    fit.shape([(0.0, 1.45), (0.2, 1.7), (0.0, 1.98), (-0.2, 1.7)], fit.trim)


def noble(fit: Fitting) -> None:
    """A court dress: a jabot, epaulettes, gold braid."""
    gold = mix(fit.trim, (90, 190, 235), 0.6)
    fit.shape(
        smooth([(-0.4, 1.05), (0.4, 1.05), (0.3, 1.7), (0.45, 2.2), (0.0, 2.5), (-0.45, 2.2), (-0.3, 1.7)], 1),
        (245, 245, 250),
    )
    for side in (-1, 1):
        fit.shape(oval(side * (fit.broad - 0.1), 1.62, 0.45, 0.2), gold)
        fit.canvas.stroke(fit.at([(side * 0.62, 1.3), (side * 0.7, 4.4)]), gold, fit.line * 1.5)


def dress(fit: Fitting) -> None:
    """Bare shoulders, a ruffle, a ribbon."""
    fit.patch(
        smooth([(-fit.broad, 1.6), (-0.4, 1.1), (0.4, 1.1), (fit.broad, 1.6), (0.8, 2.3), (-0.8, 2.3)], 1), fit.skin
    )
    ruffle = [
        (-fit.broad - 0.1, 2.2),
        (-0.9, 2.0),
        (-0.5, 2.25),
        (0.0, 2.05),
        (0.5, 2.25),
        (0.9, 2.0),
        (fit.broad + 0.1, 2.2),
        (0.9, 2.7),
        (-0.9, 2.7),
    ]
    fit.shape(smooth(ruffle, 1), mix(fit.cloth, WHITE, 0.5))
    fit.canvas.stroke(fit.at([(-0.3, 1.2), (0.0, 1.32), (0.3, 1.2)]), fit.trim, fit.line * 1.5)


def robe(fit: Fitting) -> None:
    """Crossed collars and a sash."""
    fit.patch([(-0.4, 1.05), (0.4, 1.05), (0.05, 1.95)], fit.skin)
    pale = mix(fit.trim, WHITE, 0.45)
    fit.shape([(0.28, 1.0), (0.62, 1.2), (-0.5, 3.3), (-0.85, 3.1)], pale)
    fit.shape([(-0.28, 1.0), (-0.62, 1.2), (0.5, 3.3), (0.85, 3.1)], pale)
    fit.shape([(-fit.broad, 3.3), (fit.broad, 3.3), (fit.broad, 3.9), (-fit.broad, 3.9)], dim(fit.trim, 0.6))


def jersey(fit: Fitting) -> None:
    """A sports shirt: a V neck, coloured sleeves, a number."""
    fit.patch([(-0.4, 1.05), (0.4, 1.05), (0.0, 1.7)], fit.skin)
    fit.canvas.stroke(fit.at([(-0.44, 1.08), (0.0, 1.76), (0.44, 1.08)]), fit.trim, fit.line * 2)
    for side in (-1, 1):
        fit.shape(
            [
                (side * (fit.broad - 0.35), 1.45),
                (side * (fit.broad + 0.1), 1.65),
                (side * (fit.broad + 0.3), 3.0),
                (side * (fit.broad - 0.15), 2.9),
            ],
            fit.trim,
        )
    for place, digit in enumerate(str(fit.number)):
        left = -0.5 * len(str(fit.number)) * 0.5 + 0.5 * place
        fit.canvas.strokes(
            [fit.at(stroke) for stroke in numeral(int(digit), left, 2.0)], mix(fit.trim, WHITE, 0.2), fit.line * 1.7
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
LIT = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcfgd")


def numeral(digit: int, left: float, top: float) -> list[list[tuple[float, float]]]:
    """A digit of seven segments, 0.38 wide and 0.9 high."""
    return [[(left + 0.38 * x, top + 0.45 * y) for x, y in SEGMENTS[segment]] for segment in LIT[digit]]


GARMENTS: dict[str, Callable[[Fitting], None]] = {
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
