"""Outdoor backdrops: landscapes and large buildings in them. Each function fills the canvas."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, dim, hsv, mix
from webtoon_genre.demo_site.art.geometry import Points, ray, smooth, transform
from webtoon_genre.demo_site.art.moods import sparks
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.seeded_random import SeededRandom


def ridge(rng: SeededRandom, level: float, rough: float, step: int = 24) -> list[tuple[float, float]]:
    """Return the outline of hills, closed along the lower edge of the canvas."""
    top = [(float(x), level + rng.uniform(-rough, rough)) for x in range(-20, WIDTH + 40, step)]
    return [(-20.0, HEIGHT + 5.0), *top, (WIDTH + 40.0, HEIGHT + 5.0)]


def cloud(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    """Draw a cloud of four discs on a flat base."""
    for dx, dy, share in ((-1.0, 0.1, 0.5), (-0.35, -0.25, 0.75), (0.4, -0.1, 0.65), (1.0, 0.15, 0.42)):
        canvas.oval(x + dx * size, y + dy * size, size * share, size * share * 0.7, colour)


def sky(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a wide sky with clouds over a low horizon."""
    high = style.ground(rng)
    canvas.gradient(high, mix(high, WHITE, 0.7))
    for _ in range(rng.integer(2, 5)):
        cloud(canvas, rng.uniform(0, WIDTH), rng.uniform(12, 80), rng.uniform(10, 28), mix(high, WHITE, 0.8))
    if rng.chance(0.6):
        canvas.fill(smooth(ridge(rng, rng.uniform(98, 112), 4), 1), dim(style.ground(rng), 0.88))


