"""When the episodes of one title come out, how they are numbered, and which of them are odd; no names, no pictures."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from webtoon_genre.demo_site.dice import Dice

STUDY_END = date(2022, 8, 19)
WEEK = timedelta(weeks=1)
USABLE = ("plain", "grey", "cmyk", "png")
UNUSABLE = ("truncated", "html", "pixel")
HIDDEN = "hidden"
ODD_SHARE = 1 / 600  # of the episodes are of each odd kind


@dataclass(frozen=True, slots=True)
class Timetable:
    """A title's episodes, past and future. A slot counts them from 0 without gaps; nothing depends on the site's day."""

    first: date
    planned: int  # slots until it is finished
    pause: tuple[int, int] = (0, 0)  # (slot before which it rests, weeks)
    skipped: tuple[int, ...] = ()  # slots before which one number is missing
    odd: dict[int, str] = field(default_factory=dict)  # slot -> kind, where it is not plain
    previews: int = 0  # paid episodes shown ahead of time

    def no(self, slot: int) -> int:
        """The number of a slot: from 1, with gaps."""
        return slot + 1 + sum(skip <= slot for skip in self.skipped)

    def day(self, slot: int) -> date:
        """The day on which a slot becomes free."""
        before, weeks = self.pause
        return self.first + WEEK * (slot + (weeks if slot >= before else 0))

    def kind(self, slot: int) -> str:
        """What is special about a slot's picture."""
        return self.odd.get(slot, "plain")

    def out(self, as_of: date) -> int:
        """How many slots are free on that day."""
        low, high = 0, self.planned
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.day(middle) <= as_of else (low, middle)
        return low

    def finished(self, as_of: date) -> bool:
        """Whether nothing more will come."""
        return self.out(as_of) == self.planned

    def usable(self, as_of: date) -> int:
        """How many free slots have a thumbnail that can be used."""
        free = self.out(as_of)
        return free - sum(slot < free and kind not in USABLE for slot, kind in self.odd.items())


def drawn(dice: Dice, usable: int, specimen: str | None) -> Timetable:
    """A timetable with `usable` usable episodes out on STUDY_END, and one of the kind `specimen` among the first two."""
    odd = oddities(dice, usable, specimen)
    slots = usable + sum(kind not in USABLE for kind in odd.values())
    pause = (dice.integer(1, slots - 1), dice.integer(3, 9)) if slots > 2 and dice.chance(0.25) else (0, 0)
    ended = dice.chance(0.55)
    ago = dice.integer(10, 1500) if ended else dice.integer(0, 6)
    first = STUDY_END - timedelta(days=ago) - WEEK * (slots - 1 + pause[1])
    planned = slots if ended else slots + dice.integer(10, 200)
    skipped = tuple(sorted({dice.integer(1, slots - 1) for _ in range(2)})) if slots > 3 and dice.chance(0.2) else ()
    previews = 0 if ended or dice.chance(0.3) else dice.integer(2, 5)
    return Timetable(first, planned, pause, skipped, odd, previews)


def oddities(dice: Dice, usable: int, specimen: str | None) -> dict[int, str]:
    """Slots whose episode is not plain, so many that `usable` usable ones are left among those out on STUDY_END."""
    kinds = [*USABLE[1:], *UNUSABLE, HIDDEN]
    odd: dict[int, str] = {}
    slot, left = 0, usable
    while left:
        kind = dice.choose(kinds) if dice.chance(ODD_SHARE * len(kinds)) else "plain"
        if specimen and slot == min(1, usable - 1):
            kind = specimen
        if kind != "plain":
            odd[slot] = kind
        left -= kind in USABLE
        slot += 1
    return odd
