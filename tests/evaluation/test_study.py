"""webtoon_genre/evaluation/study.py: the study's numbers stand beside the study's genres alone."""

import pytest

from webtoon_genre.demo_site.census import THUMBNAILS
from webtoon_genre.evaluation import study


def test_the_genres_are_those_of_the_demo_site():
    assert set(THUMBNAILS) == study.GENRES


@pytest.mark.parametrize(
    ("source", "genres", "comparable"),
    [
        ("naver", study.GENRES, True),
        ("demo-2022-0.01", sorted(study.GENRES), True),
        ("demo-2022-0.01-0.1", sorted(study.GENRES), True),
        ("folder", study.GENRES, False),
        ("demo-2022-0.01", ["daily", "comic"], False),
        ("naver", [*study.GENRES, "omnibus"], False),
    ],
)
def test_data_are_comparable_if_the_source_and_all_genres_are_the_study_s(source, genres, comparable):
    assert study.is_comparable(source, genres) == comparable
