"""webtoon_genre/experiments/title_labels.py: labels of images from their titles."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.random_predictions import make_dataset
from webtoon_genre.data.tables import TITLES
from webtoon_genre.experiments import title_labels


@pytest.fixture
def dataset():
    return make_dataset(["thin", "bold", "round", "flat"], titles=5)


def title_table(count: int) -> pd.DataFrame:
    """Titles 0 .. count - 1 with ratings that differ, title i by author i modulo 4."""
    rows = [
        (number, f"t{number}", [f"author {number % 4}"], ["x"], 8 + number / count, False, "demo", None)
        for number in range(count)
    ]
    return pd.DataFrame(rows, columns=TITLES.names)


@st.composite
def catalogues(draw):
    """Episodes of titles by authors of two titles or more."""
    sizes = draw(st.lists(st.lists(st.integers(2, 12), min_size=2, max_size=4), min_size=2, max_size=4))
    rows = [
        {"title_id": 10 * author + title, "no": no, "author": f"a{author}"}
        for author, titles in enumerate(sizes)
        for title, episodes in enumerate(titles)
        for no in range(episodes)
    ]
    return pd.DataFrame(rows), draw(st.integers(0, 99))


@settings(max_examples=50)
@given(catalogues())
def test_author_splits_have_the_same_test_rows_and_equal_train_and_val_counts(case):
    rows, seed = case
    together, apart = title_labels.author_splits(rows, rows["author"], seed)
    assert ((together == "test") == (apart == "test")).all()
    test_titles = set(rows.loc[apart == "test", "title_id"])
    assert len(test_titles) == rows["author"].nunique()
    assert not test_titles & set(rows.loc[apart.isin(["train", "val"]), "title_id"])
    for side in ("train", "val"):
        counts = [rows["author"][sides == side].value_counts().to_dict() for sides in (together, apart)]
        assert counts[0] == counts[1]
    assert test_titles & set(rows.loc[together.isin(["train", "val"]), "title_id"])


def test_rating_bands_have_equal_numbers_of_train_titles(dataset):
    bands = title_labels.rating_bands(dataset, title_table(20), 4)
    train = dataset["split"] == "train"
    assert dataset[train].groupby(bands)["title_id"].nunique().tolist() == [3, 3, 3, 3]
    assert bands.iloc[0].startswith("1: below ")


def test_a_title_without_a_rating_or_an_author_is_in_no_class(dataset):
    titles = title_table(20)
    titles.loc[3, "star_score"] = np.nan
    titles.at[5, "authors"] = []
    assert title_labels.rating_bands(dataset, titles, 3)[dataset["title_id"] == 3].isna().all()
    assert title_labels.lead_authors(dataset, titles)[dataset["title_id"] == 5].isna().all()


def test_a_title_s_authors_may_be_missing(dataset):
    titles = title_table(20)
    titles["authors"] = None
    assert title_labels.lead_authors(dataset, titles).isna().all()


def test_merged_genres_keep_their_group_whatever_characters_they_have():
    classes, left_out = title_labels.merge_genres([["19+", "a+b"]], ["19+", "a+b", "로맨스"])
    assert classes == {"로맨스": ["로맨스"], "19++a+b": ["19+", "a+b"]}
    assert left_out == []
    values = title_labels.merged_values(pd.Series(["a+b", "로맨스", "19+"]), classes)
    assert values.tolist() == ["19++a+b", "로맨스", "19++a+b"]


def test_a_merged_class_never_has_the_name_of_another_genre():
    classes, _ = title_labels.merge_genres([["a", "b"]], ["a", "b", "a+b"])
    assert classes == {"a+b": ["a+b"], "a+b (merged)": ["a", "b"]}


def test_two_groups_whose_names_are_equal_stay_two_classes():
    classes, _ = title_labels.merge_genres([["a", "b+c"], ["a+b", "c"]], ["a", "b+c", "a+b", "c"])
    assert list(classes.values()) == [["a", "b+c"], ["a+b", "c"]]


def test_groups_that_do_not_fit_the_genres_are_left_out_whole():
    classes, left_out = title_labels.merge_genres([["a", "b"], ["b", "x"], ["y"]], ["a", "b", "c"])
    assert classes == {"c": ["c"], "a+b": ["a", "b"]}
    assert left_out == [["b", "x"], ["y"]]
