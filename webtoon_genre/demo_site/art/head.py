"""A head: skull, ears, eyes, brows, mouth, and hair in front and behind. The unit is half its height, the origin its middle."""

from dataclasses import dataclass

from webtoon_genre.demo_site.art import hair
from webtoon_genre.demo_site.art.canvas import Canvas
from webtoon_genre.demo_site.art.colour import BLACK, WHITE, dim, mix
from webtoon_genre.demo_site.art.geometry import Point, Points, mirror, oval, smooth, stretch, transform
from webtoon_genre.demo_site.art.style import Character, Style

BROWS = {
    "angry": 0.13,
    "shout": 0.12,
    "smirk": 0.06,
    "sad": -0.12,
    "cry": -0.12,
    "shy": -0.07,
    "shock": -0.04,
}  # inner ends


@dataclass(frozen=True, slots=True)
class Head:
    """The position, size and expression of a head; `aside` is how far the face turns away from the reader, in units."""

    x: float
    y: float
    radius: float  # pixels, half the height
    turn: int  # degrees
    flip: int  # 1 faces right, -1 left
    aside: float
    mood: str

    def at(self, points: Points) -> list[Point]:
        """Convert points of the head to the canvas."""
        return transform(points, self.x, self.y, self.radius, self.turn, self.flip)


def width(style: Style, radius: float) -> float:
    """Return the width of outlines of a figure whose head has this radius, in pixels."""
    return style.line * min(1.5, max(0.55, radius / 30))


