"""Lettering that nobody can read: invented signs in speech bubbles, captions and shouts."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, mix
from webtoon_genre.demo_site.art.geometry import Point, Points, oval, place, ray, smooth
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.dice import Dice

PARTS = (
    ((-0.4, -0.4), (0.4, -0.4)),
    ((-0.4, 0.1), (0.4, 0.1)),
    ((-0.4, 0.45), (0.4, 0.45)),
    ((0.3, -0.5), (0.3, 0.5)),
    ((-0.35, -0.4), (-0.35, 0.2)),
    ((0.0, -0.45), (-0.4, 0.2)),
    ((0.0, -0.2), (0.4, 0.3)),
    ((-0.35, -0.4), (-0.35, 0.1), (0.15, 0.1), (0.15, -0.4), (-0.35, -0.4)),
)


def sign(dice: Dice, x: float, y: float, size: float, turn: int = 0) -> list[list[Point]]:
    """The lines of one invented syllable."""
    return [place(dice.choose(PARTS), x, y, size, turn) for _ in range(3)]


def rows(dice: Dice, x: float, y: float, size: float, lines: int, reach: int) -> list[list[Point]]:
    """Lines of text about a point."""
    text = []
    for line in range(lines):
        count = max(2, reach - dice.integer(0, 2))
        for place_ in range(count):
            text += sign(
                dice, x + (place_ - (count - 1) / 2) * size * 1.15, y + (line - (lines - 1) / 2) * size * 1.3, size
            )
    return text


def bubble(canvas: Canvas, style: Style, dice: Dice, left: bool, shout: bool) -> None:
    """A speech bubble in an upper corner, with a tail to the middle; a shout has spikes."""
    across, down = dice.between(21, 30), dice.between(12, 17)
    x = across + dice.between(2, 16)
    x, y = x if left else WIDTH - x, down + dice.between(2, 10)
    line = max(0.8, style.line * 0.8)
    if shout:
        rim: Points = [(x + across * reach * c, y + down * reach * s) for c, s, reach in spikes(dice)]
    else:
        rim = oval(x, y, across, down, 12)
    tip = ray(x, y, 50 if left else 130, down * 1.9)
    tail = [(x - 5, y + down * 0.6), tip, (x + 5, y + down * 0.6)]
    canvas.shape(tail, WHITE, style.ink, line)
    canvas.shape(rim, WHITE, style.ink, line)
    canvas.fill([(x - 4, y + down * 0.5), (x, y + down * 1.05), (x + 4, y + down * 0.5)], WHITE)
    size = 8.5 if shout else 6.2
    canvas.strokes(rows(dice, x, y, size, 1 if shout else 2, 4 if shout else 5), style.ink, 1.5 if shout else 0.6)


def spikes(dice: Dice) -> list[tuple[float, float, float]]:
    """Directions about a bubble and how far it reaches there."""
    unit = oval(0, 0, 1, 1, 15)
    return [(x, y, dice.between(1.15, 1.4) if number % 2 else 0.92) for number, (x, y) in enumerate(unit)]


def caption(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A box of narration in a corner."""
    x, y = dice.choose((34.0, WIDTH - 34.0)), dice.choose((14.0, HEIGHT - 14.0))
    dark = style.light < 0.85
    paper, ink = (style.ink, WHITE) if dark else (mix(WHITE, style.tint, 0.1), style.ink)
    canvas.shape([(x - 30, y - 9), (x + 30, y - 9), (x + 30, y + 9), (x - 30, y + 9)], paper, ink, 0.7)
    canvas.strokes(rows(dice, x, y, 5.4, 2, 8), ink, 0.5)


def lettering(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Two or three large signs of a noise, with a rim."""
    x, y, size = dice.choose((24.0, 170.0)), dice.between(22, 60), dice.between(19, 30)
    lean, colour = dice.integer(-22, 22), sound_colour(style, dice)
    text: list[list[Point]] = []
    for number in range(dice.integer(2, 3)):
        text += sign(dice, x + number * size * 0.25, y + number * size * 0.95, size * (1 - 0.12 * number), lean)
    canvas.strokes(text, WHITE if colour != WHITE else style.ink, 6.5)
    canvas.strokes(text, style.ink, 5)
    canvas.strokes(text, colour, 3.4)


def sound_colour(style: Style, dice: Dice) -> Colour:
    """The colour of a noise."""
    return dice.choose((style.accent, (60, 210, 250), (70, 80, 240), WHITE))


def column(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A column of brushed signs, as on a scroll."""
    x, size = dice.choose((13.0, WIDTH - 13.0)), dice.between(10, 14)
    for number in range(dice.integer(3, 5)):
        canvas.strokes(sign(dice, x, 16 + number * size * 1.25, size), style.ink, 1.6)
        canvas.strokes(sign(dice, x, 16 + number * size * 1.25, size), style.ink, 1.0)


def seal(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A red seal."""
    x, y, size = dice.choose((16.0, WIDTH - 16.0)), HEIGHT - 17.0, dice.between(8, 11)
    canvas.fill(
        smooth([(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)], 1),
        (48, 48, 190),
    )
    canvas.strokes(sign(dice, x, y, size * 1.5) + sign(dice, x, y, size * 1.5), mix(WHITE, (48, 48, 190), 0.1), 1.1)
