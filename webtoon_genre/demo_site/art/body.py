"""Bodies: head and shoulders near by, and whole figures in a pose farther off."""

from webtoon_genre.demo_site.art import head as heads
from webtoon_genre.demo_site.art.canvas import Canvas
from webtoon_genre.demo_site.art.clothes import GARMENTS, Fitting
from webtoon_genre.demo_site.art.colour import Colour, dim, mix
from webtoon_genre.demo_site.art.geometry import mirrored, ray, smooth
from webtoon_genre.demo_site.art.head import Head
from webtoon_genre.demo_site.art.style import Character, Style

Spot = tuple[float, float]
# degrees clockwise from the right, of one who faces right: arm and forearm (back, front), thigh and shin (back, front)
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


def bust(canvas: Canvas, style: Style, who: Character, head: Head) -> None:
    """Head and shoulders."""
    heads.behind(canvas, style, who, head)
    shoulders(canvas, style, who, head)
    heads.front(canvas, style, who, head)


def bust_from_behind(canvas: Canvas, style: Style, who: Character, head: Head) -> None:
    """Head and shoulders of someone who looks into the picture."""
    shoulders(canvas, style, who, head)
    heads.rear(canvas, style, who, head)


def shoulders(canvas: Canvas, style: Style, who: Character, head: Head) -> None:
    """Neck, torso and clothes; they stand nearly upright whatever the head does."""
    line, skin, cloth = heads.width(style, head.radius), style.paint(who.skin), style.paint(who.cloth)
    broad = (1.3 if who.soft else 1.75) * (0.75 if style.chin > 0.8 else 1.0)
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
    torso = mirrored([(0.3, 1.12), (0.75, 1.28), (broad, 1.6), (broad + 0.22, 2.4), (broad + 0.3, 4.6)])
    canvas.shape(at(smooth(torso, 1)), cloth, style.ink, line)
    GARMENTS[who.outfit](Fitting(canvas, at, cloth, style.paint(who.trim), skin, style.ink, line, broad, who.number))
    if style.shade != "flat":
        fold = [
            (-broad - 0.2, 2.2),
            (-broad + 0.15, 1.75),
            (-broad + 0.4, 2.4),
            (-broad + 0.5, 4.6),
            (-broad - 0.3, 4.6),
        ]
        canvas.tone(at(fold), dim(cloth, 0.7))


def figure(canvas: Canvas, style: Style, who: Character, head: Head, pose: str, long: float) -> None:
    """A whole body hung below its head; `long` is the length of torso and of each leg, in heads' half heights."""
    unit, flip = head.radius, head.flip
    line, cloth, trim = heads.width(style, unit), style.paint(who.cloth), style.paint(who.trim)
    lean = {"run": 14, "punch": 16, "leap": 10, "kick": -14, "sword": 10, "throw": -8}.get(pose, 0) * flip
    neck = (head.x - 0.1 * flip * unit, head.y + 0.95 * unit)
    hip = ray(*neck, 90 + lean, long * unit)
    thick = unit * (0.62 if style.chin > 0.8 else 0.52)
    angles = [degree if flip > 0 else 180 - degree for degree in POSES[pose]]
    legs = dim(cloth, 0.55) if who.outfit != "jersey" else trim
    heads.behind(canvas, style, who, head)
    limb(
        canvas,
        style,
        ray(*neck, 90 + lean, 0.3 * unit),
        angles[0],
        angles[1],
        0.62 * long * unit,
        thick * 0.8,
        dim(cloth, 0.8),
        line,
    )
    limb(canvas, style, hip, angles[4], angles[5], 0.75 * long * unit, thick, dim(legs, 0.85), line)
    limb(canvas, style, hip, angles[6], angles[7], 0.75 * long * unit, thick, legs, line)
    trunk(canvas, style, who, neck, hip, thick, line)
    front = limb(
        canvas,
        style,
        ray(*neck, 90 + lean, 0.3 * unit),
        angles[2],
        angles[3],
        0.62 * long * unit,
        thick * 0.8,
        cloth,
        line,
    )
    canvas.disc(*front, thick * 0.55, style.paint(who.skin))
    if pose == "sword":
        blade(canvas, style, front, angles[3] - 14 * flip, unit * 3.4, line)
    heads.front(canvas, style, who, head)


def trunk(canvas: Canvas, style: Style, who: Character, neck: Spot, hip: Spot, thick: float, line: float) -> None:
    """The torso, and the skirts of robes."""
    cloth = style.paint(who.cloth)
    chest, waist = thick * 1.25, thick * (1.3 if style.chin > 0.8 else 0.95)
    hull = [
        (neck[0] - chest, neck[1]),
        (neck[0] + chest, neck[1]),
        (hip[0] + waist, hip[1] + thick * 0.4),
        (hip[0] - waist, hip[1] + thick * 0.4),
    ]
    canvas.shape(smooth(hull, 1), cloth, style.ink, line)
    if who.outfit in ROBED:
        drop = (hip[1] - neck[1]) * 0.95
        skirt = [
            (hip[0] - waist, hip[1] - thick * 0.3),
            (hip[0] + waist, hip[1] - thick * 0.3),
            (hip[0] + 2.1 * waist, hip[1] + drop),
            (hip[0] - 2.3 * waist, hip[1] + drop * 0.9),
        ]
        canvas.shape(skirt, dim(cloth, 0.9), style.ink, line)
    canvas.stroke([(hip[0] - waist, hip[1]), (hip[0] + waist, hip[1])], style.paint(who.trim), max(1.0, thick * 0.5))


def limb(
    canvas: Canvas,
    style: Style,
    root: Spot,
    upper: int,
    lower: int,
    length: float,
    thick: float,
    colour: Colour,
    line: float,
) -> Spot:
    """An arm or a leg of two parts, outlined; the place where it ends."""
    joint = ray(*root, upper, length)
    end = ray(*joint, lower, length)
    canvas.stroke([root, joint, end], style.ink, thick + 2 * line)
    canvas.stroke([root, joint, end], colour, thick)
    return end


def fist(canvas: Canvas, style: Style, who: Character, x: float, y: float, size: float, flip: int) -> None:
    """A fist that comes at the reader, with its sleeve."""
    line, skin = heads.width(style, size), style.paint(who.skin)
    at = Head(x, y, size, 0, flip, 0.0, "").at
    canvas.shape(at([(-4.5, -0.9), (-0.6, -0.7), (-0.5, 0.75), (-4.5, 1.5)]), style.paint(who.cloth), style.ink, line)
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


def blade(canvas: Canvas, style: Style, hand: Spot, degree: int, length: float, line: float) -> None:
    """A sword."""
    tip = ray(*hand, degree, length)
    canvas.stroke([hand, tip], style.ink, 1.6 + line)
    canvas.stroke([hand, tip], (245, 240, 232), 1.3)
