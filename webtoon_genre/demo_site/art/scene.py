"""One episode's scene: a backdrop, who stands before it and how near, and what is laid over."""

from collections.abc import Callable

from webtoon_genre.demo_site.art import body, letters, moods, nature, places
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import BLACK, WHITE, Colour, dim
from webtoon_genre.demo_site.art.effects import EFFECTS
from webtoon_genre.demo_site.art.head import Head
from webtoon_genre.demo_site.art.style import Character, Style
from webtoon_genre.demo_site.dice import Dice

BACKDROPS: dict[str, Callable[[Canvas, Style, Dice], None]] = {
    backdrop.__name__: backdrop
    for backdrop in (
        moods.plain, moods.stripes, moods.dotted, moods.burst, moods.focus, moods.speed, moods.bokeh, moods.glitter, moods.roses,
        moods.smoke, moods.flames, moods.void, moods.circle, moods.strokes,
        nature.sky, nature.sea, nature.meadow, nature.garden, nature.rain, nature.moon, nature.aurora, nature.forest,
        nature.castle, nature.ruins, nature.peaks, nature.bamboo, nature.pine, nature.eaves,
        places.room, places.kitchen, places.street, places.park, places.office, places.cafe, places.corridor, places.window,
        places.alley, places.doorway, places.rubble, places.stadium, places.court, places.track, places.crowd,
    )
}  # fmt: skip
SHOUTS = ("shout", "angry", "shock", "laugh")
FIGHTS = ("punch", "kick", "leap", "run", "sword")
POSES = {
    "epic": ("stand", "sword", "leap", "walk"),
    "clash": FIGHTS,
    "inkwash": ("stand", "sword", "leap", "sword"),
    "arena": ("run", "throw", "kick", "cheer", "leap"),
}


def draw(canvas: Canvas, style: Style, dice: Dice) -> None:
    """Paint the whole scene."""
    BACKDROPS[dice.weighted(style.backdrops)](canvas, style, dice)
    framing = dice.weighted(style.framings)
    head = FRAMINGS[framing](canvas, style, dice)
    for _ in range(int(style.busy + dice.unit())):
        EFFECTS[dice.weighted(style.effects)](canvas, style, dice, head)
    if framing not in ("glare", "vista", "split") and dice.chance(style.bubbles):
        letters.bubble(canvas, style, dice, left=head.x > WIDTH / 2, shout=head.mood in SHOUTS)
    border(canvas, style, dice)


def actor(style: Style, dice: Dice) -> Character:
    """Someone of the cast; the first ones come most often."""
    return style.cast[min(int(dice.unit() * dice.unit() * 5), len(style.cast) - 1)]


def posed(style: Style, dice: Dice, x: float, y: float, radius: float, flip: int | None = None) -> Head:
    """A head in a place, with a lean and a mood of the scene's own."""
    turn = dice.integer(-style.tilt, style.tilt) % 360
    facing = flip if flip is not None else dice.choose((-1, 1))
    return Head(x, y, radius * style.size, turn, facing, dice.between(0.0, 0.24), dice.weighted(style.school.moods))


