"""Human bodies: head and shoulders in close view, full figures in a pose in distant view."""

from webtoon_genre.demo_site.art import head as heads
from webtoon_genre.demo_site.art.canvas import Canvas
from webtoon_genre.demo_site.art.clothes import GARMENTS, Torso
from webtoon_genre.demo_site.art.colour import Colour, dim, mix
from webtoon_genre.demo_site.art.geometry import Point, mirror, ray, smooth
from webtoon_genre.demo_site.art.head import Head
from webtoon_genre.demo_site.art.style import Character, Style

# degrees clockwise from the right, for a figure that faces right: arm and forearm (back, front), thigh and shin (back, front)
POSES: dict[str, tuple[int, ...]] = {
    "stand": (105, 95, 75, 85, 95, 92, 85, 88),
    "walk": (125, 100, 60, 40, 118, 128, 62, 86),
    "run": (160, 80, 30, 300, 140, 205, 30, 95),
    "punch": (150, 60, 0, 355, 130, 120, 50, 100),
    "kick": (200, 250, 20, 330, 95, 100, 345, 340),
    "leap": (225, 260, 320, 300, 150, 190, 40, 120),
    "sword": (20, 350, 340, 320, 125, 115, 45, 95),
    "cheer": (250, 275, 295, 270, 100, 92, 80, 88),
    "throw": (230, 300, 20, 340, 120, 130, 50, 70),
}
ROBED = ("robe", "cloak", "dress")


