"""webtoon_genre/experiments/lookalikes.py: near-duplicates of different genres, or else the nearest images."""

import pandas as pd
import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.experiments import lookalikes


def tables(*hashes):
    """A dataset with an image a hash, of two genres in turn, and the index of its thumbnails."""
    rows = [(number, 0, "ab"[number % 2], number % 2) for number in range(len(hashes))]
    dataset = pd.DataFrame(rows, columns=["title_id", "no", "genre", "label"])
    return dataset, dataset.assign(perceptual_hash=[f"{value:016x}" for value in hashes])


def test_near_duplicates_of_different_genres_are_counted_and_listed_alone():
    metrics = lookalikes.search(*tables(0, 0b111, 0, 2**40 - 1), 3)
    assert (metrics["pairs"], metrics["images"]) == (2, 3)
    assert [pair["bits"] for pair in metrics["nearest"]] == [3]
    assert lookalikes.headline(metrics) == "3 images with a near-duplicate of another genre (within 3 of 64 bits)"


def test_without_near_duplicates_the_nearest_images_of_different_genres_are_listed():
    metrics = lookalikes.search(*tables(0, 2**40 - 1, 2**60 - 1, 2**5 - 1), 3)
    assert (metrics["pairs"], metrics["images"]) == (0, 0)
    assert [(pair["bits"], pair["one"]["genre"], pair["other"]["genre"]) for pair in metrics["nearest"]] == [
        (5, "a", "b"),
        (20, "b", "a"),
    ]
    assert lookalikes.headline(metrics) == (
        "No near-duplicates of different genres (within 3 of 64 bits); the nearest differ in 5"
    )


def test_an_image_without_a_hash_is_one_clear_line():
    dataset, index = tables(0, 1)
    message = r"^data/resized lacks \(title_id, no\) \(1, 0\); run `dvc repro resize label`$"
    with pytest.raises(InputError, match=message):
        lookalikes.search(dataset, index[:1], 3)
