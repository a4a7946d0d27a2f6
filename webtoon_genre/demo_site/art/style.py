"""The style of a title: a random sample from the mixture of schools of its genre; no pixels.

Line, faces and eyes depend on the painter, so that two titles by one painter are similar; the rest depends on the title.
"""

from dataclasses import dataclass
from functools import lru_cache

from webtoon_genre.demo_site.art.colour import Colour, dim, grey, hsv, mix
from webtoon_genre.demo_site.art.schools import GENRES, SCHOOLS, Choice, School
from webtoon_genre.demo_site.seeded_random import SeededRandom

GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, cover the unit interval evenly at any count
CAST_SIZE = 4
NATURAL_HAIR = (  # HSV
    (20, 0.55, 0.16),
    (22, 0.6, 0.28),
    (25, 0.6, 0.42),
    (34, 0.45, 0.72),
    (230, 0.25, 0.14),
    (12, 0.65, 0.38),
)
FEMALE = {"bob", "long", "wave", "twin", "bun", "ponytail"}
VARIETY = 0.45  # share of a weight that varies between the titles of a school


@dataclass(frozen=True, slots=True)
class Character:
    """A character of a title."""

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
    """The drawing style of a title."""

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
    number: int  # index of the noise field
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
        """The brightness factor of shadows on a figure: smaller in a darker title."""
        return min(0.88, 0.86 - 0.8 * (1 - self.light))

    def paint(self, colour: Colour) -> Colour:
        """Convert a colour of the figures to the palette of this title."""
        return dim(mix(mix(grey(colour), colour, self.chroma), self.tint, 0.06), self.light)

    def ground(self, rng: SeededRandom, lighter: float = 1.0) -> Colour:
        """Sample a colour of the backdrop."""
        hue = rng.choice(self.hues) + rng.uniform(-14, 14)
        saturation = min(1.0, self.saturation * rng.uniform(0.7, 1.25))
        return hsv(hue, saturation, min(1.0, self.value * lighter * rng.uniform(0.88, 1.1)))


@lru_cache(maxsize=1024)
def style_of(seed: int, key: str, painter_id: int) -> Style:
    """Sample the style of the title `key` ("fantasy/3") by a painter."""
    rng, painter_rng = SeededRandom(seed, "style", key), SeededRandom(seed, "hand", painter_id)
    name = school_of(seed, key)
    school = SCHOOLS[name]
    main = rng.weighted_choice(school.hues) + rng.uniform(-10, 10)
    hues = (main, *(rng.weighted_choice(school.hues) + rng.uniform(-12, 12) for _ in range(2)))
    tint = hsv(main, 0.5, 0.9)
    return Style(
        name=name,
        school=school,
        line=painter_rng.uniform(*school.line),
        brush=painter_rng.chance(school.brush),
        ink=painter_rng.choice(school.inks),
        hues=hues,
        saturation=rng.uniform(*school.saturation),
        value=rng.uniform(*school.value),
        chroma=rng.uniform(*school.chroma),
        light=rng.uniform(*school.light),
        tint=tint,
        shade=painter_rng.weighted_choice(school.shades),
        pitch=painter_rng.integer(3, 5),
        texture=painter_rng.weighted_choice(school.textures),
        grain=round(painter_rng.uniform(*school.grain)),
        number=rng.integer(0, 7),
        vignette=rng.uniform(*school.vignette),
        backdrops=vary_weights(rng, school.backdrops),
        framings=vary_weights(rng, school.framings),
        effects=vary_weights(rng, school.effects),
        busy=rng.uniform(*school.busy),
        bubbles=rng.uniform(*school.bubbles),
        border=rng.weighted_choice(school.borders),
        eyes=painter_rng.weighted_choice(school.eyes),
        eye_size=painter_rng.uniform(*school.eye_size),
        face=painter_rng.uniform(*school.face),
        chin=painter_rng.uniform(*school.chin),
        size=painter_rng.uniform(*school.size),
        tilt=round(painter_rng.uniform(*school.tilt)),
        blush=painter_rng.chance(school.blush),
        accent=hsv(rng.uniform(0, 360), 0.75, 0.9),
        cast=tuple(sample_character(rng, school) for _ in range(CAST_SIZE)),
    )


def school_of(seed: int, key: str) -> str:
    """Return the school of a title; over the titles of a genre, the frequencies of schools equal its mixture, not just on average."""
    genre, _, name = key.partition("/")
    offset = SeededRandom(seed, "schools", genre).random()
    number = int(name) if name.isdigit() else SeededRandom(seed, "schools", key).integer(0, 9999)
    remaining = (offset + number * GOLDEN) % 1
    *others, last = GENRES[genre]
    for school in others:
        remaining -= GENRES[genre][school]
        if remaining < 0:
            return school
    return last


def vary_weights(rng: SeededRandom, choice: Choice) -> Choice:
    """Sample the weights of a title around those of its school: some larger, some smaller, some close to 0."""
    return {name: weight * (1 - VARIETY + VARIETY * 6 * rng.random() ** 3) for name, weight in choice.items()}


def sample_character(rng: SeededRandom, school: School) -> Character:
    """Sample a character."""
    hair = rng.weighted_choice(school.hairs)
    hue, saturation, value = rng.choice(NATURAL_HAIR)
    colour = hsv(hue, saturation, value)
    if rng.chance(school.vivid):
        colour = hsv(rng.uniform(0, 360), rng.uniform(0.25, 0.75), rng.uniform(0.45, 0.98))
    skin = hsv(rng.uniform(16, 27), rng.uniform(0.16, 0.34), rng.uniform(0.9, 1.0))
    cloth_hue = rng.weighted_choice(school.hues) + rng.choice((0, 0, 150, 200)) + rng.uniform(-20, 20)
    cloth_hue += 150 if 5 < cloth_hue % 360 < 42 else 0  # clothes never have the hue of skin
    return Character(
        hair=hair,
        hair_colour=colour,
        eye_colour=hsv(rng.uniform(0, 360), 0.7, 0.75) if rng.chance(school.vivid) else hsv(24, 0.6, 0.35),
        skin=skin,
        outfit=rng.weighted_choice(school.outfits),
        cloth=hsv(cloth_hue, rng.uniform(0.2, 0.75), rng.uniform(0.3, 0.95)),
        trim=hsv(cloth_hue + rng.uniform(90, 270), rng.uniform(0.2, 0.7), rng.uniform(0.6, 1.0)),
        soft=hair in FEMALE or (hair in {"curtain", "elf"} and rng.chance(0.4)),
        glasses=rng.chance(0.1),
        number=rng.integer(1, 19),
    )
