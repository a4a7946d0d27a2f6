"""Effects over a scene: sparkles, petals, sweat, slashes, lights. Each function gets the main head of the scene."""

from collections.abc import Callable

from webtoon_genre.demo_site.art import letters
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, dim, hsv, mix
from webtoon_genre.demo_site.art.geometry import oval, ray, smooth, transform
from webtoon_genre.demo_site.art.head import Head
from webtoon_genre.demo_site.art.moods import rays as focus_rays
from webtoon_genre.demo_site.art.moods import sparks
from webtoon_genre.demo_site.art.nature import birds as flock
from webtoon_genre.demo_site.art.nature import leaf
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.seeded_random import SeededRandom


def sweat(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw drops beside the head."""
    drop = [(0, -1), (0.5, 0.2), (0.3, 0.75), (-0.3, 0.75), (-0.5, 0.2)]
    for number in range(rng.integer(1, 3)):
        x, y = (
            head.x + rng.choice((-1, 1)) * head.radius * rng.uniform(1.1, 1.5),
            head.y - head.radius * (0.7 - 0.45 * number),
        )
        canvas.shape(
            smooth(transform(drop, x, y, head.radius * 0.24, 20), 1), (255, 240, 205), style.ink, style.line * 0.6
        )


def anger(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a crossed vein."""
    x, y, size = head.x + head.radius * 0.75, head.y - head.radius * 0.85, head.radius * 0.3
    for turn in (0, 90, 180, 270):
        bend = transform([(0.15, -0.9), (0.2, -0.2), (0.9, -0.15)], x, y, size, turn)
        canvas.stroke(smooth(bend, 1, False), (40, 40, 225), max(1.0, style.line))


def shock(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw upright lines over the brow and a jagged flash."""
    lines = [
        [
            (head.x + dx * head.radius, head.y - 1.9 * head.radius),
            (head.x + dx * head.radius, head.y - 1.35 * head.radius),
        ]
        for dx in (-0.6, -0.3, 0.0, 0.3, 0.6)
    ]
    canvas.strokes(lines, style.ink, style.line)
    flash = [(0, 0), (0.5, -0.6), (0.45, -0.15), (1.1, -0.5), (0.4, 0.35), (0.5, -0.05)]
    canvas.shape(
        transform(flash, head.x + head.radius * 1.2, head.y - head.radius * 0.6, head.radius * 0.7),
        (60, 225, 255),
        style.ink,
        style.line * 0.6,
    )


def stars(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw five-pointed stars."""
    star = [ray(0, 0, degree - 90, 1.0 if number % 2 == 0 else 0.42) for number, degree in enumerate(range(0, 360, 36))]
    for _ in range(5):
        canvas.shape(
            transform(star, rng.uniform(8, 194), rng.uniform(8, 112), rng.uniform(4, 8), rng.integer(-20, 20)),
            hsv(48, 0.75, 1.0),
            style.ink,
            style.line * 0.6,
        )


def notes(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw musical notes."""
    for _ in range(3):
        x, y = head.x + rng.choice((-1, 1)) * rng.uniform(28, 60), rng.uniform(12, 60)
        canvas.stroke([(x, y), (x, y - 10), (x + 5, y - 8)], style.ink, style.line)
        canvas.oval(x - 2.2, y, 3, 2.2, style.ink)


def cat(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a round cat in a lower corner."""
    x, y, size = (
        rng.choice((rng.uniform(16, 40), rng.uniform(160, 186))),
        rng.uniform(92, 104),
        rng.uniform(11, 16),
    )
    fur, line = (
        style.paint(rng.choice(((60, 60, 64), (235, 240, 245), (90, 160, 225), (150, 150, 155)))),
        style.line * 0.8,
    )
    canvas.shape(oval(x, y + size * 1.2, size * 1.05, size), fur, style.ink, line)
    for side in (-1, 1):
        canvas.shape(
            [
                (x + side * size * 0.9, y - size * 0.1),
                (x + side * size * 0.75, y - size * 1.15),
                (x + side * size * 0.2, y - size * 0.6),
            ],
            fur,
            style.ink,
            line,
        )
    canvas.shape(oval(x, y, size, size * 0.8), fur, style.ink, line)
    dark = style.ink if sum(fur) > 300 else (240, 240, 240)
    for aside in (-0.4, 0.4):
        canvas.disc(x + aside * size, y - size * 0.05, size * 0.09, dark)
    canvas.stroke(
        [(x - size * 0.15, y + size * 0.2), (x, y + size * 0.32), (x + size * 0.15, y + size * 0.2)], dark, line * 0.8
    )


def steam(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw rising curls beside the head."""
    for side in (-1, 1):
        x = head.x + side * head.radius * 1.5
        curl = [(x + dx, head.y - dy) for dx, dy in ((0, 0), (5, 8), (-4, 15), (4, 22))]
        canvas.stroke(smooth(curl, 2, False), mix(style.ink, WHITE, 0.4), style.line)


def orbs(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw floating lights."""
    light = hsv(rng.choice(style.hues) + rng.uniform(-40, 40), 0.35, 1.0)
    for _ in range(rng.integer(7, 13)):
        x, y, size = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(0.8, 2.6)
        canvas.glow(x, y, size * 4.5, light, 190)
        canvas.disc(x, y, size, mix(light, WHITE, 0.6))


def rays(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw beams of magic from a hand's height."""
    light = hsv(rng.choice(style.hues), 0.3, 1.0)
    x, y = rng.uniform(20, 180), rng.uniform(94, 118)
    canvas.glow(x, y, 44, light, 170)
    canvas.fills(
        [
            transform([(0, 0), (1, -0.02), (1, 0.02)], x, y, rng.uniform(40, 85), rng.integer(180, 360))
            for _ in range(7)
        ],
        mix(light, WHITE, 0.5),
    )
    canvas.disc(x, y, 4, WHITE)


def slash(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw the arc of a blade: thin at both ends."""
    x, y, size, turn = rng.uniform(50, 150), rng.uniform(60, 115), rng.uniform(60, 100), rng.integer(-70, 50)
    outer, inner = oval(0, 0, 1, 0.7, 8, 196, 344), oval(0, 0.09, 1, 0.62, 8, 196, 344)
    canvas.fill(transform([*outer, *inner[::-1]], x, y, size, turn), mix(WHITE, style.tint, 0.15))
    canvas.stroke(transform(oval(0, 0.14, 0.98, 0.62, 8, 215, 325), x, y, size, turn), mix(WHITE, style.tint, 0.4), 0.5)


def embers(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw sparks of a fire."""
    for _ in range(rng.integer(16, 30)):
        canvas.disc(
            rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(0.5, 1.7), hsv(rng.uniform(8, 40), 0.8, 1.0)
        )


def rune(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a floating window of signs."""
    x, y, light = rng.choice((34.0, 168.0)), rng.uniform(30, 70), hsv(rng.choice(style.hues), 0.4, 1.0)
    canvas.stroke([(x - 28, y - 18), (x + 28, y - 18), (x + 28, y + 18), (x - 28, y + 18)], light, 1.2, closed=True)
    canvas.glow(x, y, 34, light, 110)
    canvas.strokes(letters.rows(rng, x, y, 6, 3, 7), WHITE, 0.6)


def impact(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw the flash of a blow."""
    x, y, size = rng.uniform(30, 170), rng.uniform(25, 95), rng.uniform(17, 30)
    for share, colour in ((1.25, style.ink), (1.0, WHITE)):
        flash = [
            ray(x, y, degree, size * share * (rng.uniform(0.9, 1.5) if number % 2 else 0.5))
            for number, degree in enumerate(range(0, 360, 18))
        ]
        canvas.fill(flash, colour)


def speedlines(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw lines along the edges, or towards the middle."""
    if rng.chance(0.4):
        focus_rays(canvas, style, rng, head.x, head.y, 34)
    else:
        for low, high in ((-4, 26), (94, 124)):
            for _ in range(11):
                y, x, reach = rng.uniform(low, high), rng.uniform(-20, 160), rng.uniform(40, 110)
                canvas.fill(
                    [(x, y), (x + reach, y - 0.7), (x + reach, y + 0.7)], rng.choice((style.ink, style.ink, WHITE))
                )


def debris(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw flying splinters."""
    stone = dim(style.ground(rng), 0.45)
    for _ in range(12):
        x, y, size = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(1.5, 5.5)
        canvas.shape(
            [ray(x, y, degree + rng.integer(-30, 30), size * rng.uniform(0.6, 1.3)) for degree in (0, 90, 180, 270)],
            stone,
            style.ink,
            style.line * 0.4,
        )


def caption(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a caption."""
    letters.caption(canvas, style, rng)


def lettering(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a sound effect in large signs."""
    letters.lettering(canvas, style, rng)


def seal(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a seal."""
    letters.seal(canvas, style, rng)


def column(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a column of signs."""
    letters.column(canvas, style, rng)


def tear(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a tear on the cheek."""
    track = head.at([(0.4, 0.3), (0.44, 0.55), (0.4, 0.8)])
    canvas.stroke(smooth(track, 1, False), style.paint((255, 235, 210)), max(0.8, head.radius * 0.07))


def sunbeam(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw light from one side."""
    canvas.glow(rng.choice((0.0, float(WIDTH))), rng.uniform(-5, 30), rng.uniform(90, 140), hsv(44, 0.25, 1.0), 130)


def petals(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw petals in the wind."""
    colour = mix(hsv(style.hues[0] + rng.uniform(-15, 15), 0.3, 1.0), WHITE, 0.15)
    for _ in range(rng.integer(10, 20)):
        petal = [(0, -1), (0.55, -0.3), (0.3, 0.7), (0, 0.45), (-0.3, 0.7), (-0.55, -0.3)]
        canvas.fill(
            transform(petal, rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(1.8, 4.6), rng.integer(0, 359)),
            colour,
        )


def sparkles(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw four-pointed lights."""
    sparks(canvas, rng, rng.integer(8, 14), WHITE)
    for _ in range(4):
        canvas.glow(rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(5, 12), WHITE, 170)


def hearts(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw hearts."""
    heart = smooth(
        [(0, 0.95), (-0.95, 0.0), (-0.85, -0.7), (-0.35, -0.8), (0, -0.3), (0.35, -0.8), (0.85, -0.7), (0.95, 0.0)], 1
    )
    for _ in range(4):
        canvas.fill(
            transform(heart, rng.uniform(10, 190), rng.uniform(8, 70), rng.uniform(3, 7), rng.integer(-20, 20)),
            hsv(348, rng.uniform(0.35, 0.6), 1.0),
        )


def birds(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw distant birds."""
    flock(canvas, rng, style.ink)


def blood(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw red splashes."""
    red, x, y = hsv(356, 0.85, 0.55), rng.uniform(10, 190), rng.uniform(10, 110)
    for _ in range(rng.integer(8, 15)):
        dx, dy = rng.uniform(-1, 1), rng.uniform(-1, 1)
        canvas.disc(x + 34 * dx * dx * dx, y + 26 * dy * dy * dy, rng.uniform(0.7, 4.2), red)
    canvas.fill(transform([(0, -0.03), (1, 0), (0, 0.03)], x, y, rng.uniform(15, 45), rng.integer(60, 120)), red)


def slits(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw bars of shadow, as through a blind."""
    tilt = rng.uniform(-14, 14)
    for y in range(-10, 130, 22):
        canvas.tone([(0, y), (WIDTH, y + tilt), (WIDTH, y + tilt + 7), (0, y + 7)], dim(style.ink, 1.0))


def leaves(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw leaves in the wind."""
    for _ in range(rng.integer(7, 13)):
        canvas.fill(
            leaf(rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.integer(0, 359), rng.uniform(5, 10)),
            mix(style.ink, hsv(rng.choice((95, 20)), 0.6, 0.6), 0.5),
        )


def ball(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw a ball in flight with its trail."""
    x, y, size, turn = rng.uniform(20, 180), rng.uniform(15, 70), rng.uniform(4, 11), rng.integer(140, 220)
    for share in (-0.7, 0.0, 0.7):
        canvas.fill(transform([(0, -0.03), (1, 0), (0, 0.03)], x, y + share * size, size * 6, turn), WHITE)
    canvas.shape(
        oval(x, y, size, size), rng.choice(((250, 250, 250), (60, 130, 235), (120, 235, 240))), style.ink, style.line
    )
    canvas.stroke(smooth([(x - size, y), (x, y - size * 0.3), (x + size, y)], 1, False), style.ink, style.line * 0.6)


def dust(canvas: Canvas, style: Style, rng: SeededRandom, head: Head) -> None:
    """Draw clouds of dust above the ground."""
    for _ in range(6):
        canvas.glow(rng.uniform(0, WIDTH), rng.uniform(98, 120), rng.uniform(12, 26), hsv(35, 0.15, 0.95), 190)


EFFECTS: dict[str, Callable[[Canvas, Style, SeededRandom, Head], None]] = {
    effect.__name__: effect
    for effect in (
        sweat, anger, shock, stars, notes, cat, steam, orbs, rays, slash, embers, rune, impact, speedlines, debris, caption,
        lettering, seal, column, tear, sunbeam, petals, sparkles, hearts, birds, blood, slits, leaves, ball, dust,
    )
}  # fmt: skip
