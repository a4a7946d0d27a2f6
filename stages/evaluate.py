"""Scores of one trained model, every prediction, and figures of what it confuses.

Reads:  models/BACKBONE/, data/dataset.parquet, data/resized/; only val and test rows are predicted
Writes: metrics/evaluate/BACKBONE.json ({"val": scores, "test": scores}),
        data/predictions/BACKBONE.parquet (one row a val or test image: title_id, no, genre, label, split, predicted genre,
        p_<genre> for each genre),
        plots/evaluate/BACKBONE/: confusion.png, confusion.csv (for `dvc plots`), genres.png, examples.png, all of test rows
Params: seed, runtime
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import replacing_folder, write_json, write_text
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.core.wording import count
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import confusion_matrix, predicted_labels, score_splits
from webtoon_genre.features.backbone import check_backbone
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.classifier import held_out_rows, load_classifier

EXAMPLES = 8  # thumbnails a row of examples.png
log = logging.getLogger(__name__)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    seed: int = Field(ge=0)
    runtime: Runtime


def predictions(rows: pd.DataFrame, probabilities: np.ndarray, genres: Sequence[str]) -> pd.DataFrame:
    """`rows` with the predicted genre and the probability of each genre, float32."""
    predicted = np.asarray(genres, object)[predicted_labels(probabilities)]
    columns = pd.DataFrame(probabilities, index=rows.index, columns=[f"p_{genre}" for genre in genres])
    return pd.concat([rows.drop(columns="group").assign(predicted=predicted), columns], axis=1)


def schema(genres: Sequence[str]) -> pa.Schema:
    """The columns of data/predictions/BACKBONE.parquet."""
    fields = [field for field in DATASET if field.name != "group"]
    return pa.schema([*fields, ("predicted", pa.string()), *((f"p_{genre}", pa.float32()) for genre in genres)])


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
    side = max(5.6, 3.2 + 0.42 * len(genres))  # inches
    figure = figures.new_figure(side, side - 0.3)
    figures.draw_confusion(figure.subplots(), counts, genres)
    figures.add_title(figure, f"{title}\nper cent of each true genre's images; the diagonal is recall")
    figure.tight_layout()
    return figure


def genres_figure(per_genre: dict[str, dict[str, Any]], title: str) -> Figure:
    """Precision, recall and F1 of each genre, with its number of images."""
    names = [f"{figures.shorten(genre)} ({row['support']}; {row['titles']})" for genre, row in per_genre.items()]
    values = {key: [row[key] for row in per_genre.values()] for key in ("precision", "recall", "f1")}
    figure = figures.new_figure(7, 1.8 + 0.45 * len(names))
    axes = figure.subplots()
    figures.draw_bars(axes, values, names)
    figures.add_title(figure, title)
    few = any(not bootstrap.is_enough(row["titles"]) for row in per_genre.values())
    note = f"\na score of fewer than {bootstrap.MIN_TITLES} titles tells little about others" * few
    figures.add_caption(axes, f"in brackets: test images; their titles; a dot at 0: the score is zero{note}")
    figure.tight_layout()
    return figure


def examples_figure(table: pd.DataFrame, thumbnails: ThumbnailStore, title: str) -> Figure:
    """The most confident correct predictions above, the most confident wrong ones below."""
    figure = figures.new_figure(1.35 * EXAMPLES, 4.45)
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
    figures.add_title(figure, f"{title}\nblue: right, orange: wrong; true genre → predicted, probability; one a title")
    figure.tight_layout()
    return figure


def describe_sample(scores: dict[str, Any]) -> str:
    """The test images in words."""
    return f"{count(scores['images'], 'test image')} of {count(scores['groups'], 'title')}"


def accuracy_title(backbone: str, scores: dict[str, Any]) -> str:
    """A figure's title: the accuracy, and what its interval tells."""
    titles, (low, high) = scores["groups"], scores["accuracy_interval"]
    verdict = "" if bootstrap.is_enough(titles) else f", {bootstrap.too_few(titles)}"
    interval = f"95% interval {low:.0%} to {high:.0%}{verdict}"
    return f"{backbone}: {scores['accuracy']:.0%} of {describe_sample(scores)} right ({interval})"


def draw(
    table: pd.DataFrame,
    scores: dict[str, Any],
    thumbnails: ThumbnailStore,
    genres: Sequence[str],
    backbone: str,
    folder: Path,
) -> None:
    """Draw all plots of the test rows in `table`, whose scores are `scores`, into `folder`."""
    sample, title = describe_sample(scores), accuracy_title(backbone, scores)
    figures.save(confusion_figure(table, genres, title), folder / "confusion.png")
    title = f"{backbone}: macro F1 {scores['macro_f1']:.2f} on {sample}"
    figures.save(genres_figure(scores["per_genre"], title), folder / "genres.png")
    title = f"{backbone}: surest predictions of {sample}"
    figures.save(examples_figure(table, thumbnails, title), folder / "examples.png")
    pairs = table[["genre", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    write_text(folder / "confusion.csv", pairs.to_csv(index=False, lineterminator="\n"))


def main(backbone: str) -> None:
    """Score BACKBONE's model on val and test rows."""
    params = read(Params)
    check_backbone(backbone)
    start_keras(params.runtime)
    model, thumbnails = load_classifier(paths.model(backbone)), ThumbnailStore(paths.RESIZED)
    genres = model.classes
    rows = held_out_rows(read_table(paths.DATASET, DATASET), genres)
    probabilities = model.predict_rows(thumbnails, rows, backbone)
    scores = score_splits(rows, probabilities, genres, params.seed)
    table = predictions(rows, probabilities, genres)
    write_table(table, schema(genres), paths.predictions(backbone))
    with replacing_folder(paths.plots("evaluate", backbone)) as folder:
        draw(table[table["split"] == "test"], scores["test"], thumbnails, genres, backbone, folder)
    write_json(paths.metrics("evaluate", backbone), scores)
    test = scores["test"]
    log.info(f"{backbone}: test accuracy {test['accuracy']:.3f}, macro F1 {test['macro_f1']:.3f}")


if __name__ == "__main__":
    run(main, "evaluate")
