"""What the embedded site has published by a day: titles and episodes, as a function of seed, scale and day; no pictures, no HTTP.

On STUDY_END a site of scale 1.0 has exactly the study's usable thumbnails: those counted under their title's first genre,
decodable, and not left out (not adult, not a paid preview, not hidden). What is unusable comes on top. A share of titles may be
mislabelled: nothing of them changes but the genre that the site files them under, so that genres lose the study's counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from webtoon_genre.demo_site import names, timetable
from webtoon_genre.demo_site.census import FEWEST, TITLES, shared_out, thumbnails_at, titles_at
from webtoon_genre.demo_site.dice import Dice, digest
from webtoon_genre.demo_site.timetable import HIDDEN, STUDY_END, Timetable

BESIDE = {  # the second genre that a title of the first may bear
    "fantasy": ("action", "pure", "drama"),
    "drama": ("pure", "thrill", "daily"),
    "pure": ("drama", "sensibility", "fantasy"),
    "comic": ("daily", "drama", "fantasy"),
    "daily": ("comic", "sensibility", "drama"),
    "action": ("fantasy", "thrill", "drama"),
    "thrill": ("drama", "action", "fantasy"),
    "historical": ("action", "fantasy", "drama"),
    "sports": ("drama", "action", "comic"),
    "sensibility": ("pure", "daily", "drama"),
}
SPECIMENS = {  # by key: an oddity that exists at every scale
    "fantasy/0": "truncated",
    "fantasy/1": "html",
    "fantasy/2": "pixel",
    "fantasy/3": HIDDEN,
    "drama/0": "grey",
    "drama/1": "cmyk",
    "drama/2": "png",
    "drama/3": HIDDEN,
}
ADULT = ("fantasy", "drama", "pure", "thrill")  # genres with titles for adults, on top of the census
ADULT_SHARE, ADULT_PLACE = 0.04, 1000
FIRST_ID, ID_STEP, LATER_ID = 600_000, 229, 800_000
EDITION = 1  # raise it when the drawing changes, so that other pictures have other addresses


@dataclass(frozen=True, slots=True)
class Artist:
    """A person who made a title, with an id of the site's."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Episode:
    """One number of a title; `slot` counts from 0 without gaps, `kind` is one of USABLE, UNUSABLE or HIDDEN."""

    no: int
    slot: int
    date: date
    kind: str
    paid: bool  # a preview: not yet free on the site's day


@dataclass(frozen=True, slots=True)
class Title:
    """A title; nothing in it depends on the site's day."""

    id: int
    key: str  # its name within the seed, such as "fantasy/3": what its pictures are drawn from
    genres: tuple[str, ...]  # the first one counts
    name: str
    writers: tuple[Artist, ...]
    painters: tuple[Artist, ...]
    origins: tuple[Artist, ...]
    adult: bool
    times: Timetable

    @property
    def genre(self) -> str:
        """The genre that it is counted under."""
        return self.genres[0]

    @property
    def drawn(self) -> str:
        """The genre that it is drawn in: the same, unless the site has it under a wrong one."""
        return self.key.partition("/")[0]


