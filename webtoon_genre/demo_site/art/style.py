"""How one title is drawn: a Style, drawn once from its genre's mixture of schools; no pixels.

The hand (line, faces, eyes) follows the painter, so that two titles by one painter resemble each other; the rest follows the title.
"""

from dataclasses import dataclass
from functools import lru_cache

from webtoon_genre.demo_site.art.colour import Colour, dim, grey, hsv, mix
from webtoon_genre.demo_site.art.schools import GENRES, SCHOOLS, Choice, School
from webtoon_genre.demo_site.dice import Dice

GOLDEN = 0.6180339887498949  # steps of it spread over the unit interval evenly, however many there are
CAST = 4
BORN = (
    (20, 0.55, 0.16),
    (22, 0.6, 0.28),
    (25, 0.6, 0.42),
    (34, 0.45, 0.72),
    (230, 0.25, 0.14),
    (12, 0.65, 0.38),
)  # hair, HSV
FEMALE = {"bob", "long", "wave", "twin", "bun", "ponytail"}
VARIETY = 0.45  # how far a title's own taste departs from its school's


@dataclass(frozen=True, slots=True)
class Character:
    """Someone who recurs in a title."""

    hair: str
    hair_colour: Colour
    eye_colour: Colour
    skin: Colour
    outfit: str
    cloth: Colour
    trim: Colour
    soft: bool  # narrower shoulders, longer lashes
    glasses: bool
    number: int  # on a jersey


@dataclass(frozen=True, slots=True)
class Style:
    """A title's way of drawing."""

    name: str  # of its school
    school: School
    line: float
    brush: bool
    ink: Colour
    hues: tuple[float, ...]
    saturation: float
    value: float
    chroma: float
    light: float
    tint: Colour
    shade: str
    pitch: int  # pixels between dots or strokes
    texture: str
    grain: int
    number: int  # which of the noise fields
    vignette: float
    backdrops: Choice
    framings: Choice
    effects: Choice
    busy: float
    bubbles: float
    border: str
    eyes: str
    eye_size: float
    face: float
    chin: float
    size: float
    tilt: int
    blush: bool
    accent: Colour
    cast: tuple[Character, ...]

    @property
    def depth(self) -> float:
        """What shadows leave of a figure's light: the darker the title, the less."""
        return min(0.88, 0.86 - 0.8 * (1 - self.light))

    def paint(self, colour: Colour) -> Colour:
        """A colour of the figures as this title's palette has it."""
        return dim(mix(mix(grey(colour), colour, self.chroma), self.tint, 0.06), self.light)

    def ground(self, dice: Dice, lighter: float = 1.0) -> Colour:
        """A colour of the backdrop."""
        hue = dice.choose(self.hues) + dice.between(-14, 14)
        saturation = min(1.0, self.saturation * dice.between(0.7, 1.25))
        return hsv(hue, saturation, min(1.0, self.value * lighter * dice.between(0.88, 1.1)))


@lru_cache(maxsize=1024)
def style_of(seed: int, key: str, hand: int) -> Style:
    """The style of the title with this key ("fantasy/3") by the painter with this id."""
    own, painter = Dice(seed, "style", key), Dice(seed, "hand", hand)
    name = school_of(seed, key)
    school = SCHOOLS[name]
    main = own.weighted(school.hues) + own.between(-10, 10)
    hues = (main, *(own.weighted(school.hues) + own.between(-12, 12) for _ in range(2)))
    tint = hsv(main, 0.5, 0.9)
    return Style(
        name=name,
        school=school,
        line=painter.between(*school.line),
        brush=painter.chance(school.brush),
        ink=painter.choose(school.inks),
        hues=hues,
        saturation=own.between(*school.saturation),
        value=own.between(*school.value),
        chroma=own.between(*school.chroma),
        light=own.between(*school.light),
        tint=tint,
        shade=painter.weighted(school.shades),
        pitch=painter.integer(3, 5),
        texture=painter.weighted(school.textures),
        grain=round(painter.between(*school.grain)),
        number=own.integer(0, 7),
        vignette=own.between(*school.vignette),
        backdrops=taste(own, school.backdrops),
        framings=taste(own, school.framings),
        effects=taste(own, school.effects),
        busy=own.between(*school.busy),
        bubbles=own.between(*school.bubbles),
        border=own.weighted(school.borders),
        eyes=painter.weighted(school.eyes),
        eye_size=painter.between(*school.eye_size),
        face=painter.between(*school.face),
        chin=painter.between(*school.chin),
        size=painter.between(*school.size),
        tilt=round(painter.between(*school.tilt)),
        blush=painter.chance(school.blush),
        accent=hsv(own.between(0, 360), 0.75, 0.9),
        cast=tuple(character(own, school) for _ in range(CAST)),
    )


def school_of(seed: int, key: str) -> str:
    """The school of a title: over the titles of a genre, the schools come as often as its mixture says, not just on average."""
    genre, _, name = key.partition("/")
    offset = Dice(seed, "schools", genre).unit()
    place = int(name) if name.isdigit() else Dice(seed, "schools", key).integer(0, 9999)
    left = (offset + place * GOLDEN) % 1
    *others, last = GENRES[genre]
    for school in others:
        left -= GENRES[genre][school]
        if left < 0:
            return school
    return last


def taste(dice: Dice, choice: Choice) -> Choice:
    """A title's own weights: some of the school's choices more, some less, some hardly ever."""
    return {name: weight * (1 - VARIETY + VARIETY * 6 * dice.unit() ** 3) for name, weight in choice.items()}


def character(dice: Dice, school: School) -> Character:
    """Someone to recur."""
    hair = dice.weighted(school.hairs)
    hue, saturation, value = dice.choose(BORN)
    colour = hsv(hue, saturation, value)
    if dice.chance(school.vivid):
        colour = hsv(dice.between(0, 360), dice.between(0.25, 0.75), dice.between(0.45, 0.98))
    skin = hsv(dice.between(16, 27), dice.between(0.16, 0.34), dice.between(0.9, 1.0))
    dyed = dice.weighted(school.hues) + dice.choose((0, 0, 150, 200)) + dice.between(-20, 20)
    dyed += 150 if 5 < dyed % 360 < 42 else 0  # no clothes in the colours of skin
    return Character(
        hair=hair,
        hair_colour=colour,
        eye_colour=hsv(dice.between(0, 360), 0.7, 0.75) if dice.chance(school.vivid) else hsv(24, 0.6, 0.35),
        skin=skin,
        outfit=dice.weighted(school.outfits),
        cloth=hsv(dyed, dice.between(0.2, 0.75), dice.between(0.3, 0.95)),
        trim=hsv(dyed + dice.between(90, 270), dice.between(0.2, 0.7), dice.between(0.6, 1.0)),
        soft=hair in FEMALE or (hair in {"curtain", "elf"} and dice.chance(0.4)),
        glasses=dice.chance(0.1),
        number=dice.integer(1, 19),
    )
