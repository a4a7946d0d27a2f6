"""The timetable of a title: dates, numbers and kinds of its episodes; no names, no pictures."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from webtoon_genre.demo_site.seeded_random import SeededRandom

STUDY_END = date(2022, 8, 19)
WEEK = timedelta(weeks=1)
USABLE = ("plain", "grey", "cmyk", "png")
UNUSABLE = ("truncated", "html", "pixel")
HIDDEN = "hidden"
SPECIAL_SHARE = 1 / 600  # of the episodes, for each kind that is not plain


@dataclass(frozen=True, slots=True)
class Timetable:
    """The episodes of a title, past and future. A slot is an index of episodes, from 0 without gaps; nothing depends on the site's day."""

    first: date
    planned: int  # number of slots of the finished title
    pause: tuple[int, int] = (0, 0)  # (slot after the pause, weeks)
    skipped: tuple[int, ...] = ()  # slots whose preceding number is missing
    special: dict[int, str] = field(default_factory=dict)  # slot -> kind, if it is not plain
    previews: int = 0  # number of paid episodes ahead of their free date

    def number(self, slot: int) -> int:
        """Return the number of a slot: from 1, with gaps."""
        return slot + 1 + sum(skip <= slot for skip in self.skipped)

    def day(self, slot: int) -> date:
        """Return the day on which a slot becomes free."""
        before, weeks = self.pause
        return self.first + WEEK * (slot + (weeks if slot >= before else 0))

    def kind(self, slot: int) -> str:
        """Return the kind of a slot's picture."""
        return self.special.get(slot, "plain")

    def free_slots(self, as_of: date) -> int:
        """Return the number of free slots on a day."""
        low, high = 0, self.planned
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.day(middle) <= as_of else (low, middle)
        return low

    def finished(self, as_of: date) -> bool:
        """Return whether all slots are free."""
        return self.free_slots(as_of) == self.planned

    def usable_slots(self, as_of: date) -> int:
        """Return the number of free slots with a usable thumbnail."""
        free = self.free_slots(as_of)
        return free - sum(slot < free and kind not in USABLE for slot, kind in self.special.items())


def sample_timetable(rng: SeededRandom, usable: int, required_kind: str | None) -> Timetable:
    """Sample a timetable with `usable` usable episodes that are free on STUDY_END; one of the first two is of `required_kind`."""
    special = sample_kinds(rng, usable, required_kind)
    slots = usable + sum(kind not in USABLE for kind in special.values())
    pause = (rng.integer(1, slots - 1), rng.integer(3, 9)) if slots > 2 and rng.chance(0.25) else (0, 0)
    finished = rng.chance(0.55)
    days_ago = rng.integer(10, 1500) if finished else rng.integer(0, 6)
    first = STUDY_END - timedelta(days=days_ago) - WEEK * (slots - 1 + pause[1])
    planned = slots if finished else slots + rng.integer(10, 200)
    skipped = tuple(sorted({rng.integer(1, slots - 1) for _ in range(2)})) if slots > 3 and rng.chance(0.2) else ()
    previews = 0 if finished or rng.chance(0.3) else rng.integer(2, 5)
    return Timetable(first, planned, pause, skipped, special, previews)


def sample_kinds(rng: SeededRandom, usable: int, required_kind: str | None) -> dict[int, str]:
    """Sample slots whose kind is not plain, up to the slot of the last of `usable` usable episodes."""
    kinds = [*USABLE[1:], *UNUSABLE, HIDDEN]
    special: dict[int, str] = {}
    slot, remaining = 0, usable
    while remaining:
        kind = rng.choice(kinds) if rng.chance(SPECIAL_SHARE * len(kinds)) else "plain"
        if required_kind and slot == min(1, usable - 1):
            kind = required_kind
        if kind != "plain":
            special[slot] = kind
        remaining -= kind in USABLE
        slot += 1
    return special
