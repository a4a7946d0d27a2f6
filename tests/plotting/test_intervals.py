"""webtoon_genre/plotting/intervals.py: numbers stand beside the axes, and pale rows are those of few titles."""

import pytest

from webtoon_genre.plotting.figures import BLUE, GREY, new_figure
from webtoon_genre.plotting.intervals import PALE, IntervalRow, draw_intervals, show_range

ROWS = [
    IntervalRow("first", 0.5, [0.3, 0.7], "0.500 [0.300, 0.700], 62 titles"),
    IntervalRow("second", 0.2, [0.1, 0.3], "0.200 [0.100, 0.300], 3 titles", pale=True),
]


def draw():
    figure = new_figure(8, 2)
    axes = figure.subplots()
    draw_intervals(axes, ROWS)
    figure.tight_layout()
    figure.canvas.draw()
    return axes


def test_texts_stand_to_the_right_of_all_lines():
    axes = draw()
    assert [text.get_text() for text in axes.texts] == [row.text for row in ROWS]
    assert all(text.get_window_extent().x0 > axes.bbox.x1 for text in axes.texts)


def test_rows_go_from_top_to_bottom():
    axes = draw()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["first", "second"]
    assert axes.yaxis_inverted()


def test_a_row_of_few_titles_is_pale():
    axes = draw()
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(point.get_color(), point.get_alpha()) for point in points] == [(BLUE, 1), (BLUE, PALE)]
    assert [text.get_color() for text in axes.texts] == ["black", GREY]


@pytest.mark.parametrize(
    ("values", "limits"),
    [(([0.31, 0.78], [0.4]), (0.28, 0.82)), (([0.3, 0.8], []), (0.28, 0.82)), (([0, 1],), (-0.02, 1.02))],
)
def test_the_range_ends_at_tenths_around_the_values(values, limits):
    axes = new_figure(4, 2).subplots()
    show_range(axes, *values)
    assert axes.get_xlim() == pytest.approx(limits)