def sea(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw the sea up to the horizon, with reflections on the water."""
    high, deep = style.ground(rng), dim(style.ground(rng), 0.9)
    level = rng.uniform(48, 82)
    canvas.gradient(high, mix(high, WHITE, 0.75), 0, level)
    canvas.gradient(deep, mix(deep, WHITE, 0.35), level, HEIGHT)
    sun = rng.uniform(30, 170)
    canvas.disc(sun, level - rng.uniform(8, 26), rng.uniform(6, 11), mix(high, WHITE, 0.9))
    for _ in range(26):
        y = rng.uniform(level + 2, HEIGHT)
        x, reach = sun + rng.uniform(-1, 1) * (12 + (y - level) * 1.8), rng.uniform(2, 4) + (y - level) * 0.12
        canvas.stroke([(x - reach, y), (x + reach, y)], mix(deep, WHITE, 0.75), 0.7)


def meadow(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw hills of grass with flowers."""
    high = style.ground(rng)
    canvas.gradient(high, mix(high, WHITE, 0.7))
    green = mix(hsv(rng.uniform(70, 130), style.saturation + 0.12, style.value * 0.92), style.ground(rng), 0.35)
    for level, tint in ((68, mix(green, WHITE, 0.4)), (84, mix(green, WHITE, 0.15)), (100, green)):
        canvas.fill(smooth(ridge(rng, level, 7, 40), 1), tint)
    for _ in range(30):
        x, y = rng.uniform(0, WIDTH), rng.uniform(86, HEIGHT)
        canvas.disc(x, y, rng.uniform(0.8, 2.2), mix(style.ground(rng), WHITE, 0.5))


def garden(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw blossoming branches against a bright sky."""
    high = style.ground(rng)
    canvas.gradient(mix(high, WHITE, 0.55), mix(high, WHITE, 0.85))
    for _ in range(3):
        start, degree = (rng.uniform(-10, WIDTH), -5.0), rng.integer(40, 140)
        middle = ray(*start, degree, rng.uniform(25, 45))
        end = ray(*middle, degree + rng.integer(-35, 35), rng.uniform(25, 45))
        canvas.stroke(smooth([start, middle, end], 1, False), mix(style.ink, WHITE, 0.35), 1.6)
        for spot in (start, middle, end):
            for _ in range(7):
                x, y = spot[0] + rng.uniform(-17, 17), spot[1] + rng.uniform(-10, 12)
                canvas.disc(x, y, rng.uniform(2.5, 6.5), mix(high, WHITE, rng.uniform(0.1, 0.5)))


def rain(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw rain in front of dim shapes."""
    base = style.ground(rng)
    canvas.gradient(dim(base, 0.82), base)
    for x in range(0, WIDTH, 34):
        top = rng.uniform(40, 85)
        canvas.box(x, top, x + rng.uniform(18, 32), HEIGHT, dim(base, rng.uniform(0.75, 0.92)))
    falls = [
        transform([(0, 0), (1, 0)], rng.uniform(-10, WIDTH), rng.uniform(-10, HEIGHT), rng.uniform(8, 22), 100)
        for _ in range(44)
    ]
    canvas.strokes(falls, mix(base, WHITE, 0.55), 0.5)


def moon(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a large moon and stars above hills."""
    base = style.ground(rng)
    canvas.gradient(dim(base, 0.4), base)
    sparks(canvas, rng, 16, mix(base, WHITE, 0.8))
    x, y, size = rng.uniform(30, 170), rng.uniform(25, 55), rng.uniform(14, 30)
    pale = mix(hsv(rng.choice(style.hues), 0.15, 1.0), WHITE, 0.3)
    canvas.glow(x, y, size * 2.6, pale, 150)
    canvas.disc(x, y, size, pale)
    canvas.disc(x + size * 0.3, y - size * 0.2, size * 0.2, dim(pale, 0.93))
    canvas.fill(ridge(rng, 100, 12, 18), dim(base, 0.3))


def aurora(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw curtains of light over mountains."""
    base = style.ground(rng)
    canvas.gradient(dim(base, 0.35), dim(base, 0.8))
    for number in range(3):
        light, y = hsv(style.hues[number % 2] + rng.uniform(-40, 40), 0.55, 1.0), 20 + 15 * number
        for x in range(-10, 220, 13):
            canvas.glow(x, y + rng.uniform(-10, 10) + x * rng.uniform(-0.06, 0.06), rng.uniform(13, 22), light, 80)
    canvas.fill(ridge(rng, 92, 16, 26), dim(base, 0.25))


def forest(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw tree trunks in a mist; near ones are darker."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.15), base)
    canvas.glow(rng.uniform(40, 160), 30, 80, mix(base, WHITE, 0.7), 150)
    for layer, share in enumerate((0.8, 0.58, 0.32)):
        for _ in range(6 - layer):
            x, thick = rng.uniform(-5, WIDTH), (2 + 2.4 * layer) * rng.uniform(0.8, 1.3)
            canvas.fill(
                [(x - thick, HEIGHT), (x - thick * 0.6, -4), (x + thick * 0.6, -4), (x + thick * 1.4, HEIGHT)],
                dim(base, share),
            )
            for _ in range(3):
                canvas.oval(x + rng.uniform(-14, 14), rng.uniform(-6, 26), 13, 8, dim(base, share * 1.05))


def castle(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw towers on a rock in the evening."""
    base = style.ground(rng)
    canvas.gradient(dim(base, 0.7), mix(base, style.ground(rng, 1.6), 0.7))
    cloud(canvas, rng.uniform(20, 180), rng.uniform(15, 40), 22, mix(base, WHITE, 0.22))
    dark, middle = dim(base, 0.36), rng.uniform(60, 140)
    for _ in range(rng.integer(5, 7)):
        x, wide, top = middle + rng.uniform(-42, 42), rng.uniform(5, 10), rng.uniform(26, 66)
        canvas.box(x - wide, top, x + wide, HEIGHT, dark)
        canvas.fill([(x - wide - 2, top), (x, top - wide * 2.4), (x + wide + 2, top)], dim(base, 0.26))
        canvas.box(x - 1.2, top + 8, x + 1.2, top + 13, hsv(45, 0.6, 1.0))
    canvas.fill(ridge(rng, 98, 8, 20), dim(base, 0.24))


def ruins(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw broken columns and rock in dusty light."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.25), dim(base, 0.7))
    canvas.glow(rng.uniform(50, 150), 20, 90, mix(base, WHITE, 0.6), 140)
    for x in range(8, WIDTH, 32):
        top, wide, tint = rng.uniform(5, 70), rng.uniform(6, 9), dim(base, rng.uniform(0.4, 0.65))
        canvas.fill(
            [
                (x, HEIGHT),
                (x, top + rng.uniform(0, 9)),
                (x + wide, top),
                (x + 2 * wide, top + rng.uniform(2, 12)),
                (x + 2 * wide, HEIGHT),
            ],
            tint,
        )
        canvas.box(x + wide * 0.5, top + 14, x + wide * 0.8, HEIGHT, dim(tint, 0.8))
    canvas.fill(ridge(rng, 106, 7, 14), dim(base, 0.35))


def peaks(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw mountains in ink with mist between them; distant ones are paler."""
    paper = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, paper)
    if rng.chance(0.5):
        canvas.disc(rng.uniform(30, 170), rng.uniform(18, 40), rng.uniform(9, 15), mix(paper, (70, 80, 205), 0.55))
    for number, share in enumerate((0.16, 0.3, 0.5)):
        level = 52 + 20 * number
        tint = mix(paper, style.ink, share)
        canvas.fill(smooth(ridge(rng, level, 19 - 4 * number, 22), 1), tint)
        canvas.veil(paper, level + 12, level + 30)


def bamboo(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw bamboo canes with knots and leaves."""
    paper = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, paper)
    green = mix(style.ink, hsv(95, 0.45, 0.6), 0.45)
    for _ in range(rng.integer(6, 10)):
        x, wide, lean = rng.uniform(0, WIDTH), rng.uniform(1.5, 4.5), rng.uniform(-9, 9)
        tint = mix(paper, green, rng.uniform(0.3, 0.9))
        for knot in range(-10, 130, 26):
            at = x + lean * knot / 120
            canvas.stroke([(at, knot), (at + lean * 0.19, knot + 24)], tint, wide)
        for _ in range(4):
            y, degree = rng.uniform(0, 90), rng.choice((20, 35, 145, 160))
            canvas.fill(leaf(x + lean * y / 120, y, degree, rng.uniform(11, 19)), tint)


def leaf(x: float, y: float, degree: int, size: float) -> Points:
    """Return a narrow leaf that starts at a point."""
    return transform([(0, 0), (0.4, -0.13), (1, 0), (0.4, 0.13)], x, y, size, degree)


def pine(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a crooked pine in front of a pale moon."""
    paper = style.ground(rng)
    canvas.gradient(dim(paper, 0.9), mix(paper, WHITE, 0.3))
    canvas.disc(rng.uniform(60, 150), rng.uniform(30, 55), rng.uniform(20, 30), mix(paper, WHITE, 0.65))
    side = rng.choice((-1, 1))
    root = 20.0 if side > 0 else WIDTH - 20.0
    stem = [
        (root, 125.0),
        (root + side * 14, 86.0),
        (root + side * 4, 55.0),
        (root + side * 30, 28.0),
        (root + side * 70, 22.0),
    ]
    canvas.stroke(smooth(stem, 2, False), style.ink, 4.5)
    for x, y in (*stem[1:], (root + side * 52, 34.0), (root + side * 26, 60.0)):
        for _ in range(3):
            canvas.oval(
                x + rng.uniform(-16, 16),
                y + rng.uniform(-9, 3),
                rng.uniform(9, 17),
                4.2,
                mix(paper, style.ink, rng.uniform(0.55, 0.85)),
            )


def eaves(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw the sweeping tiled roofs of a palace."""
    paper = style.ground(rng)
    canvas.gradient(paper, mix(paper, WHITE, 0.4))
    for number in range(2):
        x, y, reach = rng.uniform(20, 180), 34 + 40 * number + rng.uniform(-6, 6), rng.uniform(62, 95)
        tint = mix(paper, style.ink, 0.45 + 0.3 * number)
        roof = [
            (-1.15, 0.02),
            (-0.75, -0.1),
            (-0.45, -0.34),
            (0.45, -0.34),
            (0.75, -0.1),
            (1.15, 0.02),
            (0.8, 0.1),
            (-0.8, 0.1),
        ]
        canvas.box(x - reach * 0.72, y, x + reach * 0.72, HEIGHT, mix(paper, (60, 70, 150), 0.4))
        for post in range(-2, 3):
            canvas.box(
                x + post * reach * 0.32 - 2, y, x + post * reach * 0.32 + 2, HEIGHT, mix((40, 45, 110), style.ink, 0.4)
            )
        canvas.shape(smooth(transform(roof, x, y, reach), 1), tint, style.ink, style.line)
        tiles = [
            [(x + reach * share * 0.6, y - reach * 0.3), (x + reach * share, y + reach * 0.06)]
            for share in (-0.75, -0.45, -0.15, 0.15, 0.45, 0.75)
        ]
        canvas.strokes(tiles, mix(tint, WHITE, 0.25), 0.7)


def birds(canvas: Canvas, rng: SeededRandom, colour: Colour) -> None:
    """Draw a few distant birds."""
    for _ in range(rng.integer(3, 6)):
        x, y, size = rng.uniform(10, 190), rng.uniform(8, 50), rng.uniform(2.5, 5)
        canvas.stroke(transform([(-1, -0.4), (-0.4, -0.6), (0, 0), (0.4, -0.6), (1, -0.4)], x, y, size), colour, 0.7)
