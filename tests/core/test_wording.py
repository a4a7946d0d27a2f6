"""webtoon_genre/core/wording.py: numbers in sentences."""

import pytest

from webtoon_genre.core import wording


@pytest.mark.parametrize(("number", "words"), [(2, "two"), (3, "three"), (10, "ten"), (11, "11"), (18, "18")])
def test_numbers_up_to_ten_are_words(number, words):
    assert wording.in_words(number) == words


@pytest.mark.parametrize(("number", "text"), [(0, "0 titles"), (1, "1 title"), (6, "6 titles")])
def test_a_noun_agrees_with_its_number(number, text):
    assert wording.count(number, "title") == text


def test_an_irregular_plural_is_given():
    assert wording.count(2, "model of genres", "models of genres") == "2 models of genres"


def test_a_long_list_ends_early():
    assert wording.enumerated(["a", "b", "c"], 2) == "a, b and 1 more"
    assert wording.enumerated(["a", "b"], 2) == "a, b"
