"""Labels of images other than genres, from their titles: authors, ratings in bands, merged genres, columns; no files, no models.

Throughout: `dataset` has a row an image (data/dataset.parquet), `titles` a row a title (data/raw/titles.parquet).
"""

import itertools

import numpy as np
import pandas as pd

from webtoon_genre.core.names import Name
from webtoon_genre.data import splits

Group = list[Name]  # genres that become one class


def lead_authors(dataset: pd.DataFrame, titles: pd.DataFrame) -> pd.Series:
    """The first author of each row's title, null where the title has none."""
    named = titles[titles["authors"].str.len() > 0]
    leads = {title: authors[0] for title, authors in zip(named["title_id"], named["authors"], strict=True)}
    return dataset["title_id"].map(leads)


def largest(authors: pd.Series, count: int) -> list[str]:
    """The authors with most rows, ties by name."""
    rows = authors.value_counts()
    return [name for _, name in sorted((-images, name) for name, images in rows.items())][:count]


def in_test_title(dataset: pd.DataFrame, authors: pd.Series, seed: int) -> pd.Series:
    """bool (n,): whether the row's title is its author's test title, one chosen at random for each author."""
    chosen = set()
    for author, rows in dataset.groupby(authors, sort=True):
        titles = sorted(rows["title_id"].unique())
        chosen.add(splits.shuffled_block([str(title) for title in titles], seed, author, 0)[0])
    return dataset["title_id"].astype(str).isin(chosen)


def author_splits(dataset: pd.DataFrame, authors: pd.Series, seed: int) -> tuple[pd.Series, pd.Series]:
    """Splits with authors' titles together and apart: the same test rows, as many train and val rows of each author.

    Every second episode of the test title is a test row. Its other episodes are train or val rows in `together` alone, in place of
    as many rows of the author's other titles. Every fifth train or val row is a val row.
    """
    test_title = in_test_title(dataset, authors, seed)
    together, apart = (pd.Series("", index=dataset.index) for _ in range(2))
    for author, rows in dataset.groupby(authors, sort=True):
        ordered = rows.sort_values(["title_id", "no"])
        episodes, others = ordered.index[test_title[ordered.index]], ordered.index[~test_title[ordered.index]]
        test, seen = episodes[::2], episodes[1::2]
        order = splits.shuffled_block([str(row) for row in others], seed, author, 1)
        rest = [int(row) for row in order[: max(0, len(others) - len(seen))]]
        mixed = sorted([*seen, *rest])[: len(others)]
        for sides, train in ((together, mixed), (apart, sorted(others))):
            sides[train] = "train"
            sides[train[4::5]] = "val"  # an author of fewer than five rows has train rows alone
            sides[test] = "test"
    return together, apart


def rating_bands(dataset: pd.DataFrame, titles: pd.DataFrame, count: int) -> pd.Series:
    """The band of each row's title by rating, as text; bounds are quantiles of the train titles' ratings."""
    ratings = dataset["title_id"].map(titles.set_index("title_id")["star_score"])
    train = titles[titles["title_id"].isin(dataset.loc[dataset["split"] == "train", "title_id"])]["star_score"].dropna()
    if train.empty:
        return pd.Series(None, index=dataset.index, dtype=object)
    bounds = np.unique(np.quantile(train, np.arange(1, count) / count))
    names = [f"{number}: {text}" for number, text in enumerate(band_texts(bounds), 1)]
    bands = [None if np.isnan(rating) else names[np.searchsorted(bounds, rating, "right")] for rating in ratings]
    return pd.Series(bands, dataset.index)


def band_texts(bounds: np.ndarray) -> list[str]:
    """The bands between bounds in words."""
    marks = [f"{bound:.2f}" for bound in bounds]
    return [
        f"below {marks[0]}",
        *(f"{low} to {high}" for low, high in itertools.pairwise(marks)),
        f"{marks[-1]} and more",
    ]


def merge_genres(groups: list[Group], genres: list[str]) -> tuple[dict[str, Group], list[Group]]:
    """Classes by name, each a list of genres, and the groups that are left out: the dataset lacks one of their genres.

    A class of several genres is named by all of them; where a genre has that name already, "(merged)" makes it another one.
    """
    known = [group for group in groups if set(group) <= set(genres)]
    merged = {genre for group in known for genre in group}
    classes = {genre: [genre] for genre in genres if genre not in merged}
    for group in known:
        name = "+".join(group)
        while name in classes or (name in genres and group != [name]):
            name += " (merged)"
        classes[name] = group
    return classes, [group for group in groups if group not in known]


def merged_values(genre: pd.Series, classes: dict[str, Group]) -> pd.Series:
    """The class of each row's genre."""
    return genre.map({member: name for name, group in classes.items() for member in group})


def column_values(dataset: pd.DataFrame, titles: pd.DataFrame, name: str) -> pd.Series:
    """The value of each row's title in a column of the titles' table, as text."""
    return dataset["title_id"].map(titles.set_index("title_id")[name]).map(str, na_action="ignore")
