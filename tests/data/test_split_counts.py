"""webtoon_genre/data/split_counts.py: what each genre has and needs to fill every split, exactly for the seed."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from webtoon_genre.data import splits
from webtoon_genre.data.split_counts import describe_short_genres, least_items, split_counts
from webtoon_genre.data.splits import Ratios, SplitParams

RATIOS = Ratios(train=0.6, val=0.2, test=0.2)
BY_TITLE, BY_IMAGE = (SplitParams(by=by, ratios=RATIOS, seed=77) for by in ("title", "image"))


def labels(titles: dict[int, dict[str, int]]) -> pd.DataFrame:
    """Return rows title_id, no and genre from the number of images by genre of each title."""
    rows = [
        (title, genre) for title, genres in titles.items() for genre, images in genres.items() for _ in range(images)
    ]
    frame = pd.DataFrame(rows, columns=["title_id", "genre"])
    return frame.assign(no=frame.groupby("title_id").cumcount() + 1)


@given(
    st.text(max_size=5), st.integers(0, 2**31), st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.5, 0.25, 0.25)])
)
def test_the_least_number_fills_every_split_and_one_less_does_not(stratum, seed, shares):
    elements = splits.block(Ratios(**dict(zip(splits.SPLITS, shares, strict=True))))
    least = least_items(elements, seed, stratum)
    assert set(splits.assign_in_blocks(least, elements, seed, stratum)) == set(splits.SPLITS)
    assert set(splits.assign_in_blocks(least - 1, elements, seed, stratum)) < set(splits.SPLITS)


@settings(max_examples=25)
@given(st.integers(1, 7), st.integers(0, 999))
def test_a_genre_with_as_many_titles_as_it_needs_leaves_no_split_empty(titles, seed):
    params = SplitParams(by="title", ratios=RATIOS, seed=seed)
    frame = labels({title: {"fox": 1} for title in range(titles)})
    row = split_counts(frame, params).iloc[0]
    assert (row["empty"] == "") == (titles >= row["needed"])


def test_all_short_genres_are_described_with_what_they_have_need_and_what_to_do():
    frame = labels({1: {"daily": 9}, 2: {"daily": 9}, 3: {"drama": 2}, **{title: {"pure": 1} for title in range(4, 9)}})
    assert describe_short_genres(frame, BY_TITLE, "add pictures") == [
        "label.genres: 'daily' has 18 images in 2 titles, none of them in val, test, and needs 5 titles; "
        "add pictures, or leave it out of label.genres, or set split.by: image",
        "label.genres: 'drama' has 2 images in 1 title, none of them in train, test, and needs 3 titles; "
        "add pictures, or leave it out of label.genres",
    ]


def test_by_image_a_genre_needs_images_of_one_title():
    frame = labels({2: {"daily": 2}, **{title: {"pure": 1} for title in range(3, 9)}})
    (line,) = [line for line in describe_short_genres(frame, BY_IMAGE, "crawl more of it") if "'daily'" in line]
    assert line == (
        "label.genres: 'daily' has 2 images in 1 title, none of them in val, and needs 3 images of one title; "
        "crawl more of it, or leave it out of label.genres"
    )


def test_a_title_of_several_genres_counts_for_the_alphabetically_first():
    frame = labels({**{title: {"comic": 1, "daily": 1} for title in range(1, 4)}, 7: {"daily": 1}})
    row = split_counts(frame, BY_TITLE).set_index("genre").loc["daily"]
    assert (row["images"], row["titles"], row["empty"]) == (4, 1, "")


def test_genres_that_fill_every_split_have_no_complaint():
    assert describe_short_genres(labels({title: {"fox": 1} for title in range(5)}), BY_TITLE, "add pictures") == []
