"""What the page shows, in plain values for its template: read from metrics, predictions and tables; results are not computed here.

The page knows no experiment by name: an experiment is a stage whose metrics file has a `question`; that file and its figures are its part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from webtoon_genre.core import paths
from webtoon_genre.data.tables import class_names
from webtoon_genre.evaluation import study
from webtoon_genre.report.figures import KINDS, EmbeddedFigure, read_figure
from webtoon_genre.report.provenance import Stage
from webtoon_genre.report.traced import Metrics, Score, escape, scores_of
from webtoon_genre.training.predictions import PREFIX

IN_A_CELL = 6  # thumbnails of a cell of the confusion matrix, at most, one a title first
IN_A_TITLE = 4  # thumbnails of a title, at most
MOST_SCORES = 400  # of an experiment's table


@dataclass(frozen=True)
class Wording:
    """What the pictures and their classes are called: in the field of webtoons, or in any other one."""

    webtoons: bool
    label: str
    labels: str
    image: str
    images: str

    @classmethod
    def of(cls, genres: Sequence[str]) -> "Wording":
        """The words for labels: those of the study are genres of thumbnails."""
        if set(genres) == study.GENRES:
            return cls(True, "genre", "genres", "thumbnail", "thumbnails")
        return cls(False, "label", "labels", "picture", "pictures")


@dataclass(frozen=True)
class Model:
    """A row of the table of models. validation, detail: references of its scores; change: of its difference from the histogram."""

    group: str
    name: str
    validation: str
    detail: str
    change: str | None


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix. source: the reference of its count; share: of the true class's images."""

    true: str
    predicted: str
    source: str
    count: int
    share: float
    identity: str


@dataclass(frozen=True)
class Experiment:
    """An experiment's part: its stage, its figures and its scores; the rest is in its metrics file."""

    stage: Stage
    figures: list[EmbeddedFigure]
    scores: list[Score]
    left_out: int
    mapped_titles: list["MappedTitle"]


@dataclass(frozen=True)
class MappedTitle:
    """A title on a map. column, row: its cell; images: (title_id, no) of its images, the one on the map first."""

    identity: str
    title: str
    genre: str
    label: int
    column: int
    row: int
    images: list[tuple[int, int]]
    of: int


def models(metrics: Metrics, backbones: Sequence[str]) -> list[Model]:
    """The model handed on, the backbones by validation accuracy, the baselines."""
    ordered = sorted(backbones, key=lambda name: -metrics.at(f"evaluate/{name}#/val/accuracy"))
    rows = [("handed on", "models/best", "finetune#/best")]
    rows += [("backbone", name, f"evaluate/{name}#") for name in ordered]
    names = sorted(metrics.file("baseline"), key=lambda name: -metrics.at(f"baseline#/{name}/val/accuracy"))
    rows += [("baseline", name.replace("_", " "), f"baseline#/{name}") for name in names]
    return [
        Model(
            group,
            name,
            f"{reference}/val",
            f"{reference}/test_detail",
            change if metrics.has(change := f"{reference}/against_colour_histogram") else None,
        )
        for group, name, reference in rows
    ]


def confusion(metrics: Metrics, genres: Sequence[str]) -> list[list[Cell]]:
    """The confusion matrix of the model handed on, a row a true class."""
    counts = metrics.at("finetune#/best/test_detail/confusion")
    rows = []
    for true_index, true in enumerate(genres):
        total = sum(counts[true].values())
        rows.append(
            [
                Cell(
                    true,
                    predicted,
                    f"finetune#/best/test_detail/confusion/{escape(true)}/{escape(predicted)}",
                    counts[true][predicted],
                    counts[true][predicted] / total if total else 0.0,
                    f"cell-{true_index}-{index}",
                )
                for index, predicted in enumerate(genres)
            ]
        )
    return rows


def cell_images(table: pd.DataFrame) -> dict[tuple[str, str], pd.DataFrame]:
    """Test images by true and predicted class, at most IN_A_CELL: the surest of each title first. table: predictions of the model."""
    test = table[table["split"] == "test"]
    probability = test.filter(regex=f"^{PREFIX}").max(axis=1)
    ordered = test.assign(probability=probability).sort_values(
        ["probability", "title_id", "no"], ascending=[False, True, True]
    )
    turn = ordered.groupby(["title_id", "genre", "predicted"]).cumcount()
    ordered = ordered.assign(turn=turn).sort_values("turn", kind="stable")
    return {key: rows.head(IN_A_CELL) for key, rows in ordered.groupby(["genre", "predicted"])}


def experiments(
    metrics: Metrics, stages: Sequence[Stage], titles: pd.Series, dataset: pd.DataFrame
) -> list[Experiment]:
    """The stages whose metrics file asks a question, by name; titles: names by title_id."""
    names = metrics.names()
    stages_with_question = [stage for stage in stages if stage.name in names and metrics.has(f"{stage.name}#/question")]
    stages_with_question.sort(key=lambda stage: stage.name)
    return [experiment(stage, metrics, titles, dataset) for stage in stages_with_question]


def experiment(stage: Stage, metrics: Metrics, titles: pd.Series, dataset: pd.DataFrame) -> Experiment:
    """One experiment's part. An experiment with a map shows it, not the figure of the same name."""
    scores = scores_of(metrics, stage.name)
    pictures = stage.figures(KINDS)
    map_path = metrics.at(f"{stage.name}#/map") if metrics.has(f"{stage.name}#/map") else None
    on_map = mapped_titles(pd.read_parquet(map_path), titles, dataset) if map_path else []
    if on_map:
        pictures = [path for path in pictures if Path(path) != paths.plot(stage.name)]
    figures = [read_figure(Path(path)) for path in pictures]
    return Experiment(stage, figures, scores[:MOST_SCORES], max(0, len(scores) - MOST_SCORES), on_map)


def mapped_titles(table: pd.DataFrame, titles: pd.Series, dataset: pd.DataFrame) -> list[MappedTitle]:
    """The titles of a map: its table has columns title_id, no, genre, column, row."""
    images = {key: rows.tolist() for key, rows in dataset.groupby(["title_id", "genre"])["no"]}
    labels = {name: index for index, name in enumerate(class_names(dataset))}
    result = []
    for number, row in enumerate(table.itertuples()):
        numbers = images[row.title_id, row.genre]
        shown = [row.no, *(no for no in numbers if no != row.no)][:IN_A_TITLE]
        result.append(
            MappedTitle(
                f"title-{number}",
                titles.get(row.title_id, str(row.title_id)),
                row.genre,
                labels[row.genre],
                row.column,
                row.row,
                [(row.title_id, no) for no in shown],
                len(numbers),
            )
        )
    return result
