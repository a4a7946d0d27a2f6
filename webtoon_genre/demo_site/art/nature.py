"""Backdrops under the open sky, and the great buildings seen in it. Each paints a whole canvas."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, dim, hsv, mix
from webtoon_genre.demo_site.art.geometry import Points, place, ray, smooth
from webtoon_genre.demo_site.art.moods import sparks
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.dice import Dice


def ridge(dice: Dice, level: float, rough: float, step: int = 24) -> list[tuple[float, float]]:
    """The outline of hills that fill the canvas below it."""
    top = [(float(x), level + dice.between(-rough, rough)) for x in range(-20, WIDTH + 40, step)]
    return [(-20.0, HEIGHT + 5.0), *top, (WIDTH + 40.0, HEIGHT + 5.0)]


def cloud(canvas: Canvas, x: float, y: float, size: float, colour: Colour) -> None:
    """A cloud of four discs on a flat base."""
    for dx, dy, share in ((-1.0, 0.1, 0.5), (-0.35, -0.25, 0.75), (0.4, -0.1, 0.65), (1.0, 0.15, 0.42)):
        canvas.oval(x + dx * size, y + dy * size, size * share, size * share * 0.7, colour)


def sky(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A wide sky with clouds over a low horizon."""
    high = style.ground(dice)
    canvas.gradient(high, mix(high, WHITE, 0.7))
    for _ in range(dice.integer(2, 5)):
        cloud(canvas, dice.between(0, WIDTH), dice.between(12, 80), dice.between(10, 28), mix(high, WHITE, 0.8))
    if dice.chance(0.6):
        canvas.fill(smooth(ridge(dice, dice.between(98, 112), 4), 1), dim(style.ground(dice), 0.88))