def bust(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw head and shoulders."""
    heads.back_hair(canvas, style, person, head)
    shoulders(canvas, style, person, head)
    heads.front(canvas, style, person, head)


def bust_from_behind(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw head and shoulders of a person who looks into the picture."""
    shoulders(canvas, style, person, head)
    heads.back_view(canvas, style, person, head)


def shoulders(canvas: Canvas, style: Style, person: Character, head: Head) -> None:
    """Draw neck, torso and clothes; they stay nearly upright at any tilt of the head."""
    line, skin, cloth = heads.width(style, head.radius), style.paint(person.skin), style.paint(person.cloth)
    broad = (1.3 if person.soft else 1.75) * (0.75 if style.chin > 0.8 else 1.0)
    at = Head(
        head.x,
        head.y,
        head.radius,
        head.turn // 4 if head.turn < 180 else -((360 - head.turn) // 4),
        head.flip,
        0.0,
        "",
    ).at
    canvas.shape(at([(-0.32, 0.6), (0.32, 0.6), (0.38, 1.4), (-0.38, 1.4)]), dim(skin, 0.9), style.ink, line)
    outline = mirror([(0.3, 1.12), (0.75, 1.28), (broad, 1.6), (broad + 0.22, 2.4), (broad + 0.3, 4.6)])
    canvas.shape(at(smooth(outline, 1)), cloth, style.ink, line)
    GARMENTS[person.outfit](
        Torso(canvas, at, cloth, style.paint(person.trim), skin, style.ink, line, broad, person.number)
    )
    if style.shade != "flat":
        fold = [
            (-broad - 0.2, 2.2),
            (-broad + 0.15, 1.75),
            (-broad + 0.4, 2.4),
            (-broad + 0.5, 4.6),
            (-broad - 0.3, 4.6),
        ]
        canvas.tone(at(fold), dim(cloth, 0.7))


def figure(canvas: Canvas, style: Style, person: Character, head: Head, pose: str, length: float) -> None:
    """Draw a full body below its head; `length` is that of the torso and of each leg, in half heights of the head."""
    unit, flip = head.radius, head.flip
    line, cloth, trim = heads.width(style, unit), style.paint(person.cloth), style.paint(person.trim)
    lean = {"run": 14, "punch": 16, "leap": 10, "kick": -14, "sword": 10, "throw": -8}.get(pose, 0) * flip
    neck = (head.x - 0.1 * flip * unit, head.y + 0.95 * unit)
    hip = ray(*neck, 90 + lean, length * unit)
    thick = unit * (0.62 if style.chin > 0.8 else 0.52)
    angles = [degree if flip > 0 else 180 - degree for degree in POSES[pose]]
    legs = dim(cloth, 0.55) if person.outfit != "jersey" else trim
    heads.back_hair(canvas, style, person, head)
    limb(
        canvas,
        style,
        ray(*neck, 90 + lean, 0.3 * unit),
        angles[0],
        angles[1],
        0.62 * length * unit,
        thick * 0.8,
        dim(cloth, 0.8),
        line,
    )
    limb(canvas, style, hip, angles[4], angles[5], 0.75 * length * unit, thick, dim(legs, 0.85), line)
    limb(canvas, style, hip, angles[6], angles[7], 0.75 * length * unit, thick, legs, line)
    torso(canvas, style, person, neck, hip, thick, line)
    front = limb(
        canvas,
        style,
        ray(*neck, 90 + lean, 0.3 * unit),
        angles[2],
        angles[3],
        0.62 * length * unit,
        thick * 0.8,
        cloth,
        line,
    )
    canvas.disc(*front, thick * 0.55, style.paint(person.skin))
    if pose == "sword":
        blade(canvas, style, front, angles[3] - 14 * flip, unit * 3.4, line)
    heads.front(canvas, style, person, head)


def torso(canvas: Canvas, style: Style, person: Character, neck: Point, hip: Point, thick: float, line: float) -> None:
    """Draw the torso, and the skirts of robes."""
    cloth = style.paint(person.cloth)
    chest, waist = thick * 1.25, thick * (1.3 if style.chin > 0.8 else 0.95)
    hull = [
        (neck[0] - chest, neck[1]),
        (neck[0] + chest, neck[1]),
        (hip[0] + waist, hip[1] + thick * 0.4),
        (hip[0] - waist, hip[1] + thick * 0.4),
    ]
    canvas.shape(smooth(hull, 1), cloth, style.ink, line)
    if person.outfit in ROBED:
        drop = (hip[1] - neck[1]) * 0.95
        skirt = [
            (hip[0] - waist, hip[1] - thick * 0.3),
            (hip[0] + waist, hip[1] - thick * 0.3),
            (hip[0] + 2.1 * waist, hip[1] + drop),
            (hip[0] - 2.3 * waist, hip[1] + drop * 0.9),
        ]
        canvas.shape(skirt, dim(cloth, 0.9), style.ink, line)
    canvas.stroke([(hip[0] - waist, hip[1]), (hip[0] + waist, hip[1])], style.paint(person.trim), max(1.0, thick * 0.5))


def limb(
    canvas: Canvas,
    style: Style,
    root: Point,
    upper: int,
    lower: int,
    length: float,
    thick: float,
    colour: Colour,
    line: float,
) -> Point:
    """Draw an arm or a leg of two parts, outlined; returns its end."""
    joint = ray(*root, upper, length)
    end = ray(*joint, lower, length)
    canvas.stroke([root, joint, end], style.ink, thick + 2 * line)
    canvas.stroke([root, joint, end], colour, thick)
    return end


def fist(canvas: Canvas, style: Style, person: Character, x: float, y: float, size: float, flip: int) -> None:
    """Draw a fist that moves towards the reader, with its sleeve."""
    line, skin = heads.width(style, size), style.paint(person.skin)
    at = Head(x, y, size, 0, flip, 0.0, "").at
    canvas.shape(
        at([(-4.5, -0.9), (-0.6, -0.7), (-0.5, 0.75), (-4.5, 1.5)]), style.paint(person.cloth), style.ink, line
    )
    canvas.shape(
        at(smooth([(-0.9, -0.8), (0.3, -1.0), (0.95, -0.75), (1.05, 0.6), (0.6, 0.95), (-0.7, 0.85)], 1)),
        skin,
        style.ink,
        line,
    )
    for level in (-0.55, -0.1, 0.35):
        canvas.shape(
            at(smooth([(0.35, level - 0.22), (1.0, level - 0.24), (1.12, level + 0.1), (0.4, level + 0.2)], 1)),
            mix(skin, (255, 255, 255), 0.1),
            style.ink,
            line * 0.8,
        )
    canvas.shape(
        at(smooth([(-0.3, 0.2), (0.5, 0.35), (0.75, 0.7), (0.1, 0.95), (-0.5, 0.7)], 1)), skin, style.ink, line * 0.8
    )
    canvas.tone(at([(-0.9, 0.4), (-0.3, 0.6), (0.0, 0.95), (-0.7, 0.85)]), dim(skin, 0.7))


def blade(canvas: Canvas, style: Style, hand: Point, degree: int, length: float, line: float) -> None:
    """Draw a sword."""
    tip = ray(*hand, degree, length)
    canvas.stroke([hand, tip], style.ink, 1.6 + line)
    canvas.stroke([hand, tip], (245, 240, 232), 1.3)
