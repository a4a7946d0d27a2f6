"""Lines of an experiment's figure, from scores as `probe` returns them; no files."""

from typing import Any

from webtoon_genre.evaluation import bootstrap
from webtoon_genre.plotting.figures import BLUE
from webtoon_genre.plotting.intervals import IntervalRow

CAPTION = "points: test accuracy, averaged over seeds; lines and brackets: 95% intervals, whole titles resampled"


def accuracy_row(name: str, scores: dict[str, Any], colour: str = BLUE, more: str = "") -> IntervalRow:
    """The accuracy of `scores`, as `probe.scores_with_chance` returns them; more: goes on the text of the line."""
    value, interval, titles = scores["accuracy"], scores["accuracy_interval"], scores["groups"]
    text = bootstrap.format_value(value, interval, titles) + more
    return IntervalRow(name, value, interval, text, colour, pale=not bootstrap.is_enough(titles))


def change_row(name: str, change: dict[str, Any]) -> IntervalRow:
    """A difference, as `bootstrap.difference_record` returns it."""
    few = not bootstrap.is_enough(change["titles"])
    return IntervalRow(name, change["difference"], change["interval"], bootstrap.describe(change), pale=few)
