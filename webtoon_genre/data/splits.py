"""The split of every row, train, val or test: a pure function of ids, genres and the seed; no paths, no files.

Items (titles, or the images of one title) are divided into blocks by ascending id. A block is a seeded permutation of the
ratios in integers (0.6 / 0.2 / 0.2: three train, one val, one test). So a new item with a larger id than all others of its
stratum moves no other item, and five items are enough to fill every split.
"""

import math
from collections.abc import Hashable, Sequence
from fractions import Fraction
from hashlib import blake2b
from itertools import chain
from typing import Literal

import pandas as pd
from pydantic import Field, model_validator

from webtoon_genre.core.params import Section

SPLITS = ("train", "val", "test")
LARGEST_BLOCK = 100


class Ratios(Section):
    """Shares of train, val and test, which add up to 1."""

    train: float = Field(gt=0, lt=1)
    val: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)

    @model_validator(mode="after")
    def _block(self) -> "Ratios":
        block(self)
        return self


class SplitParams(Section):
    """params.yaml: split. By title: all images of a title go to one split. By image, as in the study: a title's images are divided."""

    by: Literal["title", "image"]
    ratios: Ratios
    seed: int = Field(ge=0)


def block(ratios: Ratios) -> tuple[str, ...]:
    """Return the splits of one block, in order: ("train", "train", "train", "val", "test") for 0.6, 0.2, 0.2."""
    shares = [Fraction(str(getattr(ratios, split))) for split in SPLITS]
    size = math.lcm(*(share.denominator for share in shares))
    if sum(shares) != 1 or size > LARGEST_BLOCK:
        raise ValueError(f"shares {[float(share) for share in shares]} must add up to 1, in whole hundredths")
    return tuple(split for split, share in zip(SPLITS, shares, strict=True) for _ in range(int(share * size)))


def shuffled_block(items: Sequence[str], seed: int, stratum: Hashable, number: int) -> list[str]:
    """Shuffle a block by the seed, the stratum and the block's number; the same on every machine and Python version."""

    def key(slot: int) -> bytes:
        return blake2b(f"{seed}/{stratum}/{number}/{slot}".encode(), digest_size=16).digest()

    return [items[slot] for slot in sorted(range(len(items)), key=key)]


def assign_in_blocks(count: int, block: Sequence[str], seed: int, stratum: Hashable) -> list[str]:
    """Assign `count` items of one stratum, by ascending id, to the elements of shuffled blocks."""
    blocks = math.ceil(count / len(block))
    return [item for number in range(blocks) for item in shuffled_block(block, seed, stratum, number)][:count]


def assign_in_strata(strata: pd.Series, params: SplitParams) -> pd.Series:
    """Return the split of each item, in the order of ids within its stratum; none without a stratum."""
    ordered = strata.dropna().sort_values(kind="stable")
    counts = ordered.value_counts(sort=False)  # in the order of `ordered`
    elements = block(params.ratios)
    splits = [assign_in_blocks(count, elements, params.seed, stratum) for stratum, count in counts.items()]
    return pd.Series(list(chain.from_iterable(splits)), index=ordered.index, dtype="str")


def assign_splits(labels: pd.DataFrame, params: SplitParams) -> pd.Series:
    """Return the split ("train", "val" or "test") of each row of `labels` (columns title_id, no, genre), with its index.

    All rows of a title with several genres go to the split that its alphabetically first genre determines.
    """
    if params.by == "title":
        items = labels.groupby("title_id", as_index=False)["genre"].min().rename(columns={"genre": "stratum"})
        keys = ["title_id"]
    else:
        items = labels[["title_id", "no"]].drop_duplicates().assign(stratum=lambda frame: frame["title_id"])
        keys = ["title_id", "no"]
    items = items.sort_values(keys, ignore_index=True)
    items = items.assign(split=assign_in_strata(items["stratum"], params))
    assigned = labels[keys].merge(items, on=keys, how="left", validate="many_to_one")["split"]
    return assigned.set_axis(labels.index).rename("split")