class World:
    """The site on one day."""

    def __init__(self, seed: int, scale: float, as_of: date = STUDY_END, mislabelled: float = 0.0):
        if not 0 < scale <= 1:
            raise ValueError(f"scale is {scale}; it is a share of the study, above 0 and at most 1")
        if not 0 <= mislabelled < 1:
            raise ValueError(f"mislabelled is {mislabelled}; it is a share of the titles, from 0 and below 1")
        self.seed, self.scale, self.as_of, self.mislabelled = seed, scale, as_of, mislabelled

    @cached_property
    def titles(self) -> dict[int, Title]:
        """The titles with at least one free episode, by ascending id."""
        known = [title for title in self._founding() if title.times.first <= self.as_of]
        later = [title for genre in TITLES for title in self._later(genre)]
        return {title.id: self._filed(title) for title in sorted(known + later, key=lambda title: title.id)}

    def episodes(self, title: Title) -> list[Episode]:
        """The free episodes of a title, and after them its paid previews, by ascending number."""
        times, free = title.times, title.times.out(self.as_of)
        shown = range(min(free + times.previews, times.planned))
        return [Episode(times.no(slot), slot, times.day(slot), times.kind(slot), slot >= free) for slot in shown]

    def usable(self, title: Title) -> int:
        """How many thumbnails of a title a crawler ends up with."""
        return 0 if title.adult else title.times.usable(self.as_of)

    def mark(self, title: Title, episode: Episode) -> str:
        """The part of a thumbnail's address that no other picture has."""
        raw = digest(self.seed, title.key, title.id, episode.no, episode.slot, episode.kind, EDITION)
        return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))

    def star_score(self, title: Title, slot: int | None = None) -> float:
        """The rating of a title, or of one of its episodes: 0 to 10, drifting a little from month to month."""
        level = 8.2 + 1.7 * Dice(self.seed, "stars", title.key).unit()
        own = 0.0 if slot is None else 0.3 * Dice(self.seed, "stars", title.key, slot).unit() - 0.2
        month = 12 * self.as_of.year + self.as_of.month
        drift = 0.04 * Dice(self.seed, "drift", title.key, slot, month).unit() - 0.02
        return round(min(level + own + drift, 9.99), 5)

    def _filed(self, title: Title) -> Title:
        """The title under the genre that the site gives it: another than the one it is drawn in, if it is one of the mislabelled."""
        dice = Dice(self.seed, "mislabelled", title.key)
        if not dice.chance(self.mislabelled):
            return title
        return replace(title, genres=(dice.choose([genre for genre in TITLES if genre not in title.genres]),))

    def _founding(self) -> list[Title]:
        """The titles that had begun by STUDY_END; their ids ascend with their first day."""
        drafts = sorted(
            (draft for genre in TITLES for draft in self._drafts(genre)), key=lambda it: (it[1].first, it[0])
        )
        return [self._founder(key, times, rank) for rank, (key, times) in enumerate(drafts)]

    def _drafts(self, genre: str) -> Iterator[tuple[str, Timetable]]:
        """Keys and timetables of a genre, those of the titles for adults last."""
        for place, count in enumerate(self._counts(genre)):
            key = f"{genre}/{place}"
            yield key, timetable.drawn(Dice(self.seed, "timetable", key), count, SPECIMENS.get(key))
        for place in range(max(1, round(titles_at(genre, self.scale) * ADULT_SHARE)) if genre in ADULT else 0):
            dice = Dice(self.seed, "timetable", f"{genre}/{ADULT_PLACE + place}")
            yield f"{genre}/{ADULT_PLACE + place}", timetable.drawn(dice, dice.integer(3, 40), None)

    def _counts(self, genre: str) -> list[int]:
        """Usable thumbnails of each title of a genre on STUDY_END; uneven, and exact in sum."""
        dice = Dice(self.seed, "counts", genre)
        weights = [0.12 + 2.2 * dice.unit() ** 3 for _ in range(titles_at(genre, self.scale))]
        return shared_out(thumbnails_at(genre, self.scale), weights)

    def _founder(self, key: str, times: Timetable, rank: int) -> Title:
        genre, _, place = key.partition("/")
        step = Dice(self.seed, "id", key).integer(0, ID_STEP - 1)
        # the first titles of a genre bear no second one: dropping the mixed ones leaves each genre enough
        mixed = int(place) >= FEWEST and Dice(self.seed, "mixed", key).chance(0.3)
        second = (Dice(self.seed, "beside", key).choose(BESIDE[genre]),) if mixed else ()
        title_id = FIRST_ID + ID_STEP * rank + step
        return titled(self.seed, key, (genre, *second), times, title_id, rank, int(place) >= ADULT_PLACE)

    def _later(self, genre: str) -> Iterator[Title]:
        """The titles of a genre that began after STUDY_END; a larger site gets them more often."""
        interval, place = 7 * max(4, 420 // titles_at(genre, self.scale)), 0
        while True:
            key = f"{genre}/later{place}"
            dice = Dice(self.seed, "later", key)
            days = interval * place + 1 + dice.integer(0, interval - 1)
            first = STUDY_END + timedelta(days=days)
            if first > self.as_of:
                return
            title_id = LATER_ID + 10 * days + list(TITLES).index(genre)
            times = Timetable(first, dice.integer(30, 200), previews=2)
            yield titled(self.seed, key, (genre,), times, title_id, 10_000 + days, adult=False)
            place += 1


def titled(
    seed: int, key: str, genres: tuple[str, ...], times: Timetable, title_id: int, rank: int, adult: bool
) -> Title:
    """The title of a timetable, named and signed; `rank` numbers the person who draws it, unless another one does."""
    dice = Dice(seed, "title", key)
    name = names.work(dice, genres[0])
    lead = artist(seed, dice.integer(0, rank) if dice.chance(0.15) else rank)
    writer, origin = (artist(seed, 50_000 + 3 * rank + number) for number in range(2))
    hands = dice.weighted({1: 0.6, 2: 0.25, 3: 0.15})
    return Title(
        id=title_id,
        key=key,
        genres=genres,
        name=name,
        writers=(lead,) if hands == 1 else (writer,),
        painters=(lead,),
        origins=(origin,) if hands == 3 else (),
        adult=adult,
        times=times,
    )


def artist(seed: int, number: int) -> Artist:
    """The person with this number in the seed's world."""
    return Artist(300_000 + number, names.person(Dice(seed, "artist", number)))
