"""Figures of a model's predictions for test rows: confusion, scores of genres, surest predictions; and the confusion as a table.

It takes tables of predictions, as predictions.py makes them, and writes to a folder that the caller names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from webtoon_genre.core.files import write_text
from webtoon_genre.core.wording import count
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import confusion_matrix
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.training.predictions import class_names

EXAMPLES = 8  # thumbnails a row of examples.png


def most_confident(table: pd.DataFrame, correct: bool) -> pd.DataFrame:
    """The correct (or wrong) predictions of highest probability, one a title, with a column `probability`."""
    chosen = table[(table["genre"] == table["predicted"]) == correct]
    probability = chosen.filter(regex="^p_").max(axis=1)
    ordered = chosen.assign(probability=probability).sort_values(
        ["probability", "title_id", "no"], ascending=[False, True, True]
    )
    return ordered.drop_duplicates("title_id").head(EXAMPLES)


def confusion_figure(table: pd.DataFrame, genres: Sequence[str], title: str) -> Figure:
    """The confusion matrix of `table`; the figure grows with the number of genres."""
    positions = {genre: position for position, genre in enumerate(genres)}
    counts = confusion_matrix(table["label"].to_numpy(), table["predicted"].map(positions).to_numpy(), len(genres))
    side = max(6.2, 3.2 + 0.42 * len(genres))  # inches
    figure = figures.new_figure(side, side - 0.9)
    figures.draw_confusion(figure.subplots(), counts, genres)
    figures.lay_out(figure, title, "per cent of each true genre's images; the diagonal is recall; in brackets: images")
    return figure


def genres_figure(per_genre: dict[str, dict[str, Any]], title: str) -> Figure:
    """Precision, recall and F1 of each genre, with its number of images."""
    names = [
        f"{figures.shorten(genre)} ({count(row['support'], 'image')}, {count(row['titles'], 'title')})"
        for genre, row in per_genre.items()
    ]
    scores = {"precision": "precision", "recall": "recall", "F1": "f1"}
    values = {name: [row[key] for row in per_genre.values()] for name, key in scores.items()}
    figure = figures.new_figure(7.6, 0.9 + 0.45 * len(names))
    axes = figure.subplots()
    figures.draw_bars(axes, values, names)
    few = any(not bootstrap.is_enough(row["titles"]) for row in per_genre.values())
    note = f"\na score of fewer than {bootstrap.MIN_TITLES} titles tells little about others" * few
    figures.lay_out(figure, title, f"scores of test images; a dot at 0: the score is zero{note}")
    return figure


def examples_figure(table: pd.DataFrame, thumbnails: ThumbnailStore, title: str) -> Figure:
    """The most confident correct predictions above, the most confident wrong ones below."""
    figure = figures.new_figure(1.35 * EXAMPLES, 3.7)
    panels = figure.subplots(2, EXAMPLES)
    for row_axes, correct, colour in zip(panels, (True, False), (figures.BLUE, figures.ORANGE), strict=True):
        examples = most_confident(table, correct)
        for axes, (index, row) in zip(row_axes, examples.iterrows(), strict=False):
            image = thumbnails.take(examples.loc[[index]])[0]
            caption = (
                f"{figures.shorten(row['genre'])}\n→ {figures.shorten(row['predicted'])}\n{row['probability']:.2f}"
            )
            figures.draw_captioned(axes, image, caption, colour)
        for axes in row_axes[len(examples) :]:
            axes.axis("off")
    caption = "blue: right, orange: wrong; below: true genre → predicted genre, probability; one image a title"
    figures.lay_out(figure, title, caption)
    return figure


def describe_sample(scores: dict[str, Any]) -> str:
    """The test images in words."""
    return f"{count(scores['images'], 'test image')} of {count(scores['groups'], 'title')}"


def accuracy_title(name: str, scores: dict[str, Any]) -> str:
    """A figure's title: the accuracy, and what its interval tells."""
    value = bootstrap.format_value(scores["accuracy"], scores["accuracy_interval"], scores["groups"])
    verdict = "" if bootstrap.is_enough(scores["groups"]) else f"; {bootstrap.too_few(scores['groups'])}"
    return f"{name}: test accuracy {value}{verdict}"


def reliability_table(detail: dict[str, Any]) -> pd.DataFrame:
    """The reliability diagram before and after temperature scaling, a row a bin; detail: as detailed_scores returns it."""
    columns = ["confidence", "share_right", "images"]
    kinds = {kind: pd.DataFrame(detail["calibration"][kind]["bins"])[columns] for kind in ("before", "after")}
    return pd.concat(kinds, names=["kind"]).reset_index("kind").round(6)


def draw(
    table: pd.DataFrame,
    scores: dict[str, Any],
    detail: dict[str, Any],
    thumbnails: ThumbnailStore,
    name: str,
    folder: Path,
) -> None:
    """Draw all plots of the test rows in `table`, whose scores are `scores` and `detail`, into `folder`."""
    genres, table = class_names(table), table[table["split"] == "test"]
    sample, title = describe_sample(scores), accuracy_title(name, scores)
    figures.save(confusion_figure(table, genres, title), folder / "confusion.png")
    title = f"{name}: macro F1 {scores['macro_f1']:.2f} on {sample}"
    figures.save(genres_figure(scores["per_genre"], title), folder / "genres.png")
    title = f"{name}: surest predictions of {sample}"
    figures.save(examples_figure(table, thumbnails, title), folder / "examples.png")
    pairs = table.sort_values("label", kind="stable")[["genre", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    write_text(folder / "confusion.csv", pairs.to_csv(index=False, lineterminator="\n"))
    write_text(folder / "reliability.csv", reliability_table(detail).to_csv(index=False, lineterminator="\n"))
