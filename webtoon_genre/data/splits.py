"""Which side of the split each row stands on: a pure function of ids, genres and the seed; no paths, no files.

Items (titles, or the images of one title) are taken by ascending id in blocks; each block is a seeded permutation of the
ratios' whole parts (0.6 / 0.2 / 0.2: three train, one val, one test). So an item with a larger id than those known of its
stratum moves no other, and five items already fill every part.
"""

import math
from collections.abc import Hashable, Sequence
from fractions import Fraction
from hashlib import blake2b
from typing import Literal

import pandas as pd
from pydantic import Field, model_validator

from webtoon_genre.core.params import Section

SPLITS = ("train", "val", "test")
LARGEST_BLOCK = 100


class Ratios(Section):
    """Shares of train, val and test; they add up to 1."""

    train: float = Field(gt=0, lt=1)
    val: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _whole(self) -> "Ratios":
        block(self)
        return self


class SplitParams(Section):
    """How rows are split: whole titles within their genre, or (the study's way) the images of each title."""

    by: Literal["title", "image"]
    ratios: Ratios
    seed: int = Field(ge=0)


def block(ratios: Ratios) -> tuple[str, ...]:
    """The sides of one block, in order: ("train", "train", "train", "val", "test") for 0.6, 0.2, 0.2."""
    shares = [Fraction(str(getattr(ratios, side))) for side in SPLITS]
    size = math.lcm(*(share.denominator for share in shares))
    if sum(shares) != 1 or size > LARGEST_BLOCK:
        raise ValueError(f"shares {[float(share) for share in shares]} must add up to 1, in whole hundredths")
    return tuple(side for side, share in zip(SPLITS, shares, strict=True) for _ in range(int(share * size)))


def shuffled_block(sides: Sequence[str], seed: int, stratum: Hashable, number: int) -> list[str]:
    """`sides` in an order drawn from the seed, the stratum and the block's number; the same on every machine and version."""

    def key(slot: int) -> bytes:
        return blake2b(f"{seed}/{stratum}/{number}/{slot}".encode(), digest_size=16).digest()

    return [sides[slot] for slot in sorted(range(len(sides)), key=key)]


def assign_in_blocks(count: int, sides: Sequence[str], seed: int, stratum: Hashable) -> list[str]:
    """The sides of `count` items of one stratum, by ascending id."""
    blocks = math.ceil(count / len(sides))
    return [side for number in range(blocks) for side in shuffled_block(sides, seed, stratum, number)][:count]


def assign_splits(labels: pd.DataFrame, rule: SplitParams) -> pd.Series:
    """The side ("train", "val" or "test") of each row of `labels` (columns title_id, no, genre), on its index.

    A title with rows of several genres goes where its alphabetically first genre puts it, with all its rows.
    """
    if rule.by == "title":
        items = labels.groupby("title_id", as_index=False)["genre"].min().rename(columns={"genre": "stratum"})
        keys = ["title_id"]
    else:
        items = labels[["title_id", "no"]].drop_duplicates().assign(stratum=lambda frame: frame["title_id"])
        keys = ["title_id", "no"]
    items = items.sort_values(keys, ignore_index=True)
    sides = block(rule.ratios)
    for stratum, rows in items.groupby("stratum").groups.items():
        items.loc[rows, "side"] = assign_in_blocks(len(rows), sides, rule.seed, stratum)
    placed = labels[keys].merge(items, on=keys, how="left", validate="many_to_one")["side"]
    return placed.set_axis(labels.index).rename("split")
