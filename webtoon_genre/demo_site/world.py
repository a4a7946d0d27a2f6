"""The content of the demo site on a day: titles and episodes, as a function of seed, scale and day; no pictures, no HTTP.

On STUDY_END a site of scale 1.0 has exactly the usable thumbnails of the study: counted under the first genre of their title,
decodable, and not excluded (not adult, not a paid preview, not hidden). Unusable ones are additional. A share of titles may be
mislabelled: only the genre of such a title on the site changes, so the counts per genre differ from the study's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

from webtoon_genre.demo_site import names
from webtoon_genre.demo_site.census import FEWEST, TITLES, apportion, thumbnails_at, titles_at
from webtoon_genre.demo_site.seeded_random import SeededRandom, digest
from webtoon_genre.demo_site.timetable import HIDDEN, STUDY_END, Timetable, sample_timetable

SECOND_GENRES = {  # possible second genres of a title by its first genre
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
REQUIRED_KINDS = {  # kind of an episode by the key of its title: these exist at every scale
    "fantasy/0": "truncated",
    "fantasy/1": "html",
    "fantasy/2": "pixel",
    "fantasy/3": HIDDEN,
    "drama/0": "grey",
    "drama/1": "cmyk",
    "drama/2": "png",
    "drama/3": HIDDEN,
}
ADULT = ("fantasy", "drama", "pure", "thrill")  # genres with titles for adults, in addition to the census
ADULT_SHARE, ADULT_OFFSET = 0.04, 1000
FIRST_ID, ID_STEP, LATER_ID = 600_000, 229, 800_000
EDITION = 1  # increment it when the drawings change, so that new pictures have new addresses


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist of a title, with an id on the site."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode of a title; `slot` counts from 0 without gaps, `kind` is one of USABLE, UNUSABLE or HIDDEN."""

    no: int
    slot: int
    date: date
    kind: str
    paid: bool  # a preview: not yet free on the day of the site


@dataclass(frozen=True, slots=True)
class Title:
    """A title; nothing in it depends on the day of the site."""

    id: int
    key: str  # such as "fantasy/3": its pictures depend on this key and the seed
    genres: tuple[str, ...]  # the label is the first one
    name: str
    writers: tuple[Artist, ...]
    painters: tuple[Artist, ...]
    origins: tuple[Artist, ...]
    adult: bool
    timetable: Timetable

    @property
    def genre(self) -> str:
        """The label on the site: the first genre."""
        return self.genres[0]

    @property
    def true_genre(self) -> str:
        """The genre of its pictures; it differs from `genre` if the title is mislabelled."""
        return self.key.partition("/")[0]


