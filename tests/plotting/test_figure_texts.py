"""tests/support/figure_texts.py: the faults that it names, one by one, and none in a figure without faults."""

import pytest

from tests.support.figure_texts import text_faults
from webtoon_genre.plotting.figures import lay_out, new_figure


def sound():
    figure = new_figure(4, 3)
    figure.subplots().plot([0, 1], [1, 0])
    return figure


def cut(figure):
    figure.text(0.9, 0.5, "a long text")


def overlap(figure):
    figure.text(0.5, 0.99, "one", va="top")
    figure.text(0.51, 0.99, "two", va="top")


def on_a_panel(figure):
    figure.text(0.5, 0.5, "one")


def on_a_line(figure):
    figure.axes[0].text(0.5, 0.5, "one", ha="center", va="center")


def on_a_point(figure):
    figure.axes[0].text(0.8, 0.8, "one", ha="center", va="center")
    figure.axes[0].scatter([0.8], [0.8])


def slanted(figure):
    """Boxes along the axes would overlap; the slanted texts do not."""
    figure.axes[0].set_xticks([0.4, 0.6], ["a slanted name", "another name"], rotation=45, ha="right")


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (lambda _: None, []),
        (cut, ["'a long text' is cut at the right"]),
        (overlap, ["'one' overlaps 'two'"]),
        (on_a_panel, ["'one' lies on another panel"]),
        (on_a_line, ["a line or a point strikes 'one'"]),
        (on_a_point, ["a line or a point strikes 'one'"]),
        (slanted, []),
    ],
)
def test_faults_of_a_figure_are_named(change, faults):
    figure = sound()
    change(figure)
    if change is slanted:
        lay_out(figure, "A title", "a caption")
    assert text_faults(figure) == faults