def closeup(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """A face that fills the picture."""
    head = posed(style, dice, dice.between(70, 132), dice.between(58, 72), dice.between(42, 54))
    body.bust(canvas, style, actor(style, dice), head)
    return head


def bust(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Head and shoulders."""
    head = posed(style, dice, dice.between(55, 147), dice.between(50, 60), dice.between(26, 33))
    body.bust(canvas, style, actor(style, dice), head)
    return head


def chibi(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """A whole small body under a large head."""
    pose = dice.choose(("stand", "walk", "cheer", "run", "stand"))
    head = posed(style, dice, dice.between(55, 147), dice.between(40, 48), dice.between(20, 25))
    body.figure(canvas, style, actor(style, dice), head, pose, 1.1)
    return head


def full(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """A whole body in motion."""
    pose = dice.choose(POSES.get(style.name, ("stand", "walk")))
    head = posed(style, dice, dice.between(70, 132), dice.between(20, 30), dice.between(11, 14.5))
    body.figure(canvas, style, actor(style, dice), head, pose, dice.between(2.2, 2.8))
    return head


def pair(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Two who face each other."""
    radius = dice.between(23, 29)
    left = posed(style, dice, dice.between(46, 64), dice.between(52, 62), radius, 1)
    right = posed(style, dice, dice.between(138, 156), dice.between(50, 64), radius, -1)
    first = dice.integer(0, len(style.cast) - 1)
    body.bust(canvas, style, style.cast[first], left)
    body.bust(canvas, style, style.cast[(first + 1) % len(style.cast)], right)
    return dice.choose((left, right))


def embrace(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Two heads that lean on each other."""
    x, radius = dice.between(84, 118), dice.between(30, 36)
    left = Head(x - radius * 0.78, 64, radius * style.size, 12, 1, 0.26, dice.choose(("shy", "smile", "sleep")))
    right = Head(x + radius * 0.8, 54, radius * style.size, -12 % 360, -1, 0.26, dice.choose(("shy", "smile", "calm")))
    body.bust(canvas, style, style.cast[1], right)
    body.bust(canvas, style, style.cast[0], left)
    return left


def crowd(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Three or four side by side."""
    head = posed(style, dice, 0, 0, 1)
    for number in range(dice.integer(3, 4)):
        head = posed(style, dice, 32 + 46 * number + dice.between(-5, 5), dice.between(54, 66), dice.between(17, 21))
        body.bust(canvas, style, style.cast[number], head)
    return head


def vista(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Someone small in a wide view, or nobody."""
    head = posed(style, dice, dice.between(40, 162), dice.between(72, 84), dice.between(4, 6.5))
    if dice.chance(0.85):
        body.figure(canvas, style, actor(style, dice), head, "stand", 2.4)
    return head


def glare(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Eyes between bars."""
    head = posed(style, dice, dice.between(84, 118), dice.between(50, 58), dice.between(84, 100))
    body.bust(canvas, style, actor(style, dice), head)
    bars(canvas, style.ink if dice.chance(0.7) else BLACK, dice.between(16, 26))
    return head


def back(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Someone seen from behind."""
    head = posed(style, dice, dice.between(55, 147), dice.between(56, 70), dice.between(20, 30))
    body.bust_from_behind(canvas, style, actor(style, dice), head)
    return head


def fist(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """A fist before the one who strikes."""
    flip, who = dice.choose((-1, 1)), actor(style, dice)
    head = posed(style, dice, 101 - flip * 36, dice.between(46, 56), dice.between(26, 31), flip)
    body.bust(canvas, style, who, head)
    body.fist(canvas, style, who, 101 + flip * dice.between(34, 52), dice.between(64, 82), dice.between(20, 27), flip)
    return head


def split(canvas: Canvas, style: Style, dice: Dice) -> Head:
    """Two panels with a slanting gutter, a face in each."""
    cut, lean = dice.between(84, 118), dice.choose((-26, 26))
    left = posed(style, dice, cut - 48, dice.between(54, 64), dice.between(32, 40), 1)
    right = posed(style, dice, cut + 52, dice.between(54, 64), dice.between(32, 40), -1)
    other = Canvas(canvas.shade is not None, style.brush)
    BACKDROPS[dice.weighted(style.backdrops)](other, style, dice)
    body.bust(canvas, style, style.cast[0], left)
    body.bust(other, style, style.cast[1], right)
    canvas.paste(other, [(cut + lean, -2), (WIDTH + 2, -2), (WIDTH + 2, HEIGHT + 2), (cut - lean, HEIGHT + 2)])
    canvas.stroke([(cut + lean, -2), (cut - lean, HEIGHT + 2)], WHITE, 3)
    return left


FRAMINGS: dict[str, Callable[[Canvas, Style, Dice], Head]] = {
    framing.__name__: framing
    for framing in (closeup, bust, chibi, full, pair, embrace, crowd, vista, glare, back, fist, split)
}


def border(canvas: Canvas, style: Style, dice: Dice) -> None:
    """The panel's frame."""
    if style.border == "bars":
        bars(canvas, BLACK, 9)
    elif style.border == "slant":
        shift = dice.choose((-9, 9))
        canvas.fill([(-2, -2), (6 + shift, -2), (4 - shift, HEIGHT + 2), (-2, HEIGHT + 2)], WHITE)
        canvas.fill(
            [(WIDTH + 2, -2), (WIDTH - 6 + shift, -2), (WIDTH - 4 - shift, HEIGHT + 2), (WIDTH + 2, HEIGHT + 2)], WHITE
        )
    elif style.border in ("white", "black"):
        frame(canvas, WHITE if style.border == "white" else dim(style.ink, 0.8), 4)
        canvas.stroke(
            [(4, 4), (WIDTH - 4, 4), (WIDTH - 4, HEIGHT - 4), (4, HEIGHT - 4)], style.ink, style.line * 0.8, closed=True
        )


def bars(canvas: Canvas, colour: Colour, high: float) -> None:
    """A bar above and one below."""
    canvas.box(0, 0, WIDTH, high, colour)
    canvas.box(0, HEIGHT - high, WIDTH, HEIGHT, colour)


def frame(canvas: Canvas, colour: Colour, wide: float) -> None:
    """A margin on all four sides."""
    bars(canvas, colour, wide)
    canvas.box(0, 0, wide, HEIGHT, colour)
    canvas.box(WIDTH - wide, 0, WIDTH, HEIGHT, colour)
