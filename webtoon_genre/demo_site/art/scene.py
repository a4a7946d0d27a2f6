"""The scene of an episode: a backdrop, characters in a framing, effects and a border."""

from collections.abc import Callable

from webtoon_genre.demo_site.art import body, letters, moods, nature, places
from webtoon_genre.demo_site.art.canvas import HEIGHT, WIDTH, Canvas
from webtoon_genre.demo_site.art.colour import BLACK, WHITE, Colour, dim
from webtoon_genre.demo_site.art.effects import EFFECTS
from webtoon_genre.demo_site.art.head import Head
from webtoon_genre.demo_site.art.style import Character, Style
from webtoon_genre.demo_site.seeded_random import SeededRandom

BACKDROPS: dict[str, Callable[[Canvas, Style, SeededRandom], None]] = {
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


def draw(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw the complete scene."""
    BACKDROPS[rng.weighted_choice(style.backdrops)](canvas, style, rng)
    framing = rng.weighted_choice(style.framings)
    head = FRAMINGS[framing](canvas, style, rng)
    for _ in range(int(style.busy + rng.random())):
        EFFECTS[rng.weighted_choice(style.effects)](canvas, style, rng, head)
    if framing not in ("glare", "vista", "split") and rng.chance(style.bubbles):
        letters.bubble(canvas, style, rng, left=head.x > WIDTH / 2, shout=head.mood in SHOUTS)
    border(canvas, style, rng)


def actor(style: Style, rng: SeededRandom) -> Character:
    """Choose a character of the cast; the first ones are the most frequent."""
    return style.cast[min(int(rng.random() * rng.random() * 5), len(style.cast) - 1)]


def pose_head(style: Style, rng: SeededRandom, x: float, y: float, radius: float, flip: int | None = None) -> Head:
    """Return a head at a position, with random tilt and mood."""
    turn = rng.integer(-style.tilt, style.tilt) % 360
    facing = flip if flip is not None else rng.choice((-1, 1))
    return Head(
        x, y, radius * style.size, turn, facing, rng.uniform(0.0, 0.24), rng.weighted_choice(style.school.moods)
    )


def closeup(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw a face that fills the picture."""
    head = pose_head(style, rng, rng.uniform(70, 132), rng.uniform(58, 72), rng.uniform(42, 54))
    body.bust(canvas, style, actor(style, rng), head)
    return head


def bust(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw head and shoulders."""
    head = pose_head(style, rng, rng.uniform(55, 147), rng.uniform(50, 60), rng.uniform(26, 33))
    body.bust(canvas, style, actor(style, rng), head)
    return head


def chibi(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw a small full body under a large head."""
    pose = rng.choice(("stand", "walk", "cheer", "run", "stand"))
    head = pose_head(style, rng, rng.uniform(55, 147), rng.uniform(40, 48), rng.uniform(20, 25))
    body.figure(canvas, style, actor(style, rng), head, pose, 1.1)
    return head


def full(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw a full body in motion."""
    pose = rng.choice(POSES.get(style.name, ("stand", "walk")))
    head = pose_head(style, rng, rng.uniform(70, 132), rng.uniform(20, 30), rng.uniform(11, 14.5))
    body.figure(canvas, style, actor(style, rng), head, pose, rng.uniform(2.2, 2.8))
    return head


def pair(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw two characters face to face."""
    radius = rng.uniform(23, 29)
    left = pose_head(style, rng, rng.uniform(46, 64), rng.uniform(52, 62), radius, 1)
    right = pose_head(style, rng, rng.uniform(138, 156), rng.uniform(50, 64), radius, -1)
    first = rng.integer(0, len(style.cast) - 1)
    body.bust(canvas, style, style.cast[first], left)
    body.bust(canvas, style, style.cast[(first + 1) % len(style.cast)], right)
    return rng.choice((left, right))


def embrace(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw two heads leaning on each other."""
    x, radius = rng.uniform(84, 118), rng.uniform(30, 36)
    left = Head(x - radius * 0.78, 64, radius * style.size, 12, 1, 0.26, rng.choice(("shy", "smile", "sleep")))
    right = Head(x + radius * 0.8, 54, radius * style.size, -12 % 360, -1, 0.26, rng.choice(("shy", "smile", "calm")))
    body.bust(canvas, style, style.cast[1], right)
    body.bust(canvas, style, style.cast[0], left)
    return left


def crowd(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw three or four characters side by side."""
    head = pose_head(style, rng, 0, 0, 1)
    for number in range(rng.integer(3, 4)):
        head = pose_head(style, rng, 32 + 46 * number + rng.uniform(-5, 5), rng.uniform(54, 66), rng.uniform(17, 21))
        body.bust(canvas, style, style.cast[number], head)
    return head


def vista(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw a small character in a wide view, or nobody."""
    head = pose_head(style, rng, rng.uniform(40, 162), rng.uniform(72, 84), rng.uniform(4, 6.5))
    if rng.chance(0.85):
        body.figure(canvas, style, actor(style, rng), head, "stand", 2.4)
    return head


def glare(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw eyes between bars."""
    head = pose_head(style, rng, rng.uniform(84, 118), rng.uniform(50, 58), rng.uniform(84, 100))
    body.bust(canvas, style, actor(style, rng), head)
    bars(canvas, style.ink if rng.chance(0.7) else BLACK, rng.uniform(16, 26))
    return head


def back(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw a character from behind."""
    head = pose_head(style, rng, rng.uniform(55, 147), rng.uniform(56, 70), rng.uniform(20, 30))
    body.bust_from_behind(canvas, style, actor(style, rng), head)
    return head


def fist(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw a fist in front of the character who strikes."""
    flip, person = rng.choice((-1, 1)), actor(style, rng)
    head = pose_head(style, rng, 101 - flip * 36, rng.uniform(46, 56), rng.uniform(26, 31), flip)
    body.bust(canvas, style, person, head)
    body.fist(canvas, style, person, 101 + flip * rng.uniform(34, 52), rng.uniform(64, 82), rng.uniform(20, 27), flip)
    return head


def split(canvas: Canvas, style: Style, rng: SeededRandom) -> Head:
    """Draw two panels with a slanting gutter, a face in each."""
    gutter, lean = rng.uniform(84, 118), rng.choice((-26, 26))
    left = pose_head(style, rng, gutter - 48, rng.uniform(54, 64), rng.uniform(32, 40), 1)
    right = pose_head(style, rng, gutter + 52, rng.uniform(54, 64), rng.uniform(32, 40), -1)
    right_panel = Canvas(canvas.shade is not None, style.brush)
    BACKDROPS[rng.weighted_choice(style.backdrops)](right_panel, style, rng)
    body.bust(canvas, style, style.cast[0], left)
    body.bust(right_panel, style, style.cast[1], right)
    canvas.paste(
        right_panel, [(gutter + lean, -2), (WIDTH + 2, -2), (WIDTH + 2, HEIGHT + 2), (gutter - lean, HEIGHT + 2)]
    )
    canvas.stroke([(gutter + lean, -2), (gutter - lean, HEIGHT + 2)], WHITE, 3)
    return left


FRAMINGS: dict[str, Callable[[Canvas, Style, SeededRandom], Head]] = {
    framing.__name__: framing
    for framing in (closeup, bust, chibi, full, pair, embrace, crowd, vista, glare, back, fist, split)
}


def border(canvas: Canvas, style: Style, rng: SeededRandom) -> None:
    """Draw the frame of the panel."""
    if style.border == "bars":
        bars(canvas, BLACK, 9)
    elif style.border == "slant":
        shift = rng.choice((-9, 9))
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
    """Draw a bar along the upper and the lower edge."""
    canvas.box(0, 0, WIDTH, high, colour)
    canvas.box(0, HEIGHT - high, WIDTH, HEIGHT, colour)


def frame(canvas: Canvas, colour: Colour, wide: float) -> None:
    """Draw a margin along all four edges."""
    bars(canvas, colour, wide)
    canvas.box(0, 0, wide, HEIGHT, colour)
    canvas.box(WIDTH - wide, 0, WIDTH, HEIGHT, colour)