def back_hair(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw the hair behind the shoulders."""
    line, tint = width(style, head.radius), style.paint(person.hair_colour)
    for points in hair.back(person.hair, style.face):
        canvas.shape(head.at(points), dim(tint, 0.86), style.ink, line)


def front(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw the face, its features, and the hair over it."""
    skull(canvas, style, person, head)
    features(canvas, style, person, head)
    locks(canvas, style, person, head)
    if person.glasses and head.radius > 9:
        glasses(canvas, style, head)


def back_view(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw a head from behind: hair alone."""
    back_hair(canvas, style, person, head)
    line, tint = width(style, head.radius), style.paint(person.hair_colour)
    crown = mirror([(0.0, -1.16), (0.7, -1.02), (1.06, -0.4), (1.0, 0.25), (0.7, 0.72), (0.2, 0.8)])
    canvas.shape(head.at(smooth(stretch(crown, style.face))), tint, style.ink, line)
    strands = [[(x * 0.4, -0.9), (x, -0.1), (x * 0.9, 0.6)] for x in (-0.5, -0.2, 0.15, 0.5)]
    canvas.strokes([head.at(smooth(strand, closed=False)) for strand in strands], dim(tint, 0.7), line * 0.6)


def skull(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw ears, the outline of the face, its shadow, its blush."""
    wide, chin, line, skin = style.face, style.chin, width(style, head.radius), style.paint(person.skin)
    dark = mix(dim(skin, style.depth), style.paint((140, 110, 210)), 0.16)
    ear = stretch(smooth([(-1.0, -0.05), (-1.2, -0.12), (-1.16, 0.25), (-0.94, 0.34)], 1), wide)
    canvas.shape(head.at(ear), skin, style.ink, line)
    outline = face(wide, chin, head.aside)
    canvas.shape(head.at(outline), skin, style.ink, line)
    if style.shade != "flat":
        canvas.tone(head.at(shadow(wide, chin, head.aside)), dark)
    if style.blush and head.radius > 7:
        for side in (-0.52, 0.52):
            centre = head.at([(side * wide + head.aside, 0.42)])[0]
            flush = mix(skin, style.paint((130, 120, 250)), 0.45)
            canvas.fill(oval(centre[0], centre[1], 0.2 * head.radius, 0.11 * head.radius, 45), flush)


def face(wide: float, chin: float, aside: float) -> list[Point]:
    """Return the outline of a face; a low chin ends in a point."""
    tip, jaw = 0.08 + 0.34 * chin, 0.56 + 0.34 * chin
    right = [(0.0, -1.0), (0.62, -0.94), (0.98, -0.45), (1.0, 0.05), (0.95, 0.42), (jaw, 0.8), (tip, 1.0)]
    return smooth([(x * wide + (0.5 * aside if y > 0.7 else 0.0), y) for x, y in mirror(right)])


def shadow(wide: float, chin: float, aside: float) -> list[Point]:
    """Return the dark side of the face, and the shadow of the fringe."""
    side = [(x, y) for x, y in face(wide, chin, aside) if x < 0 and y > -0.6]  # from the chin up
    inner = [(-0.6 * wide, -0.5), (0.75 * wide, -0.55), (0.7 * wide, -0.32), (-0.55 * wide, -0.2)]
    return [*side, *inner, (-0.66 * wide + aside, 0.2), (-0.5 * wide + aside, 0.75)]


def features(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw eyes, brows, nose and mouth."""
    for side in (-1, 1):
        eye(canvas, style, person, head, side)
    line = width(style, head.radius)
    if style.eyes not in ("dot", "bead") and head.radius > 9:
        nose = [(head.aside * 1.5 + 0.03, 0.3), (head.aside * 1.5 + 0.1, 0.47), (head.aside * 1.5, 0.5)]
        canvas.stroke(head.at(nose), mix(style.ink, style.paint(person.skin), 0.35), line * 0.7)
    mouth(canvas, style, person, head)


def eye(canvas: Canvas, style: Style, person: Character, head: Head, side: int) -> None:
    """Draw an eye with its brow; side 1 is the side that the face turns to."""
    near = 0.86 if side > 0 else 1.0  # the far eye of a turned face is narrower
    x, size = side * 0.42 * style.face + head.aside, style.eye_size
    y = {"dot": 0.16, "bead": 0.14, "round": 0.13}.get(style.eyes, 0.06)
    line, mood = width(style, head.radius), head.mood
    lift = BROWS.get(mood, 0.0)
    top = y - 0.34 * size - (0.1 if mood in ("shock", "laugh") else 0.0)
    brow = [(x - side * 0.2, top + lift), (x + side * 0.02, top - 0.05), (x + side * 0.24, top + 0.03 - lift)]
    colour = (
        style.ink if style.eyes in ("dot", "bead", "stare") else mix(style.ink, style.paint(person.hair_colour), 0.4)
    )
    if head.radius > 8:
        canvas.stroke(head.at(smooth(brow, 1, False)), colour, line * (1.0 if person.soft else 1.5))
    if mood in ("laugh", "sleep") or (mood == "shy" and side < 0):
        bend = -0.13 if mood == "laugh" else 0.1
        arc = [(x - 0.2 * size, y), (x, y + bend * 1.6), (x + 0.2 * size, y)]
        canvas.stroke(head.at(smooth(arc, 2, False)), style.ink, line * 1.25)
        return
    EYES[style.eyes](canvas, style, person, head, x, y, size, near)
    if mood == "cry":
        drop = [(x - 0.1, y + 0.2), (x + 0.1, y + 0.2), (x + 0.14, 0.95), (x - 0.1, 0.95)]
        canvas.fill(head.at(drop), style.paint((255, 225, 190)))


def dot(
    canvas: Canvas, style: Style, person: Character, head: Head, x: float, y: float, size: float, near: float
) -> None:
    """Draw a dot; a white ring when shocked."""
    if head.mood == "shock":
        canvas.shape(head.at(oval(x, y, 0.21 * size, 0.25 * size)), WHITE, style.ink, width(style, head.radius) * 0.8)
        size *= 0.6
    canvas.fill(head.at(oval(x, y, 0.09 * size, 0.125 * size, 30)), style.ink)


def bead(
    canvas: Canvas, style: Style, person: Character, head: Head, x: float, y: float, size: float, near: float
) -> None:
    """Draw a dark oval with a highlight."""
    if head.mood == "shock":
        dot(canvas, style, person, head, x, y, size, near)
        return
    canvas.fill(
        head.at(oval(x, y, 0.12 * size * near, 0.2 * size, 30)), mix(style.ink, style.paint(person.eye_colour), 0.25)
    )
    canvas.fill(head.at(oval(x + 0.03, y - 0.08 * size, 0.045 * size, 0.06 * size, 45)), WHITE)
    lid = [(x - 0.16 * size, y - 0.13 * size), (x, y - 0.22 * size), (x + 0.16 * size, y - 0.13 * size)]
    canvas.stroke(head.at(lid), style.ink, width(style, head.radius))


def shining(
    canvas: Canvas, style: Style, person: Character, head: Head, x: float, y: float, size: float, near: float
) -> None:
    """Draw a large eye: white, a coloured iris, a pupil, highlights, a thick lid."""
    line, iris = width(style, head.radius), style.paint(person.eye_colour)
    small = 0.6 if head.mood == "shock" else 1.0
    across, down = 0.25 * size * near, 0.25 * size
    white = smooth(
        [
            (x - across, y - 0.02),
            (x - 0.5 * across, y - down),
            (x + 0.6 * across, y - down),
            (x + across, y),
            (x + 0.4 * across, y + down),
            (x - 0.5 * across, y + down),
        ],
        1,
    )
    canvas.fill(head.at(white), mix(WHITE, style.tint, 0.08))
    centre = x + head.aside * 0.3
    canvas.fill(head.at(oval(centre, y, 0.165 * size * near * small, 0.235 * size * small, 30)), dim(iris, 0.62))
    canvas.fill(
        head.at(oval(centre, y + 0.07 * size, 0.125 * size * near * small, 0.145 * size * small, 30)),
        mix(iris, WHITE, 0.25),
    )
    canvas.fill(head.at(oval(centre, y - 0.01, 0.075 * size * small, 0.11 * size * small, 45)), dim(style.ink, 0.7))
    canvas.fill(head.at(oval(centre - 0.06 * size, y - 0.11 * size, 0.06 * size, 0.07 * size, 45)), WHITE)
    canvas.fill(head.at(oval(centre + 0.07 * size, y + 0.1 * size, 0.03 * size, 0.035 * size, 60)), WHITE)
    outer = 1 if x > head.aside else -1
    lid = [
        (x - outer * 1.05 * across, y - 0.05),
        (x - outer * 0.4 * across, y - 1.05 * down),
        (x + outer * 0.6 * across, y - 1.0 * down),
        (x + outer * 1.2 * across, y - 0.02),
    ]
    canvas.stroke(head.at(smooth(lid, 2, False)), style.ink, line * 1.7)
    if person.soft and head.radius > 16:
        lash = [(x + outer * across, y - 0.5 * down), (x + outer * 1.45 * across, y - 0.75 * down)]
        canvas.stroke(head.at(lash), style.ink, line)


def narrow(
    canvas: Canvas, style: Style, person: Character, head: Head, x: float, y: float, size: float, near: float
) -> None:
    """Draw a slim eye: an almond, a small iris, a straight lid."""
    line, outer = width(style, head.radius), 1 if x > head.aside else -1
    across, slant = 0.26 * size * near, 0.05 + BROWS.get(head.mood, 0.0) * 0.5
    tall = 0.16 * size if head.mood == "shock" else 0.1 * size
    inner, far = (x - outer * across, y + slant), (x + outer * across, y - slant)
    almond = [
        inner,
        (x - outer * 0.2 * across, y - tall),
        (x + outer * 0.6 * across, y - tall - slant * 0.6),
        far,
        (x, y + tall * 0.8),
    ]
    canvas.fill(head.at(smooth(almond, 1)), mix(WHITE, style.tint, 0.12))
    canvas.fill(
        head.at(oval(x + head.aside * 0.4, y - 0.01, 0.09 * size, 0.12 * size, 40)),
        dim(style.paint(person.eye_colour), 0.75),
    )
    canvas.fill(head.at(oval(x + head.aside * 0.4, y - 0.01, 0.04 * size, 0.06 * size, 60)), BLACK)
    lid = [
        inner,
        (x - outer * 0.2 * across, y - tall),
        (x + outer * 0.6 * across, y - tall - slant * 0.6),
        (x + outer * 1.25 * across, y - slant - 0.02),
    ]
    canvas.stroke(head.at(lid), style.ink, line * 1.5)


def stare(
    canvas: Canvas, style: Style, person: Character, head: Head, x: float, y: float, size: float, near: float
) -> None:
    """Draw a wide eye with a pinpoint pupil and a ring below."""
    line = width(style, head.radius)
    canvas.shape(head.at(oval(x, y, 0.23 * size * near, 0.19 * size)), mix(WHITE, style.tint, 0.15), style.ink, line)
    canvas.fill(head.at(oval(x + head.aside * 0.3, y, 0.055, 0.06, 40)), style.ink)
    ring = [(x - 0.2, y + 0.26 * size), (x, y + 0.33 * size), (x + 0.18, y + 0.27 * size)]
    canvas.stroke(head.at(smooth(ring, 1, False)), mix(style.ink, style.paint(person.skin), 0.45), line * 0.7)


EYES = {"dot": dot, "bead": bead, "round": shining, "narrow": narrow, "stare": stare}


def mouth(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw the mouth, in the shape of the mood."""
    x, y, line = head.aside * 1.15, 0.66, width(style, head.radius)
    wide = 1.4 if style.eyes in ("dot", "bead") else 1.0
    red = style.paint((70, 60, 170))
    if head.mood in ("laugh", "shout", "cry"):
        deep = {"laugh": 0.24, "shout": 0.34, "cry": 0.2}[head.mood] * (wide * 0.5 + 0.5)
        gape = smooth(
            [
                (x - 0.24 * wide, y - 0.14),
                (x + 0.24 * wide, y - 0.14),
                (x + 0.14 * wide, y - 0.1 + deep),
                (x - 0.14 * wide, y - 0.1 + deep),
            ],
            1,
        )
        canvas.shape(head.at(gape), dim(red, 0.7), style.ink, line)
        if head.radius > 12:
            canvas.fill(
                head.at(
                    [
                        (x - 0.19 * wide, y - 0.13),
                        (x + 0.19 * wide, y - 0.13),
                        (x + 0.16 * wide, y - 0.05),
                        (x - 0.16 * wide, y - 0.05),
                    ]
                ),
                WHITE,
            )
        return
    if head.mood == "shock":
        canvas.shape(head.at(oval(x, y + 0.02, 0.1 * wide, 0.13, 30)), dim(red, 0.6), style.ink, line * 0.8)
        return
    bend = {"smile": 0.1, "smirk": 0.07, "shy": 0.05, "sad": -0.08, "angry": -0.07}.get(head.mood, 0.015)
    reach = 0.22 * wide if head.mood != "shy" else 0.12
    skew = 0.06 if head.mood == "smirk" else 0.0
    curve = [(x - reach, y), (x, y + bend), (x + reach, y - skew)]
    canvas.stroke(head.at(smooth(curve, 1, False)), style.ink, line)
    if person.soft and style.eyes == "round" and head.radius > 20:
        canvas.fill(head.at(oval(x, y + bend + 0.06, 0.09, 0.035, 45)), mix(style.paint(person.skin), red, 0.4))


def locks(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw the hair over the face, with its highlight."""
    line, tint = width(style, head.radius), style.paint(person.hair_colour)
    for points in hair.fringe(person.hair, style.face):
        canvas.shape(head.at(points), tint, style.ink, line)
    if style.shade != "flat" and person.hair not in ("buzz", "hat") and head.radius > 9:
        shine = [(-0.62, -0.72), (-0.2, -0.9), (0.3, -0.88), (0.66, -0.66), (0.28, -0.76), (-0.2, -0.77)]
        canvas.fill(head.at(stretch(shine, style.face)), mix(tint, WHITE, 0.28))
    for points, colour in hair.ornaments(person.hair, style.face, dim(tint, 0.8), style.paint(person.trim)):
        canvas.shape(head.at(points), colour, style.ink, line)


def glasses(canvas: Canvas, style: Style, head: Head) -> None:
    """Draw two rims and a bridge."""
    line = width(style, head.radius)
    for side in (-1, 1):
        rim = oval(side * 0.42 * style.face + head.aside, 0.12, 0.28, 0.25, 30)
        canvas.stroke(head.at(rim), dim(style.ink, 0.8), line, closed=True)
    canvas.stroke(head.at([(-0.14 + head.aside, 0.1), (0.14 + head.aside, 0.1)]), style.ink, line)
