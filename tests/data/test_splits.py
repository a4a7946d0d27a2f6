"""webtoon_genre/data/splits.py: the split is a pure function of ids, genres and the seed."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams

STUDY = Ratios(train=0.6, val=0.2, test=0.2)
BY_TITLE = SplitParams(by="title", ratios=STUDY, seed=77)
BY_IMAGE = SplitParams(by="image", ratios=STUDY, seed=77)


@st.composite
def labels(draw, min_titles=1):
    """Titles with distinct ids, one genre and some images each."""
    ids = draw(st.lists(st.integers(1, 10**6), min_size=min_titles, max_size=40, unique=True))
    rows = []
    for title_id in ids:
        genre = draw(st.sampled_from(["daily", "comic", "fantasy"]))
        rows += [(title_id, no, genre) for no in range(1, draw(st.integers(1, 6)) + 1)]
    return pd.DataFrame(rows, columns=["title_id", "no", "genre"])


def split_by_image(frame, params):
    images = frame[["title_id", "no"]].itertuples(index=False, name=None)
    return dict(zip(images, splits.assign_splits(frame, params), strict=True))


@settings(max_examples=25)
@given(labels())
def test_no_title_is_in_two_splits(frame):
    assert (splits.assign_splits(frame, BY_TITLE).groupby(frame["title_id"]).nunique() == 1).all()


@settings(max_examples=25)
@given(labels(), st.randoms())
def test_the_order_of_rows_changes_nothing(frame, random):
    order = list(frame.index)
    random.shuffle(order)
    for params in (BY_TITLE, BY_IMAGE):
        assert split_by_image(frame, params) == split_by_image(frame.loc[order], params)


@settings(max_examples=25)
@given(labels(min_titles=2))
def test_a_title_with_a_larger_id_moves_no_other(frame):
    others = frame[frame["title_id"] < frame["title_id"].max()]
    after, before = split_by_image(frame, BY_TITLE), split_by_image(others, BY_TITLE)
    assert {key: after[key] for key in before} == before


@settings(max_examples=25)
@given(labels())
def test_a_new_episode_moves_nothing_by_title_or_by_image(frame):
    new = frame.groupby("title_id", as_index=False).agg(no=("no", "max"), genre=("genre", "first")).eval("no = no + 1")
    for params in (BY_TITLE, BY_IMAGE):
        before = split_by_image(frame, params)
        after = split_by_image(pd.concat([frame, new], ignore_index=True), params)
        assert {key: after[key] for key in before} == before


@pytest.mark.parametrize("seed", range(5))
def test_five_titles_of_a_genre_fill_every_split(seed):
    frame = pd.DataFrame({"title_id": [3, 8, 20, 21, 99], "no": 1, "genre": "pure"})
    assigned = splits.assign_splits(frame, SplitParams(by="title", ratios=STUDY, seed=seed))
    assert sorted(assigned) == ["test", "train", "train", "train", "val"]


def test_complete_blocks_have_exactly_the_ratios():
    frame = pd.DataFrame({"title_id": range(1, 101), "no": 1, "genre": "pure"})
    assert splits.assign_splits(frame, BY_TITLE).value_counts().to_dict() == {"train": 60, "val": 20, "test": 20}


def test_another_seed_gives_another_split():
    frame = pd.DataFrame({"title_id": range(1, 51), "no": 1, "genre": "pure"})
    reseeded = BY_TITLE.model_copy(update={"seed": 78})
    assert splits.assign_splits(frame, BY_TITLE).tolist() != splits.assign_splits(frame, reseeded).tolist()


def test_by_image_one_title_is_in_every_split():
    frame = pd.DataFrame({"title_id": 7, "no": range(1, 11), "genre": "pure"})
    assert splits.assign_splits(frame, BY_IMAGE).value_counts().to_dict() == {"train": 6, "val": 2, "test": 2}


def test_a_title_with_rows_of_two_genres_is_in_one_split():
    frame = pd.DataFrame({"title_id": [1, 1, 2, 3], "no": [1, 1, 1, 1], "genre": ["pure", "drama", "pure", "drama"]})
    assigned = splits.assign_splits(frame, BY_TITLE)
    assert assigned[0] == assigned[1]


def test_the_assignment_is_golden():
    # may change only together with every committed result: it decides which titles are test titles
    assert splits.assign_in_blocks(10, splits.block(STUDY), 77, "daily") == (
        ["train", "train", "val", "train", "test", "train", "train", "train", "test", "val"]
    )


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.3), (0.7, 0.1, 0.1), (0.333, 0.333, 0.334)])
def test_shares_that_do_not_add_up_to_1_in_hundredths_are_rejected(shares):
    with pytest.raises(ValidationError, match="must add up to 1, in whole hundredths"):
        Ratios(train=shares[0], val=shares[1], test=shares[2])


def test_the_ratios_determine_the_size_of_blocks():
    assert splits.block(Ratios(train=0.8, val=0.1, test=0.1)) == ("train",) * 8 + ("val", "test")
