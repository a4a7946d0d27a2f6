"""Backdrops that show a feeling and no place: plain colour, bursts, speed lines, bokeh, the dark. Each paints a whole canvas."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, dim, hsv, mix
from webtoon_genre.demo_site.art.geometry import COS, SIN, oval, place, ray, smooth
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.dice import Dice


def plain(canvas: Canvas, style: Style, dice: Dice) -> None:
    """One colour, with a soft blob of a second one."""
    base = style.ground(dice)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    if dice.chance(0.6):
        x, y = dice.between(30, 170), dice.between(40, 100)
        blob = [ray(x, y, degree, dice.between(38, 72)) for degree in range(0, 360, 45)]
        canvas.fill(smooth(blob), mix(base, WHITE, 0.45))


def stripes(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Slanting bands of two colours."""
    base = style.ground(dice)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    wide, lean = dice.between(8, 18), dice.choose((-40, 40, 70))
    bands = [
        [(x, 0), (x + wide, 0), (x + wide + lean, HEIGHT), (x + lean, HEIGHT)] for x in range(-80, 280, int(2 * wide))
    ]
    canvas.fills(bands, mix(base, WHITE, 0.4))


def dotted(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A field of dots."""
    base, pitch = style.ground(dice), dice.integer(12, 20)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    spots = [
        (x + (row % 2) * pitch // 2, y)
        for row, y in enumerate(range(0, 130, pitch // 2 + 2))
        for x in range(0, 215, pitch)
    ]
    canvas.fills([oval(x, y, pitch * 0.17, pitch * 0.17, 60) for x, y in spots], mix(base, WHITE, 0.5))


def burst(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Wedges of two colours from one point."""
    one = style.ground(dice)
    other = mix(one, WHITE, dice.between(0.35, 0.7))
    canvas.box(0, 0, WIDTH, HEIGHT, one)
    x, y, step = dice.between(60, 140), dice.between(45, 75), dice.choose((15, 18, 20, 24))
    start = dice.integer(0, 30)
    canvas.fills(
        [[(x, y), ray(x, y, a, 260), ray(x, y, a + step // 2, 260)] for a in range(start, start + 360, step)], other
    )


def focus(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Ink lines that run in from the edges to a point."""
    base = style.ground(dice)
    canvas.box(0, 0, WIDTH, HEIGHT, mix(base, WHITE, 0.35))
    rays(canvas, style, dice, dice.between(70, 130), dice.between(45, 75), dice.integer(46, 80))


def rays(canvas: Canvas, style: Style, dice: Dice, x: float, y: float, count: int) -> None:
    """The lines of `focus` alone."""
    spikes = []
    for _ in range(count):
        degree, inner = dice.integer(0, 359), dice.between(46, 82)
        near = (x + 1.35 * inner * COS[degree], y + 0.85 * inner * SIN[degree])
        spread = dice.between(0.6, 2.6)
        far = ray(x, y, degree, 250)
        side = ray(0, 0, degree + 90, spread)
        spikes.append([near, (far[0] + side[0], far[1] + side[1]), (far[0] - side[0], far[1] - side[1])])
    for spike in spikes:
        canvas.fill(spike, style.ink)


def speed(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Parallel ink lines over a slanting gradient."""
    base = style.ground(dice)
    canvas.gradient(mix(base, WHITE, 0.5), dim(base, 0.8))
    streaks(canvas, dice, dice.choose((-18, 0, 0, 12, 24)), dice.integer(34, 60), style.ink, 1.3)
    streaks(canvas, dice, 0, dice.integer(8, 16), WHITE, 1.6)


def streaks(canvas: Canvas, dice: Dice, degree: int, count: int, colour: tuple[int, int, int], wide: float) -> None:
    """Tapering lines in one direction."""
    for _ in range(count):
        x, y, reach = dice.between(-60, 220), dice.between(-40, 160), dice.between(40, 160)
        canvas.fill(
            place([(0, 0), (1, -wide * dice.unit() / reach), (1.02, wide * dice.unit() / reach)], x, y, reach, degree),
            colour,
        )


def bokeh(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Soft discs of light on a pale gradient."""
    base = style.ground(dice)
    canvas.gradient(mix(base, WHITE, 0.6), style.ground(dice))
    for _ in range(dice.integer(9, 15)):
        x, y = dice.between(0, WIDTH), dice.between(0, HEIGHT)
        canvas.glow(x, y, dice.between(9, 30), WHITE, dice.integer(90, 200))


def glitter(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A pale gradient with four-pointed lights."""
    base = style.ground(dice)
    canvas.gradient(base, mix(base, WHITE, 0.7))
    sparks(canvas, dice, dice.integer(14, 24), WHITE)


def sparks(canvas: Canvas, dice: Dice, count: int, colour: tuple[int, int, int]) -> None:
    """Four-pointed stars."""
    star = [(0, -1), (0.16, -0.16), (1, 0), (0.16, 0.16), (0, 1), (-0.16, 0.16), (-1, 0), (-0.16, -0.16)]
    for _ in range(count):
        canvas.fill(place(star, dice.between(0, WIDTH), dice.between(0, HEIGHT), dice.between(1.5, 7)), colour)


def roses(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Large flowers in the corners of a pale ground."""
    base = style.ground(dice)
    canvas.gradient(mix(base, WHITE, 0.75), mix(base, WHITE, 0.2))
    for _ in range(dice.integer(4, 7)):
        x, y = dice.choose((dice.between(-5, 50), dice.between(150, 205))), dice.between(0, HEIGHT)
        flower(canvas, style, dice, x, y, dice.between(11, 22))


def flower(canvas: Canvas, style: Style, dice: Dice, x: float, y: float, size: float) -> None:
    """A rose: petals round a spiral."""
    petal = hsv(dice.choose(style.hues) + dice.between(-12, 12), dice.between(0.2, 0.5), 1.0)
    rim, turn = dim(petal, 0.82), dice.integer(0, 70)
    for degree in range(turn, turn + 360, 72):
        px, py = ray(x, y, degree, size * 0.55)
        canvas.shape(oval(px, py, size * 0.58, size * 0.58, 30), petal, rim, 0.5)
    canvas.disc(x, y, size * 0.5, dim(petal, 0.93))
    canvas.stroke(
        smooth([ray(x, y, degree, size * (0.1 + degree / 1300)) for degree in range(0, 540, 60)], 1, False), rim, 0.7
    )


def smoke(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Billows, dark behind, light before, with flying bits."""
    base = style.ground(dice)
    canvas.gradient(mix(base, WHITE, 0.4), dim(base, 0.6))
    for layer, tint in enumerate((dim(base, 0.55), dim(base, 0.8), mix(base, WHITE, 0.55))):
        for x in range(-10, 230, 30):
            y = 62 + 22 * layer + dice.between(-16, 16)
            canvas.disc(x + dice.between(-12, 12), y + 18, dice.between(20, 32), tint)
    streaks(canvas, dice, dice.choose((20, -20)), 16, style.ink, 1.4)


def flames(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Tongues of fire on the dark."""
    canvas.gradient(dim(style.ground(dice), 0.35), hsv(12, 0.8, 0.6))
    for hue, low, high in ((8, 40, 85), (26, 25, 60), (46, 12, 38)):
        tongue = [(-10.0, 125.0)]
        for x in range(-6, 216, 16):
            tongue += [(x, 120 - dice.between(low, high)), (x + 8, 118 - low * dice.between(0.4, 0.8))]
        canvas.fill(smooth([*tongue, (215.0, 125.0)], 1), hsv(hue, 0.85, 0.95))


def void(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Darkness with one pale light."""
    base = style.ground(dice, 0.6)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    canvas.glow(dice.between(40, 160), dice.between(10, 100), dice.between(60, 110), mix(base, WHITE, 0.3), 170)


def circle(canvas: Canvas, style: Style, dice: Dice) -> None:
    """A circle of signs that shines in the dark."""
    base = style.ground(dice)
    canvas.gradient(dim(base, 0.55), base)
    x, y, size = dice.between(70, 130), dice.between(50, 70), dice.between(44, 66)
    light = hsv(dice.choose(style.hues) + dice.between(-25, 25), 0.35, 1.0)
    canvas.glow(x, y, size * 1.7, light, 150)
    for share in (1.0, 0.86, 0.5):
        canvas.stroke(oval(x, y, size * share, size * share, 10), light, 0.9, closed=True)
    turn = dice.integer(0, 60)
    for start in (0, 60):
        canvas.stroke(
            [ray(x, y, turn + start + degree, size * 0.86) for degree in (0, 120, 240)], light, 0.8, closed=True
        )
    for degree in range(turn, turn + 360, 24):
        canvas.disc(*ray(x, y, degree, size * 0.93), 1.3, light)


def strokes(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Broad strokes of a dry brush on paper."""
    base = style.ground(dice)
    canvas.box(0, 0, WIDTH, HEIGHT, base)
    y, tilt = dice.between(30, 90), dice.choose((-24, -12, 10, 18))
    for _ in range(26):
        shift = dice.between(-24, 24)
        weight = 1 - abs(shift) / 26
        colour = mix(base, style.ink, 0.25 + 0.55 * weight * dice.unit())
        canvas.stroke(
            place(
                [(-0.6 + dice.between(-0.15, 0.1), 0), (0.6 + dice.between(-0.2, 0.1), 0)], 101, y + shift, 200, tilt
            ),
            colour,
            1.2,
        )