class World:
    """The site on a day."""

    def __init__(self, seed: int, scale: float, as_of: date = STUDY_END, mislabelled: float = 0.0):
        if not 0 < scale <= 1:
            raise ValueError(f"scale is {scale}; it is a share of the study, above 0 and at most 1")
        if not 0 <= mislabelled < 1:
            raise ValueError(f"mislabelled is {mislabelled}; it is a share of the titles, from 0 and below 1")
        self.seed, self.scale, self.as_of, self.mislabelled = seed, scale, as_of, mislabelled

    @cached_property
    def titles(self) -> dict[int, Title]:
        """Return the titles with at least one free episode, by ascending id."""
        founding = [title for title in self._founding_titles() if title.timetable.first <= self.as_of]
        later = [title for genre in TITLES for title in self._later_titles(genre)]
        return {title.id: self._assign_genre(title) for title in sorted(founding + later, key=lambda title: title.id)}

    def episodes(self, title: Title) -> list[Episode]:
        """Return the free episodes of a title, then its paid previews, by ascending number."""
        timetable, free = title.timetable, title.timetable.free_slots(self.as_of)
        slots = range(min(free + timetable.previews, timetable.planned))
        return [
            Episode(timetable.number(slot), slot, timetable.day(slot), timetable.kind(slot), slot >= free)
            for slot in slots
        ]

    def usable(self, title: Title) -> int:
        """Return the number of thumbnails of a title that a crawler can use."""
        return 0 if title.adult else title.timetable.usable_slots(self.as_of)

    def token(self, title: Title, episode: Episode) -> str:
        """Return the unique part of a thumbnail's address."""
        raw = digest(self.seed, title.key, title.id, episode.no, episode.slot, episode.kind, EDITION)
        return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))

    def star_score(self, title: Title, slot: int | None = None) -> float:
        """Return the rating of a title or of one of its episodes: 0 to 10, with a small drift from month to month."""
        level = 8.2 + 1.7 * SeededRandom(self.seed, "stars", title.key).random()
        offset = 0.0 if slot is None else 0.3 * SeededRandom(self.seed, "stars", title.key, slot).random() - 0.2
        month = 12 * self.as_of.year + self.as_of.month
        drift = 0.04 * SeededRandom(self.seed, "drift", title.key, slot, month).random() - 0.02
        return round(min(level + offset + drift, 9.99), 5)

    def _assign_genre(self, title: Title) -> Title:
        """Return the title with its genre on the site: a wrong one for a share `mislabelled` of the titles."""
        rng = SeededRandom(self.seed, "mislabelled", title.key)
        if not rng.chance(self.mislabelled):
            return title
        return replace(title, genres=(rng.choice([genre for genre in TITLES if genre not in title.genres]),))

    def _founding_titles(self) -> list[Title]:
        """Return the titles that begin by STUDY_END; their ids ascend with their first day."""
        drafts = sorted(
            (draft for genre in TITLES for draft in self._drafts(genre)), key=lambda draft: (draft[1].first, draft[0])
        )
        return [self._founding_title(key, timetable, rank) for rank, (key, timetable) in enumerate(drafts)]

    def _drafts(self, genre: str) -> Iterator[tuple[str, Timetable]]:
        """Yield the keys and timetables of a genre, those of the titles for adults last."""
        for index, count in enumerate(self._counts(genre)):
            key = f"{genre}/{index}"
            yield key, sample_timetable(SeededRandom(self.seed, "timetable", key), count, REQUIRED_KINDS.get(key))
        for index in range(max(1, round(titles_at(genre, self.scale) * ADULT_SHARE)) if genre in ADULT else 0):
            rng = SeededRandom(self.seed, "timetable", f"{genre}/{ADULT_OFFSET + index}")
            yield f"{genre}/{ADULT_OFFSET + index}", sample_timetable(rng, rng.integer(3, 40), None)

    def _counts(self, genre: str) -> list[int]:
        """Return the usable thumbnails of each title of a genre on STUDY_END: uneven, with an exact sum."""
        rng = SeededRandom(self.seed, "counts", genre)
        weights = [0.12 + 2.2 * rng.random() ** 3 for _ in range(titles_at(genre, self.scale))]
        return apportion(thumbnails_at(genre, self.scale), weights)

    def _founding_title(self, key: str, timetable: Timetable, rank: int) -> Title:
        genre, _, number = key.partition("/")
        step = SeededRandom(self.seed, "id", key).integer(0, ID_STEP - 1)
        # the first titles of a genre have no second genre, so that every genre keeps titles without the mixed ones
        mixed = int(number) >= FEWEST and SeededRandom(self.seed, "mixed", key).chance(0.3)
        second = (SeededRandom(self.seed, "beside", key).choice(SECOND_GENRES[genre]),) if mixed else ()
        title_id = FIRST_ID + ID_STEP * rank + step
        return make_title(self.seed, key, (genre, *second), timetable, title_id, rank, int(number) >= ADULT_OFFSET)

    def _later_titles(self, genre: str) -> Iterator[Title]:
        """Yield the titles of a genre that begin after STUDY_END; they are more frequent on a larger site."""
        interval, index = 7 * max(4, 420 // titles_at(genre, self.scale)), 0
        while True:
            key = f"{genre}/later{index}"
            rng = SeededRandom(self.seed, "later", key)
            days = interval * index + 1 + rng.integer(0, interval - 1)
            first = STUDY_END + timedelta(days=days)
            if first > self.as_of:
                return
            title_id = LATER_ID + 10 * days + list(TITLES).index(genre)
            timetable = Timetable(first, rng.integer(30, 200), previews=2)
            yield make_title(self.seed, key, (genre,), timetable, title_id, 10_000 + days, adult=False)
            index += 1


def make_title(
    seed: int, key: str, genres: tuple[str, ...], timetable: Timetable, title_id: int, rank: int, adult: bool
) -> Title:
    """Return a title with its name and artists; `rank` is the number of its painter, unless an earlier painter is sampled."""
    rng = SeededRandom(seed, "title", key)
    name = names.work(rng, genres[0])
    lead = make_artist(seed, rng.integer(0, rank) if rng.chance(0.15) else rank)
    writer, origin = (make_artist(seed, 50_000 + 3 * rank + number) for number in range(2))
    artist_count = rng.weighted_choice({1: 0.6, 2: 0.25, 3: 0.15})
    return Title(
        id=title_id,
        key=key,
        genres=genres,
        name=name,
        writers=(lead,) if artist_count == 1 else (writer,),
        painters=(lead,),
        origins=(origin,) if artist_count == 3 else (),
        adult=adult,
        timetable=timetable,
    )


def make_artist(seed: int, number: int) -> Artist:
    """Return the artist with this number."""
    return Artist(300_000 + number, names.person(SeededRandom(seed, "artist", number)))
