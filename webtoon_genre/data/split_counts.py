"""Which genres have rows in train, val and test, and how many titles that takes; a pure function of ids, genres and the split's params."""

from collections.abc import Collection, Hashable, Sequence

import pandas as pd

from webtoon_genre.core.wording import count
from webtoon_genre.data.splits import SPLITS, SplitParams, assign_in_blocks, assign_splits, block


def split_counts(labels: pd.DataFrame, params: SplitParams) -> pd.DataFrame:
    """Return genre, images, titles, needed and empty of each genre in `labels` (columns title_id, no, genre), by genre.

    `titles` are those that the split divides under this genre: a title of several genres counts for its alphabetically first.
    `needed` is the least number of them that leaves no split empty; by image, the least number of images of one title.
    `empty` names the splits without an image: "val, test".
    """
    rows = labels[["title_id", "no", "genre"]].assign(split=assign_splits(labels, params))
    rows["first"] = rows.groupby("title_id")["genre"].transform("min")
    counts = [genre_counts(str(genre), group, params) for genre, group in rows.groupby("genre")]
    return pd.DataFrame(counts, columns=["genre", "images", "titles", "needed", "empty"])


def genre_counts(genre: str, rows: pd.DataFrame, params: SplitParams) -> tuple[str, int, int, int, str]:
    """Return the row of one genre."""
    elements, present = block(params.ratios), set(rows["split"])
    owned = rows[rows["first"] == genre]
    if params.by == "title":
        others = set(rows.loc[rows["first"] != genre, "split"])
        needed = least_items(elements, params.seed, genre, others)
    else:
        needed = min(least_items(elements, params.seed, title_id) for title_id in rows["title_id"].unique())
    empty = ", ".join(split for split in SPLITS if split not in present)
    return genre, len(rows), int(owned["title_id"].nunique()), needed, empty


def least_items(elements: Sequence[str], seed: int, stratum: Hashable, present: Collection[str] = ()) -> int:
    """Return the least number of items of a stratum that fills every split, where those `present` are filled already."""
    shuffled = assign_in_blocks(len(elements), elements, seed, stratum)
    return max(shuffled.index(split) + 1 if split not in present else 0 for split in set(elements))


def describe_short_genres(labels: pd.DataFrame, params: SplitParams, remedy: str) -> list[str]:
    """Describe each genre that leaves a split empty: what it has, what it needs and what to do; `remedy` says how to get more."""
    counts = split_counts(labels, params)
    short = counts[counts["empty"] != ""]
    if short.empty:
        return []
    other_by = "image" if params.by == "title" else "title"
    other = split_counts(labels, params.model_copy(update={"by": other_by}))
    full = set(other.loc[other["empty"] == "", "genre"])
    lines = []
    for genre, images, titles, needed, empty in short.itertuples(index=False, name=None):
        total = labels.loc[labels["genre"] == genre, "title_id"].nunique()
        others = f" ({total - titles} more count for another of their genres)" if total > titles else ""
        has = f"{count(images, 'image')} in {count(titles, 'title')}{others}, none of them in {empty}"
        needs = f"{count(needed, 'title')}" if params.by == "title" else f"{count(needed, 'image')} of one title"
        remedies = [remedy, "leave it out of label.genres", *([f"set split.by: {other_by}"] if genre in full else [])]
        lines.append(f"label.genres: {genre!r} has {has}, and needs {needs}; {', or '.join(remedies)}")
    return lines
