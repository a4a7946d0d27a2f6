"""Unreadable lettering: invented signs in speech bubbles, captions and sound effects."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, mix
from webtoon_genre.demo_site.art.geometry import Point, Points, oval, ray, smooth, transform
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.seeded_random import SeededRandom

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


def sign(rng: SeededRandom, x: float, y: float, size: float, turn: int = 0) -> list[list[Point]]:
    """Return the lines of one invented syllable."""
    return [transform(rng.choice(PARTS), x, y, size, turn) for _ in range(3)]


def rows(rng: SeededRandom, x: float, y: float, size: float, lines: int, reach: int) -> list[list[Point]]:
    """Return lines of text around a point."""
    text = []
    for line in range(lines):
        count = max(2, reach - rng.integer(0, 2))
        for index in range(count):
            text += sign(
                rng, x + (index - (count - 1) / 2) * size * 1.15, y + (line - (lines - 1) / 2) * size * 1.3, size
            )
    return text


def bubble(canvas: Canvas, style: Style, rng: SeededRandom, left: bool, shout: bool) -> None:
    """Draw a speech bubble in an upper corner, with a tail towards the middle; a shout has spikes."""
    across, down = rng.uniform(21, 30), rng.uniform(12, 17)
    x = across + rng.uniform(2, 16)
    x, y = x if left else WIDTH - x, down + rng.uniform(2, 10)
    line = max(0.8, style.line * 0.8)
    if shout:
        rim: Points = [(x + across * reach * c, y + down * reach * s) for c, s, reach in spikes(rng)]
    else:
        rim = oval(x, y, across, down, 12)
    tip = ray(x, y, 50 if left else 130, down * 1.9)
    tail = [(x - 5, y + down * 0.6), tip, (x + 5, y + down * 0.6)]
    canvas.shape(tail, WHITE, style.ink, line)
    canvas.shape(rim, WHITE, style.ink, line)
    canvas.fill([(x - 4, y + down * 0.5), (x, y + down * 1.05), (x + 4, y + down * 0.5)], WHITE)
    size = 8.5 if shout else 6.2
    canvas.strokes(rows(rng, x, y, size, 1 if shout else 2, 4 if shout else 5), style.ink, 1.5 if shout else 0.6)


def spikes(rng: SeededRandom) -> list[tuple[float, float, float]]:
    """Return unit vectors around a bubble and its relative radius in that direction."""
    unit = oval(0, 0, 1, 1, 15)
    return [(x, y, rng.uniform(1.15, 1.4) if number % 2 else 0.92) for number, (x, y) in enumerate(unit)]


def caption(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a box of narration in a corner."""
    x, y = rng.choice((34.0, WIDTH - 34.0)), rng.choice((14.0, HEIGHT - 14.0))
    dark = style.light < 0.85
    paper, ink = (style.ink, WHITE) if dark else (mix(WHITE, style.tint, 0.1), style.ink)
    canvas.shape([(x - 30, y - 9), (x + 30, y - 9), (x + 30, y + 9), (x - 30, y + 9)], paper, ink, 0.7)
    canvas.strokes(rows(rng, x, y, 5.4, 2, 8), ink, 0.5)


def lettering(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a sound effect: two or three large signs with a rim."""
    x, y, size = rng.choice((24.0, 170.0)), rng.uniform(22, 60), rng.uniform(19, 30)
    lean, colour = rng.integer(-22, 22), sound_colour(style, rng)
    text: list[list[Point]] = []
    for number in range(rng.integer(2, 3)):
        text += sign(rng, x + number * size * 0.25, y + number * size * 0.95, size * (1 - 0.12 * number), lean)
    canvas.strokes(text, WHITE if colour != WHITE else style.ink, 6.5)
    canvas.strokes(text, style.ink, 5)
    canvas.strokes(text, colour, 3.4)


def sound_colour(style: Style, rng: SeededRandom) -> Colour:
    """Choose the colour of a sound effect."""
    return rng.choice((style.accent, (60, 210, 250), (70, 80, 240), WHITE))


def column(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a column of signs in brush strokes, as on a scroll."""
    x, size = rng.choice((13.0, WIDTH - 13.0)), rng.uniform(10, 14)
    for number in range(rng.integer(3, 5)):
        canvas.strokes(sign(rng, x, 16 + number * size * 1.25, size), style.ink, 1.6)
        canvas.strokes(sign(rng, x, 16 + number * size * 1.25, size), style.ink, 1.0)


def seal(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a red seal."""
    x, y, size = rng.choice((16.0, WIDTH - 16.0)), HEIGHT - 17.0, rng.uniform(8, 11)
    canvas.fill(
        smooth([(x - size, y - size), (x + size, y - size), (x + size, y + size), (x - size, y + size)], 1),
        (48, 48, 190),
    )
    canvas.strokes(sign(rng, x, y, size * 1.5) + sign(rng, x, y, size * 1.5), mix(WHITE, (48, 48, 190), 0.1), 1.1)
