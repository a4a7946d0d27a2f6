"""training/prediction_figures.py: what the figures of a model's predictions show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.training import prediction_figures

GENRES = ["comic", "drama", "pure"]


def prediction_table(*rows):
    """The table of predictions, from (title_id, genre, predicted genre, its probability)."""
    table = pd.DataFrame(rows, columns=["title_id", "genre", "predicted", "probability"]).assign(no=1)
    for genre in GENRES:
        table[f"p_{genre}"] = np.where(table["predicted"] == genre, table["probability"], 0.1).astype(np.float32)
    return table.drop(columns="probability")


def test_the_most_confident_predictions_are_one_a_title_correct_and_wrong_apart():
    table = prediction_table(
        (3, "comic", "comic", 0.5),
        (1, "comic", "comic", 0.9),
        (1, "comic", "comic", 0.8),
        (2, "drama", "pure", 0.7),
        (4, "drama", "comic", 0.95),
    )
    assert prediction_figures.most_confident(table, correct=True)["title_id"].tolist() == [1, 3]
    assert prediction_figures.most_confident(table, correct=True)["probability"].tolist() == pytest.approx([0.9, 0.5])
    assert prediction_figures.most_confident(table, correct=False)["title_id"].tolist() == [4, 2]


def test_of_equally_probable_predictions_the_smaller_title_comes_first():
    table = prediction_table((2, "pure", "pure", 0.5), (1, "pure", "pure", 0.5), (3, "pure", "pure", 0.5))
    assert prediction_figures.most_confident(table, correct=True)["title_id"].tolist() == [1, 2, 3]


def test_examples_are_drawn_if_all_predictions_are_correct_or_all_are_wrong(synthetic_dataset):
    thumbnails = ThumbnailStore(Path("data/resized"))
    for predicted, expected in (("comic", (1, 0)), ("pure", (0, 1))):
        figure = prediction_figures.examples_figure(prediction_table((1, "comic", predicted, 0.5)), thumbnails, "title")
        panels = [
            sum(bool(axes.images) for axes in figure.axes[start : start + prediction_figures.EXAMPLES])
            for start in (0, 8)
        ]
        assert tuple(panels) == expected


def test_a_row_of_the_confusion_matrix_shows_shares_of_the_true_genre():
    table = pd.DataFrame({"label": [0, 0, 0, 1], "predicted": ["comic", "comic", "drama", "drama"]})
    axes = prediction_figures.confusion_figure(table, GENRES[:2], "title").axes[0]
    assert [text.get_text() for text in axes.texts] == ["67", "33", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["comic (3)", "drama (1)"]


def test_the_bars_of_a_genre_are_its_scores():
    per_genre = {"comic": {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 4, "titles": 2}}
    axes = prediction_figures.genres_figure(per_genre, "title").axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 1.0, 2 / 3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["comic (4 images, 2 titles)"]
