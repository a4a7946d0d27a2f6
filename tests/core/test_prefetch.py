"""webtoon_genre/core/prefetch.py: one item ahead, in order."""

import pytest

from webtoon_genre.core.prefetch import prefetch


def test_results_come_in_order_and_one_item_is_made_ahead():
    made: list[int] = []

    def square(number: int) -> int:
        made.append(number)
        return number**2

    results = prefetch(square, range(4))
    assert made == []
    assert next(results) == 0
    assert [next(results), *results] == [1, 4, 9]
    assert made == [0, 1, 2, 3]


def test_no_items_give_no_results():
    assert list(prefetch(str, [])) == []


def test_an_error_comes_with_its_item():
    results = prefetch(lambda number: 1 / number, [2, 1, 0])
    assert [next(results), next(results)] == [0.5, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
