"""Backdrops of buildings and towns: rooms, streets, sports grounds. Each function fills the canvas."""

from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import WHITE, Colour, dim, hsv, mix
from webtoon_genre.demo_site.art.geometry import oval, smooth
from webtoon_genre.demo_site.art.moods import streaks
from webtoon_genre.demo_site.art.style import Style
from webtoon_genre.demo_site.seeded_random import SeededRandom


def panel(canvas: Canvas, style: Style, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    """Draw a rectangle, outlined in the style of the title."""
    canvas.shape([(left, top), (right, top), (right, bottom), (left, bottom)], colour, style.ink, style.line * 0.8)


def panes(canvas: Canvas, style: Style, left: float, top: float, wide: float, tall: float, light: Colour) -> None:
    """Draw a window with a cross."""
    panel(canvas, style, left, top, left + wide, top + tall, light)
    cross = [
        [(left + wide / 2, top), (left + wide / 2, top + tall)],
        [(left, top + tall / 2), (left + wide, top + tall / 2)],
    ]
    canvas.strokes(cross, style.ink, style.line * 0.8)


def room(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a wall with a window or a picture, a floor, a piece of furniture."""
    wall, floor = style.ground(rng), dim(style.ground(rng), 0.86)
    canvas.box(0, 0, WIDTH, HEIGHT, wall)
    level = rng.uniform(86, 100)
    canvas.box(0, level, WIDTH, HEIGHT, floor)
    canvas.stroke([(0, level), (WIDTH, level)], style.ink, style.line * 0.7)
    panes(
        canvas,
        style,
        rng.uniform(8, 130),
        rng.uniform(8, 22),
        rng.uniform(34, 56),
        rng.uniform(34, 48),
        mix(wall, WHITE, 0.7),
    )
    left, tint = rng.uniform(0, 150), mix(style.ground(rng), style.tint, 0.25)
    kind = rng.integer(0, 2)
    if kind == 0:  # shelves
        panel(canvas, style, left, 20, left + 42, level + 6, dim(tint, 0.85))
        for y in (36, 54, 72):
            for x in range(3, 36, 6):
                canvas.box(
                    left + x, y - rng.uniform(9, 13), left + x + 4, y, mix(tint, style.ground(rng), rng.random())
                )
            canvas.stroke([(left, y), (left + 42, y)], style.ink, style.line * 0.6)
    elif kind == 1:  # a sofa
        panel(canvas, style, left - 10, 74, left + 70, 104, tint)
        panel(canvas, style, left - 16, 84, left + 76, 112, dim(tint, 0.92))
    else:  # a plant
        panel(canvas, style, left + 8, 86, left + 24, 106, dim(tint, 0.8))
        for dx in (-12, -5, 3, 10):
            canvas.stroke([(left + 16, 88), (left + 16 + dx, 66 + abs(dx))], mix(hsv(110, 0.5, 0.6), tint, 0.3), 3)


def kitchen(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw tiles, cupboards, a table with a steaming bowl."""
    wall = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, wall)
    grid = [[(x, 30), (x, 84)] for x in range(0, WIDTH, 14)] + [[(0, y), (WIDTH, y)] for y in range(30, 84, 13)]
    canvas.strokes(grid, dim(wall, 0.92), 0.6)
    for left in range(int(rng.uniform(-20, 0)), WIDTH, 46):
        panel(canvas, style, left, -4, left + 44, 28, mix(style.tint, wall, 0.65))
    table, x = dim(style.ground(rng), 0.85), rng.uniform(30, 160)
    canvas.box(0, 100, WIDTH, HEIGHT, table)
    canvas.stroke([(0, 100), (WIDTH, 100)], style.ink, style.line)
    canvas.shape(oval(x, 98, 15, 9, 15, 0, 180), mix(style.tint, WHITE, 0.5), style.ink, style.line)
    for dx in (-6, 0, 6):
        canvas.stroke(
            smooth([(x + dx, 92), (x + dx + 3, 86), (x + dx - 2, 80), (x + dx + 1, 74)], 1, False),
            mix(wall, WHITE, 0.8),
            1,
        )


def street(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw house fronts, a road, the sky between."""
    above = style.ground(rng)
    canvas.gradient(above, mix(above, WHITE, 0.6), 0, 96)
    left = -8.0
    while left < WIDTH:
        wide, top, front = rng.uniform(26, 48), rng.uniform(14, 60), dim(style.ground(rng), rng.uniform(0.72, 0.95))
        panel(canvas, style, left, top, left + wide, 102, front)
        lit = mix(front, hsv(48, 0.4, 1.0), 0.45) if rng.chance(0.5) else dim(front, 0.75)
        for y in range(int(top) + 7, 84, 15):
            for x in range(5, int(wide) - 6, 11):
                canvas.box(left + x, y, left + x + 6, y + 8, lit)
        left += wide + rng.choice((0.0, 0.0, 6.0))
    canvas.box(0, 102, WIDTH, HEIGHT, dim(style.ground(rng), 0.66))
    canvas.stroke([(0, 102), (WIDTH, 102)], style.ink, style.line)


def park(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Round trees on a lawn."""
    above = style.ground(rng)
    canvas.gradient(above, mix(above, WHITE, 0.7), 0, 92)
    green = mix(hsv(rng.uniform(85, 125), style.saturation + 0.15, style.value * 0.88), above, 0.2)
    canvas.box(0, 92, WIDTH, HEIGHT, mix(green, WHITE, 0.15))
    for _ in range(4):
        x, size = rng.uniform(0, WIDTH), rng.uniform(14, 26)
        canvas.box(x - 2.5, 70, x + 2.5, 96, mix(style.ink, (90, 130, 170), 0.6))
        canvas.shape(oval(x, 66 - size * 0.5, size, size * 0.9), green, style.ink, style.line * 0.8)
    canvas.fill([(60, HEIGHT), (92, 92), (104, 92), (150, HEIGHT)], mix(style.ground(rng), WHITE, 0.2))


def office(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a wide window over towers, blinds, a desk with a screen."""
    wall = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, dim(wall, 0.92))
    light = mix(style.ground(rng), WHITE, 0.5)
    canvas.gradient(light, mix(light, WHITE, 0.4), 10, 78)
    for x in range(0, WIDTH, 17):
        top = rng.uniform(30, 70)
        canvas.box(x, top, x + rng.uniform(10, 17), 78, dim(light, rng.uniform(0.78, 0.92)))
    for x in (0, 66, 134, 198):
        canvas.box(x, 8, x + 4, 80, dim(wall, 0.6))
    canvas.strokes([[(0, y), (WIDTH, y)] for y in range(10, int(rng.uniform(16, 40)), 4)], dim(wall, 0.75), 0.6)
    canvas.box(0, 78, WIDTH, 82, dim(wall, 0.65))
    left = rng.uniform(0, 140)
    panel(canvas, style, left, 74, left + 44, 100, dim(wall, 0.4))
    canvas.box(left + 3, 77, left + 41, 96, mix(light, wall, 0.4))
    canvas.box(0, 102, WIDTH, HEIGHT, dim(style.ground(rng), 0.6))


def cafe(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw hanging lamps, shelves, a window to the street."""
    wall = dim(style.ground(rng), 0.85)
    canvas.gradient(dim(wall, 0.8), wall)
    light = hsv(38, 0.35, min(1.0, style.value * 1.15))
    panel(canvas, style, 12, 26, 92, 90, mix(style.ground(rng), WHITE, 0.4))
    canvas.strokes([[(bar, 26), (bar, 90)] for bar in (38, 66)], dim(wall, 0.6), 1.2)
    for shelf in (44, 64):
        canvas.box(112, shelf, 196, shelf + 2.5, dim(wall, 0.55))
        for left in range(115, 192, 9):
            canvas.box(
                left,
                shelf - rng.uniform(5, 11),
                left + 5,
                shelf,
                mix(style.ground(rng), style.tint, 0.3 * rng.random()),
            )
    for _ in range(3):
        x, y = rng.uniform(10, 190), rng.uniform(14, 30)
        canvas.stroke([(x, 0), (x, y)], style.ink, 0.7)
        canvas.glow(x, y + 5, 26, light, 170)
        canvas.fill([(x - 6, y + 5), (x - 2, y), (x + 2, y), (x + 6, y + 5)], dim(wall, 0.4))
    canvas.box(0, 100, WIDTH, HEIGHT, dim(wall, 0.6))


def corridor(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a corridor in perspective with doors and a distant light."""
    wall = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, wall)
    x, y, wide, tall = rng.uniform(70, 132), rng.uniform(46, 62), rng.uniform(12, 20), rng.uniform(13, 20)
    left, right, top, bottom = x - wide, x + wide, y - tall, y + tall
    canvas.fill([(0, 0), (WIDTH, 0), (right, top), (left, top)], dim(wall, 0.72))
    canvas.fill([(0, HEIGHT), (WIDTH, HEIGHT), (right, bottom), (left, bottom)], dim(wall, 0.56))
    canvas.fill([(WIDTH, 0), (WIDTH, HEIGHT), (right, bottom), (right, top)], dim(wall, 0.88))
    canvas.box(left, top, right, bottom, mix(wall, WHITE, 0.45))
    for near, far in ((0.85, 0.6), (0.5, 0.36)):
        for edge, start in ((0.0, left), (float(WIDTH), right)):
            a, b = start + (edge - start) * near, start + (edge - start) * far
            door = [
                (a, y - tall - (y - tall) * near * 0.7),
                (b, y - tall - (y - tall) * far * 0.7),
                (b, bottom + (HEIGHT - bottom) * far),
                (a, bottom + (HEIGHT - bottom) * near),
            ]
            canvas.shape(door, dim(wall, 0.62), style.ink, style.line * 0.7)
    canvas.glow(x, y, 52, mix(wall, WHITE, 0.6), 120)


def window(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a tall window with curtains, light on the floor."""
    wall = style.ground(rng)
    canvas.gradient(wall, dim(wall, 0.9))
    light, left = mix(style.ground(rng), WHITE, 0.65), rng.uniform(40, 96)
    panes(canvas, style, left, 6, 66, 78, light)
    for x, sway in ((left - 8, -7), (left + 74, 7)):
        folds = [(x - 9, 2), (x + 9, 2), (x + 8 + sway, 48), (x + 11, 96), (x - 11, 96), (x - 8 + sway, 48)]
        canvas.shape(smooth(folds, 1), mix(style.ground(rng), WHITE, 0.35), style.ink, style.line * 0.7)
    canvas.fill([(left, 100), (left + 66, 100), (left + 90, HEIGHT), (left + 6, HEIGHT)], mix(wall, WHITE, 0.4))


def alley(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw dark walls, a lamp, wet ground."""
    base = style.ground(rng)
    canvas.gradient(dim(base, 0.7), base)
    gap = rng.uniform(60, 130)
    canvas.fill([(0, 0), (gap - 16, 0), (gap - 10, 92), (0, HEIGHT)], dim(base, 0.5))
    canvas.fill([(WIDTH, 0), (gap + 26, 0), (gap + 16, 92), (WIDTH, HEIGHT)], dim(base, 0.4))
    canvas.strokes([[(0, y), (gap - 14, y * 0.75 + 16)] for y in range(10, 120, 16)], dim(base, 0.35), 0.7)
    lamp = (gap + rng.uniform(-8, 14), rng.uniform(18, 30))
    canvas.stroke([lamp, (lamp[0], 96.0)], dim(base, 0.2), 1.6)
    canvas.glow(lamp[0], lamp[1], 46, hsv(50, 0.35, 0.9), 210)
    canvas.disc(lamp[0], lamp[1], 3, hsv(50, 0.2, 1.0))
    canvas.glow(lamp[0], 108, 26, hsv(50, 0.3, 0.7), 110)


def doorway(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a lit door in the dark, its light on the floor, and a person's shadow in it."""
    base = style.ground(rng)
    canvas.box(0, 0, WIDTH, HEIGHT, dim(base, 0.5))
    left, wide = rng.uniform(20, 140), rng.uniform(20, 34)
    light = hsv(rng.choice((45, 2, 190)), 0.3, min(1.0, style.value + 0.5))
    canvas.box(left, 12, left + wide, 92, light)
    canvas.fill(
        [(left, 92), (left + wide, 92), (left + wide + 30, HEIGHT), (left - 10, HEIGHT)],
        mix(dim(base, 0.5), light, 0.45),
    )
    canvas.glow(left + wide / 2, 55, 62, light, 90)
    x = left + wide / 2
    canvas.oval(x, 44, 5, 6.5, dim(base, 0.2))
    canvas.fill([(x - 10, 92), (x - 8, 56), (x + 8, 56), (x + 10, 92)], dim(base, 0.2))


def rubble(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a ruined town under a bright sky."""
    base = style.ground(rng)
    canvas.gradient(mix(base, WHITE, 0.6), base)
    for layer, share in enumerate((0.72, 0.45)):
        for left in range(-10, WIDTH, 30):
            top, wide = rng.uniform(24, 70) + 16 * layer, rng.uniform(18, 30)
            roof = [
                (left, top),
                (left + wide * 0.3, top + rng.uniform(-8, 10)),
                (left + wide * 0.6, top + rng.uniform(-4, 14)),
                (left + wide, top + rng.uniform(-8, 8)),
            ]
            canvas.fill([(left, HEIGHT), *roof, (left + wide, HEIGHT)], dim(base, share))
            canvas.box(left + 5, top + 18, left + 9, top + 24, dim(base, share * 1.35))
    for _ in range(14):
        x, y, size = rng.uniform(0, WIDTH), rng.uniform(96, 122), rng.uniform(4, 12)
        canvas.shape(
            [
                (x - size, y + size),
                (x - size * 0.4, y - size * 0.7),
                (x + size * 0.7, y - size * 0.5),
                (x + size, y + size),
            ],
            dim(base, 0.55),
            style.ink,
            style.line * 0.6,
        )


def stands(canvas: Canvas, rng: SeededRandom, colour: Colour, top: float, bottom: float) -> None:
    """Draw rows of spectators, as dots."""
    canvas.box(0, top, WIDTH, bottom, colour)
    spectators = [
        oval(x + rng.uniform(-1, 1), y, 1.5, 1.7, 90)
        for y in range(int(top) + 3, int(bottom), 5)
        for x in range(2, WIDTH, 5)
    ]
    third = len(spectators) // 3
    for number, hue in enumerate((20, 210, 350)):
        canvas.fills(spectators[number::3][:third], mix(hsv(hue, 0.35, 0.9), colour, 0.45))


def stadium(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw floodlit stands above a striped pitch with its lines."""
    above = style.ground(rng)
    canvas.gradient(above, mix(above, WHITE, 0.5), 0, 34)
    stands(canvas, rng, dim(style.ground(rng), 0.55), 28, 62)
    grass = hsv(rng.uniform(98, 130), 0.55, 0.62 * min(1.0, style.value + 0.15))
    canvas.box(0, 62, WIDTH, HEIGHT, grass)
    middle = rng.uniform(40, 160)
    stripes = [
        [(middle + x, 62), (middle + x + 18, 62), (middle + (x + 18) * 2.6, HEIGHT), (middle + x * 2.6, HEIGHT)]
        for x in range(-180, 180, 36)
    ]
    canvas.fills(stripes, mix(grass, WHITE, 0.12))
    canvas.stroke([(0, 70), (WIDTH, 70)], WHITE, 1)
    canvas.stroke([(middle, 62), (middle + 20, HEIGHT)], WHITE, 1.2)
    canvas.stroke(oval(middle + 8, 92, 46, 15, 15), WHITE, 1, closed=True)
    for x in (16, 186):
        canvas.box(x - 1, 12, x + 1, 30, dim(above, 0.5))
        canvas.glow(x, 12, 16, WHITE, 220)


def court(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw a gymnasium: high windows, a parquet floor with lines, a hoop or a net."""
    wall = style.ground(rng)
    canvas.gradient(mix(wall, WHITE, 0.3), wall, 0, 70)
    for left in range(10, WIDTH, 40):
        canvas.box(left, 8, left + 28, 26, mix(wall, WHITE, 0.75))
    floor = hsv(rng.uniform(24, 36), 0.5, 0.85 * min(1.0, style.value + 0.12))
    canvas.gradient(dim(floor, 0.9), floor, 66, HEIGHT)
    canvas.strokes([[(101 + x, 66), (101 + x * 3, HEIGHT)] for x in range(-120, 130, 15)], dim(floor, 0.88), 0.6)
    canvas.strokes([[(0, 84), (WIDTH, 84)], [(60, 66), (20, HEIGHT)]], WHITE, 1.4)
    if rng.chance(0.6):
        x = rng.uniform(20, 170)
        panel(canvas, style, x - 14, 12, x + 14, 34, mix(WHITE, wall, 0.1))
        canvas.stroke(oval(x, 37, 7, 2.5, 30), (40, 90, 235), 1.6, closed=True)
        net = [[(x + dx, 38), (x + dx * 0.5, 50)] for dx in (-7, -3, 0, 3, 7)]
        canvas.strokes(net, WHITE, 0.6)
    else:
        mesh = [[(x, 48), (x, 72)] for x in range(0, WIDTH, 7)] + [[(0, y), (WIDTH, y)] for y in (48, 54, 60, 66, 72)]
        canvas.strokes(mesh, mix(WHITE, wall, 0.2), 0.6)


def track(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw red lanes up to the horizon."""
    above = style.ground(rng)
    canvas.gradient(above, mix(above, WHITE, 0.65), 0, 60)
    canvas.box(0, 54, WIDTH, 66, hsv(115, 0.4, 0.6))
    clay, x = hsv(rng.uniform(8, 20), 0.6, 0.78), rng.uniform(60, 140)
    canvas.gradient(dim(clay, 0.86), clay, 64, HEIGHT)
    canvas.strokes([[(x + lane * 0.25, 64), (x + lane * 3.4, HEIGHT)] for lane in range(-90, 100, 18)], WHITE, 1.1)
    streaks(canvas, rng, 0, 8, mix(clay, WHITE, 0.5), 1.2)


def crowd(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw stands that fill the canvas, with flags and lights."""
    base = style.ground(rng)
    stands(canvas, rng, dim(base, 0.6), 0, HEIGHT)
    for _ in range(5):
        x, y = rng.uniform(5, 195), rng.uniform(10, 90)
        canvas.stroke([(x, y), (x, y + 22)], style.ink, 0.8)
        canvas.fill([(x, y), (x + 16, y + 4), (x, y + 9)], mix(style.accent, base, 0.3))
    for x in (20, 100, 180):
        canvas.glow(x, 4, 34, WHITE, 150)