def sea(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Sea to the horizon, with lights on the water."""
    high, deep = style.ground(dice), dim(style.ground(dice), 0.9)
    level = dice.between(48, 82)
    canvas.gradient(high, mix(high, WHITE, 0.75), 0, level)
    canvas.gradient(deep, mix(deep, WHITE, 0.35), level, HEIGHT)
    sun = dice.between(30, 170)
    canvas.disc(sun, level - dice.between(8, 26), dice.between(6, 11), mix(high, WHITE, 0.9))
    for _ in range(26):
        y = dice.between(level + 2, HEIGHT)
        x, reach = sun + dice.between(-1, 1) * (12 + (y - level) * 1.8), dice.between(2, 4) + (y - level) * 0.12
        canvas.stroke([(x - reach, y), (x + reach, y)], mix(deep, WHITE, 0.75), 0.7)


def meadow(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Hills of grass with flowers."""
    high = style.ground(dice)
    canvas.gradient(high, mix(high, WHITE, 0.7))
    green = mix(hsv(dice.between(70, 130), style.saturation + 0.12, style.value * 0.92), style.ground(dice), 0.35)
    for level, tint in ((68, mix(green, WHITE, 0.4)), (84, mix(green, WHITE, 0.15)), (100, green)):
        canvas.fill(smooth(ridge(dice, level, 7, 40), 1), tint)
    for _ in range(30):
        x, y = dice.between(0, WIDTH), dice.between(86, HEIGHT)
        canvas.disc(x, y, dice.between(0.8, 2.2), mix(style.ground(dice), WHITE, 0.5))


def garden(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Blossoming branches against a bright sky."""
    high = style.ground(dice)
    canvas.gradient(mix(high, WHITE, 0.55), mix(high, WHITE, 0.85))
    for _ in range(3):
        start, degree = (dice.between(-10, WIDTH), -5.0), dice.integer(40, 140)
        middle = ray(*start, degree, dice.between(25, 45))
        end = ray(*middle, degree + dice.integer(-35, 35), dice.between(25, 45))
        canvas.stroke(smooth([start, middle, end], 1, False), mix(style.ink, WHITE, 0.35), 1.6)
        for spot in (start, middle, end):
            for _ in range(7):
                x, y = spot[0] + dice.between(-17, 17), spot[1] + dice.between(-10, 12)
                canvas.disc(x, y, dice.between(2.5, 6.5), mix(high, WHITE, dice.between(0.1, 0.5)))


def rain(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Rain before dim shapes."""
    base = style.ground(dice)
    canvas.gradient(dim(base, 0.82), base)
    for x in range(0, WIDTH, 34):
        top = dice.between(40, 85)
        canvas.box(x, top, x + dice.between(18, 32), HEIGHT, dim(base, dice.between(0.75, 0.92)))
    falls = [
        place([(0, 0), (1, 0)], dice.between(-10, WIDTH), dice.between(-10, HEIGHT), dice.between(8, 22), 100)
        for _ in range(44)
    ]
    canvas.strokes(falls, mix(base, WHITE, 0.55), 0.5)


def moon(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A large moon among stars, hills below."""
    base = style.ground(dice)
    canvas.gradient(dim(base, 0.4), base)
    sparks(canvas, dice, 16, mix(base, WHITE, 0.8))
    x, y, size = dice.between(30, 170), dice.between(25, 55), dice.between(14, 30)
    pale = mix(hsv(dice.choose(style.hues), 0.15, 1.0), WHITE, 0.3)
    canvas.glow(x, y, size * 2.6, pale, 150)
    canvas.disc(x, y, size, pale)
    canvas.disc(x + size * 0.3, y - size * 0.2, size * 0.2, dim(pale, 0.93))
    canvas.fill(ridge(dice, 100, 12, 18), dim(base, 0.3))


def aurora(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Curtains of light over mountains."""
    base = style.ground(dice)
    canvas.gradient(dim(base, 0.35), dim(base, 0.8))
    for number in range(3):
        light, y = hsv(style.hues[number % 2] + dice.between(-40, 40), 0.55, 1.0), 20 + 15 * number
        for x in range(-10, 220, 13):
            canvas.glow(x, y + dice.between(-10, 10) + x * dice.between(-0.06, 0.06), dice.between(13, 22), light, 80)
    canvas.fill(ridge(dice, 92, 16, 26), dim(base, 0.25))


def forest(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Trunks in a mist, darker the nearer."""
    base = style.ground(dice)
    canvas.gradient(mix(base, WHITE, 0.15), base)
    canvas.glow(dice.between(40, 160), 30, 80, mix(base, WHITE, 0.7), 150)
    for layer, share in enumerate((0.8, 0.58, 0.32)):
        for _ in range(6 - layer):
            x, thick = dice.between(-5, WIDTH), (2 + 2.4 * layer) * dice.between(0.8, 1.3)
            canvas.fill(
                [(x - thick, HEIGHT), (x - thick * 0.6, -4), (x + thick * 0.6, -4), (x + thick * 1.4, HEIGHT)],
                dim(base, share),
            )
            for _ in range(3):
                canvas.oval(x + dice.between(-14, 14), dice.between(-6, 26), 13, 8, dim(base, share * 1.05))


def castle(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Towers on a rock against the evening."""
    base = style.ground(dice)
    canvas.gradient(dim(base, 0.7), mix(base, style.ground(dice, 1.6), 0.7))
    cloud(canvas, dice.between(20, 180), dice.between(15, 40), 22, mix(base, WHITE, 0.22))
    dark, middle = dim(base, 0.36), dice.between(60, 140)
    for _ in range(dice.integer(5, 7)):
        x, wide, top = middle + dice.between(-42, 42), dice.between(5, 10), dice.between(26, 66)
        canvas.box(x - wide, top, x + wide, HEIGHT, dark)
        canvas.fill([(x - wide - 2, top), (x, top - wide * 2.4), (x + wide + 2, top)], dim(base, 0.26))
        canvas.box(x - 1.2, top + 8, x + 1.2, top + 13, hsv(45, 0.6, 1.0))
    canvas.fill(ridge(dice, 98, 8, 20), dim(base, 0.24))


def ruins(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Broken columns and rock in the dust of light."""
    base = style.ground(dice)
    canvas.gradient(mix(base, WHITE, 0.25), dim(base, 0.7))
    canvas.glow(dice.between(50, 150), 20, 90, mix(base, WHITE, 0.6), 140)
    for x in range(8, WIDTH, 32):
        top, wide, tint = dice.between(5, 70), dice.between(6, 9), dim(base, dice.between(0.4, 0.65))
        canvas.fill(
            [
                (x, HEIGHT),
                (x, top + dice.between(0, 9)),
                (x + wide, top),
                (x + 2 * wide, top + dice.between(2, 12)),
                (x + 2 * wide, HEIGHT),
            ],
            tint,
        )
        canvas.box(x + wide * 0.5, top + 14, x + wide * 0.8, HEIGHT, dim(tint, 0.8))
    canvas.fill(ridge(dice, 106, 7, 14), dim(base, 0.35))


def peaks(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Mountains in ink, paler the farther, with mist between."""
    paper = style.ground(dice)
    canvas.box(0, 0, WIDTH, HEIGHT, paper)
    if dice.chance(0.5):
        canvas.disc(dice.between(30, 170), dice.between(18, 40), dice.between(9, 15), mix(paper, (70, 80, 205), 0.55))
    for number, share in enumerate((0.16, 0.3, 0.5)):
        level = 52 + 20 * number
        tint = mix(paper, style.ink, share)
        canvas.fill(smooth(ridge(dice, level, 19 - 4 * number, 22), 1), tint)
        canvas.veil(paper, level + 12, level + 30)


def bamboo(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Canes with knots and leaves."""
    paper = style.ground(dice)
    canvas.box(0, 0, WIDTH, HEIGHT, paper)
    green = mix(style.ink, hsv(95, 0.45, 0.6), 0.45)
    for _ in range(dice.integer(6, 10)):
        x, wide, lean = dice.between(0, WIDTH), dice.between(1.5, 4.5), dice.between(-9, 9)
        tint = mix(paper, green, dice.between(0.3, 0.9))
        for knot in range(-10, 130, 26):
            at = x + lean * knot / 120
            canvas.stroke([(at, knot), (at + lean * 0.19, knot + 24)], tint, wide)
        for _ in range(4):
            y, degree = dice.between(0, 90), dice.choose((20, 35, 145, 160))
            canvas.fill(leaf(x + lean * y / 120, y, degree, dice.between(11, 19)), tint)


def leaf(x: float, y: float, degree: int, size: float) -> Points:
    """A lancet leaf that grows from a point."""
    return place([(0, 0), (0.4, -0.13), (1, 0), (0.4, 0.13)], x, y, size, degree)


def pine(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A crooked pine before a pale moon."""
    paper = style.ground(dice)
    canvas.gradient(dim(paper, 0.9), mix(paper, WHITE, 0.3))
    canvas.disc(dice.between(60, 150), dice.between(30, 55), dice.between(20, 30), mix(paper, WHITE, 0.65))
    side = dice.choose((-1, 1))
    root = 20.0 if side > 0 else WIDTH - 20.0
    trunk = [
        (root, 125.0),
        (root + side * 14, 86.0),
        (root + side * 4, 55.0),
        (root + side * 30, 28.0),
        (root + side * 70, 22.0),
    ]
    canvas.stroke(smooth(trunk, 2, False), style.ink, 4.5)
    for x, y in (*trunk[1:], (root + side * 52, 34.0), (root + side * 26, 60.0)):
        for _ in range(3):
            canvas.oval(
                x + dice.between(-16, 16),
                y + dice.between(-9, 3),
                dice.between(9, 17),
                4.2,
                mix(paper, style.ink, dice.between(0.55, 0.85)),
            )


def eaves(canvas: Canvas, style: Style, dice: Dice) -> None:
    """The sweeping tiled roofs of a palace."""
    paper = style.ground(dice)
    canvas.gradient(paper, mix(paper, WHITE, 0.4))
    for number in range(2):
        x, y, reach = dice.between(20, 180), 34 + 40 * number + dice.between(-6, 6), dice.between(62, 95)
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
        canvas.shape(smooth(place(roof, x, y, reach), 1), tint, style.ink, style.line)
        tiles = [
            [(x + reach * share * 0.6, y - reach * 0.3), (x + reach * share, y + reach * 0.06)]
            for share in (-0.75, -0.45, -0.15, 0.15, 0.45, 0.75)
        ]
        canvas.strokes(tiles, mix(tint, WHITE, 0.25), 0.7)


def birds(canvas: Canvas, dice: Dice, colour: Colour) -> None:
    """A few birds far off."""
    for _ in range(dice.integer(3, 6)):
        x, y, size = dice.between(10, 190), dice.between(8, 50), dice.between(2.5, 5)
        canvas.stroke(place([(-1, -0.4), (-0.4, -0.6), (0, 0), (0.4, -0.6), (1, -0.4)], x, y, size), colour, 0.7)
