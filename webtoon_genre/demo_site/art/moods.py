"""Abstract backdrops that express a mood: plain colour, bursts, speed lines, bokeh, darkness. Each function fills the canvas."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, dim, hsv, mix
from webtoon_genre.demo_site.art.geometry import COS, SIN, oval, ray, smooth, transform
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.seeded_random import SeededRandom


def plain(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw one colour, with a soft blob of a second colour."""
    base = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    if rng.chance(0.6):
        x, y = rng.uniform(30, 170), rng.uniform(40, 100)
        blob = [ray(x, y, degree, rng.uniform(38, 72)) for degree in range(0, 360, 45)]
        canvas.fill(smooth(blob), mix(base, WHITE, 0.45))


def stripes(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw slanting bands of two colours."""
    base = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    wide, lean = rng.uniform(8, 18), rng.choice((-40, 40, 70))
    bands = [
        [(x, 0), (x + wide, 0), (x + wide + lean, HEIGHT), (x + lean, HEIGHT)] for x in range(-80, 280, int(2 * wide))
    ]
    canvas.fills(bands, mix(base, WHITE, 0.4))


def dotted(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a field of dots."""
    base, pitch = style.ground(rng), rng.integer(12, 20)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    spots = [
        (x + (row % 2) * pitch // 2, y)
        for row, y in enumerate(range(0, 130, pitch // 2 + 2))
        for x in range(0, 215, pitch)
    ]
    canvas.fills([oval(x, y, pitch * 0.17, pitch * 0.17, 60) for x, y in spots], mix(base, WHITE, 0.5))


def burst(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw wedges of two colours from one point."""
    base = style.ground(rng)
    tint = mix(base, WHITE, rng.uniform(0.35, 0.7))
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    x, y, step = rng.uniform(60, 140), rng.uniform(45, 75), rng.choice((15, 18, 20, 24))
    start = rng.integer(0, 30)
    canvas.fills(
        [[(x, y), ray(x, y, a, 260), ray(x, y, a + step // 2, 260)] for a in range(start, start + 360, step)], tint
    )


def focus(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw ink lines from the edges towards a point."""
    base = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, mix(base, WHITE, 0.35))
    rays(canvas, style, rng, rng.uniform(70, 130), rng.uniform(45, 75), rng.integer(46, 80))


def rays(canvas: Canvas, style: Style, rng: SeededRandom, x: float, y: float, count: int) -> None:
    """Draw the lines of `focus`, without its background."""
    spikes = []
    for _ in range(count):
        degree, inner = rng.integer(0, 359), rng.uniform(46, 82)
        near = (x + 1.35 * inner * COS[degree], y + 0.85 * inner * SIN[degree])
        spread = rng.uniform(0.6, 2.6)
        far = ray(x, y, degree, 250)
        side = ray(0, 0, degree + 90, spread)
        spikes.append([near, (far[0] + side[0], far[1] + side[1]), (far[0] - side[0], far[1] - side[1])])
    for spike in spikes:
        canvas.fill(spike, style.ink)


def speed(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw parallel ink lines over a slanting gradient."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.5), dim(base, 0.8))
    streaks(canvas, rng, rng.choice((-18, 0, 0, 12, 24)), rng.integer(34, 60), style.ink, 1.3)
    streaks(canvas, rng, 0, rng.integer(8, 16), WHITE, 1.6)


def streaks(
    canvas: Canvas, rng: SeededRandom, degree: int, count: int, colour: tuple[int, int, int], wide: float
) -> None:
    """Draw tapering lines in one direction."""
    for _ in range(count):
        x, y, reach = rng.uniform(-60, 220), rng.uniform(-40, 160), rng.uniform(40, 160)
        canvas.fill(
            transform(
                [(0, 0), (1, -wide * rng.random() / reach), (1.02, wide * rng.random() / reach)], x, y, reach, degree
            ),
            colour,
        )


def bokeh(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw soft discs of light on a pale gradient."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.6), style.ground(rng))
    for _ in range(rng.integer(9, 15)):
        x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
        canvas.glow(x, y, rng.uniform(9, 30), WHITE, rng.integer(90, 200))


def glitter(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a pale gradient with four-pointed lights."""
    base = style.ground(rng)
    canvas.gradient(base, mix(base, WHITE, 0.7))
    sparks(canvas, rng, rng.integer(14, 24), WHITE)


def sparks(canvas: Canvas, rng: SeededRandom, count: int, colour: tuple[int, int, int]) -> None:
    """Draw four-pointed stars."""
    star = [(0, -1), (0.16, -0.16), (1, 0), (0.16, 0.16), (0, 1), (-0.16, 0.16), (-1, 0), (-0.16, -0.16)]
    for _ in range(count):
        canvas.fill(transform(star, rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(1.5, 7)), colour)


def roses(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw large flowers at the sides of a pale background."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.75), mix(base, WHITE, 0.2))
    for _ in range(rng.integer(4, 7)):
        x, y = rng.choice((rng.uniform(-5, 50), rng.uniform(150, 205))), rng.uniform(0, HEIGHT)
        flower(canvas, style, rng, x, y, rng.uniform(11, 22))


def flower(canvas: Canvas, style: Style, rng: SeededRandom, x: float, y: float, size: float) -> None:
    """Draw a rose: petals around a spiral."""
    petal = hsv(rng.choice(style.hues) + rng.uniform(-12, 12), rng.uniform(0.2, 0.5), 1.0)
    rim, turn = dim(petal, 0.82), rng.integer(0, 70)
    for degree in range(turn, turn + 360, 72):
        px, py = ray(x, y, degree, size * 0.55)
        canvas.shape(oval(px, py, size * 0.58, size * 0.58, 30), petal, rim, 0.5)
    canvas.disc(x, y, size * 0.5, dim(petal, 0.93))
    canvas.stroke(
        smooth([ray(x, y, degree, size * (0.1 + degree / 1300)) for degree in range(0, 540, 60)], 1, False), rim, 0.7
    )


def smoke(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw clouds of smoke, dark at the back and light in front, with streaks."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.4), dim(base, 0.6))
    for layer, tint in enumerate((dim(base, 0.55), dim(base, 0.8), mix(base, WHITE, 0.55))):
        for x in range(-10, 230, 30):
            y = 62 + 22 * layer + rng.uniform(-16, 16)
            canvas.disc(x + rng.uniform(-12, 12), y + 18, rng.uniform(20, 32), tint)
    streaks(canvas, rng, rng.choice((20, -20)), 16, style.ink, 1.4)


def flames(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw flames on a dark background."""
    canvas.gradient(dim(style.ground(rng), 0.35), hsv(12, 0.8, 0.6))
    for hue, low, high in ((8, 40, 85), (26, 25, 60), (46, 12, 38)):
        tongue = [(-10.0, 125.0)]
        for x in range(-6, 216, 16):
            tongue += [(x, 120 - rng.uniform(low, high)), (x + 8, 118 - low * rng.uniform(0.4, 0.8))]
        canvas.fill(smooth([*tongue, (215.0, 125.0)], 1), hsv(hue, 0.85, 0.95))


def void(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a dark background with one pale light."""
    base = style.ground(rng, 0.6)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    canvas.glow(rng.uniform(40, 160), rng.uniform(10, 100), rng.uniform(60, 110), mix(base, WHITE, 0.3), 170)


def circle(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a shining magic circle on a dark background."""
    base = style.ground(rng)
    canvas.gradient(dim(base, 0.55), base)
    x, y, size = rng.uniform(70, 130), rng.uniform(50, 70), rng.uniform(44, 66)
    light = hsv(rng.choice(style.hues) + rng.uniform(-25, 25), 0.35, 1.0)
    canvas.glow(x, y, size * 1.7, light, 150)
    for share in (1.0, 0.86, 0.5):
        canvas.stroke(oval(x, y, size * share, size * share, 10), light, 0.9, closed=True)
    turn = rng.integer(0, 60)
    for start in (0, 60):
        canvas.stroke(
            [ray(x, y, turn + start + degree, size * 0.86) for degree in (0, 120, 240)], light, 0.8, closed=True
        )
    for degree in range(turn, turn + 360, 24):
        canvas.disc(*ray(x, y, degree, size * 0.93), 1.3, light)


def strokes(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw broad strokes of a dry brush on paper."""
    base = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    y, tilt = rng.uniform(30, 90), rng.choice((-24, -12, 10, 18))
    for _ in range(26):
        shift = rng.uniform(-24, 24)
        weight = 1 - abs(shift) / 26
        colour = mix(base, style.ink, 0.25 + 0.55 * weight * rng.random())
        canvas.stroke(
            transform(
                [(-0.6 + rng.uniform(-0.15, 0.1), 0), (0.6 + rng.uniform(-0.2, 0.1), 0)], 101, y + shift, 200, tilt
            ),
            colour,
            1.2,
        )
