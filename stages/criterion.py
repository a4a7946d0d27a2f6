"""Other labels from the same crawl: authors, ratings in bands, merged genres, any column of the titles' table.

Reads:  data/dataset.parquet, data/raw/titles.parquet, data/features/BACKBONE.npy (experiments.backbone)
Writes: metrics/criterion.json, plots/criterion.png
Params: criterion, split.ratios, experiments, head but its units, runtime, seed

author: the authors with most images, split by image as in the study, so that each title is in all splits. author_together and
author_apart: authors of two titles or more, tested on the same images of one title of each author. `together` trains on other
episodes of that title too, `apart` only on the author's other titles, both on as many images: the difference is the gain from
knowing the title. The other criteria use the dataset's split.
"""

import itertools
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.core.progress import track
from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import TITLES, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, Predictions, Probe, ProbeTask
from webtoon_genre.plotting import figures

MAX_VALUES = 50  # of a column
COLUMNS = [field.name for field in TITLES if field.name not in ("title_id", "authors", "genres")]
CAPTION = """\
accuracy on test images, averaged over seeds
lines: 95% CI, whole titles resampled; grey: always the largest class
in brackets: classes, and Cohen's kappa (0: chance, 1: all right)"""


class Criterion(Section):
    """params.yaml: criterion."""

    init: Literal["random", "genre"]
    authors: int = Field(ge=2)
    bands: int = Field(ge=2, le=9)
    merged: list[list[str]]
    columns: list[str]
    seed: int = Field(ge=0)


class Split(SharedKeys):
    """The shared keys of params.yaml: split."""

    ratios: Ratios


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    criterion: Criterion
    split: Split


def check(data: ExperimentData[Params]) -> None:
    """Raise InputError for genres or columns in params that do not exist."""
    merged_names(data.params.criterion.merged, data.genres)
    for name in data.params.criterion.columns:
        if name not in COLUMNS:
            raise InputError(f"criterion.columns has {name!r}; data/raw/titles.parquet has {', '.join(COLUMNS)}")


def label_task(dataset: pd.DataFrame, features: np.ndarray, values: pd.Series, sides: pd.Series) -> ProbeTask:
    """The rows with a value, labelled by value in sorted order; sides: the split of each row, "" for none."""
    names = sorted(values.dropna().unique())
    labels = values.map({name: label for label, name in enumerate(names)}).fillna(-1).to_numpy(np.int64)
    rows = [np.flatnonzero((labels >= 0) & (sides == side).to_numpy()) for side in splits.SPLITS]
    return ProbeTask(features, labels, dataset["group"].to_numpy(), [str(name) for name in names], *rows)


def lead_authors(dataset: pd.DataFrame, titles: pd.DataFrame) -> pd.Series:
    """The first author of each row's title, null where the title has none."""
    leads = {
        title: authors[0] for title, authors in zip(titles["title_id"], titles["authors"], strict=True) if len(authors)
    }
    return dataset["title_id"].map(leads)


def largest(authors: pd.Series, count: int) -> list[str]:
    """The authors with most rows, ties by name."""
    rows = authors.value_counts()
    return [name for _, name in sorted((-images, name) for name, images in rows.items())][:count]


def split_by_image(dataset: pd.DataFrame, authors: pd.Series, params: Params) -> pd.Series:
    """The split of each row by image, as in the study: each title is in all splits; "" without an author."""
    rule = SplitParams(by="image", ratios=params.split.ratios, seed=params.criterion.seed)
    return splits.assign_splits(dataset, rule).where(authors.notna(), "")


def in_test_title(dataset: pd.DataFrame, authors: pd.Series, seed: int) -> pd.Series:
    """bool (n,): whether the row's title is its author's test title, one chosen at random for each author."""
    chosen = set()
    for author, rows in dataset.groupby(authors, sort=True):
        titles = sorted(rows["title_id"].unique())
        chosen.add(splits.shuffled_block([str(title) for title in titles], seed, author, 0)[0])
    return dataset["title_id"].astype(str).isin(chosen)


def author_splits(dataset: pd.DataFrame, authors: pd.Series, seed: int) -> tuple[pd.Series, pd.Series]:
    """Splits with authors' titles together and apart: the same test rows, as many train and val rows of each author.

    Every second episode of the test title is a test row. Its other episodes are train or val rows in `together` alone, in place of
    as many rows of the author's other titles. Every fifth train or val row is a val row.
    """
    test_title = in_test_title(dataset, authors, seed)
    together, apart = (pd.Series("", index=dataset.index) for _ in range(2))
    for author, rows in dataset.groupby(authors, sort=True):
        ordered = rows.sort_values(["title_id", "no"])
        episodes, others = ordered.index[test_title[ordered.index]], ordered.index[~test_title[ordered.index]]
        test, seen = episodes[::2], episodes[1::2]
        order = splits.shuffled_block([str(row) for row in others], seed, author, 1)
        rest = [int(row) for row in order[: max(0, len(others) - len(seen))]]
        mixed = sorted([*seen, *rest])[: len(others)]
        for sides, train in ((together, mixed), (apart, sorted(others))):
            sides[train] = "train"
            sides[train[::5]] = "val"
            sides[test] = "test"
    return together, apart


def rating_bands(dataset: pd.DataFrame, titles: pd.DataFrame, count: int) -> pd.Series:
    """The band of each row's title by rating, as text; bounds are quantiles of the train titles' ratings."""
    ratings = dataset["title_id"].map(titles.set_index("title_id")["star_score"])
    train = titles[titles["title_id"].isin(dataset.loc[dataset["split"] == "train", "title_id"])]["star_score"].dropna()
    if train.empty:
        return pd.Series(None, index=dataset.index, dtype=object)
    bounds = np.unique(np.quantile(train, np.arange(1, count) / count))
    names = [f"{number}: {text}" for number, text in enumerate(band_texts(bounds), 1)]
    bands = [None if np.isnan(rating) else names[np.searchsorted(bounds, rating, "right")] for rating in ratings]
    return pd.Series(bands, dataset.index)


def band_texts(bounds: np.ndarray) -> list[str]:
    """The bands between bounds in words."""
    marks = [f"{bound:.2f}" for bound in bounds]
    return [
        f"below {marks[0]}",
        *(f"{low} to {high}" for low, high in itertools.pairwise(marks)),
        f"{marks[-1]} and more",
    ]


def merged_names(groups: list[list[str]], genres: list[str]) -> dict[str, str]:
    """By genre, its name or the name of the group that it is merged into."""
    names = {genre: genre for genre in genres}
    for group in groups:
        if unknown := [genre for genre in group if names.get(genre) != genre]:
            raise InputError(f"criterion.merged has {unknown[0]!r}: give genres of {', '.join(genres)}, each once")
        names |= dict.fromkeys(group, "+".join(group))
    return names


def column_values(dataset: pd.DataFrame, titles: pd.DataFrame, name: str) -> pd.Series:
    """The value of each row's title in a column of the titles' table, as text."""
    values = dataset["title_id"].map(titles.set_index("title_id")[name])
    if values.nunique() > MAX_VALUES:
        raise InputError(
            f"criterion.columns has {name!r}, which has {values.nunique()} values; at most {MAX_VALUES} can be classes"
        )
    return values.map(str, na_action="ignore")


def label_tasks(data: ExperimentData[Params], titles: pd.DataFrame, features: np.ndarray) -> dict[str, ProbeTask]:
    """The task of each criterion, by name."""
    dataset, criterion, authors = data.dataset, data.params.criterion, lead_authors(data.dataset, titles)
    most_images = authors.where(authors.isin(largest(authors, criterion.authors)))
    titles_of = dataset.groupby(authors)["title_id"].nunique()
    several = authors[authors.isin(titles_of.index[titles_of > 1])]
    several_titles = authors.where(authors.isin(largest(several, criterion.authors)))
    together, apart = author_splits(dataset, several_titles, criterion.seed)
    sides = dataset["split"]
    values = {
        "author": (most_images, split_by_image(dataset, most_images, data.params)),
        "author_apart": (several_titles, apart),
        "author_together": (several_titles, together),
        "rating": (rating_bands(dataset, titles, criterion.bands), sides),
        "merged": (dataset["genre"].map(merged_names(criterion.merged, data.genres)), sides),
    } | {name: (column_values(dataset, titles, name), sides) for name in criterion.columns}
    return {name: label_task(dataset, features, *labels) for name, labels in values.items()}


def obstacle(task: ProbeTask) -> str | None:
    """Why a criterion cannot be trained, None if it can."""
    if len(task.classes) < 2:
        return f"{len(task.classes)} classes"
    if missing := sorted(set(task.classes) - set(task.learnable())):
        return f"no train images of {', '.join(missing)}"
    return None if len(task.val) and len(task.test) else "no held-out images"


def compare_criteria(tasks: dict[str, ProbeTask], genre_task: ProbeTask, params: Params) -> dict[str, Any]:
    """Train a model for each criterion; {"init": ..., "criteria": scores by name, "left_out": reasons by name}."""
    heads, seed = Probe(params), params.seed
    genre_predictions = heads.fit_predict(genre_task)
    start = genre_predictions if params.criterion.init == "genre" else None
    left_out = {name: reason for name, task in tasks.items() if (reason := obstacle(task))}
    usable = {name: task for name, task in tasks.items() if name not in left_out}
    predictions: dict[str, Predictions] = {}
    scores: dict[str, Any] = {}
    for name, task in track(usable.items(), len(usable), "trained", "criteria"):
        predictions[name] = heads.fit_predict(task, start=start)
        scores[name] = probe.scores_with_chance(task, predictions[name].test, seed)
    if "merged" in scores:
        summed = add_probabilities(genre_predictions.test, genre_task.classes, usable["merged"].classes)
        scores["merged"]["against_all_genres"] = change(usable["merged"], predictions["merged"].test, summed, seed)
    if "author_together" in scores and "author_apart" in scores:
        together, apart = predictions["author_together"].test, predictions["author_apart"].test
        scores["author_together"]["against_apart"] = change(usable["author_together"], together, apart, seed)
    return {"init": params.criterion.init, "criteria": scores, "left_out": left_out}


def add_probabilities(probabilities: np.ndarray, genres: list[str], names: list[str]) -> np.ndarray:
    """Probabilities of merged genres: the sum over their genres of a model of all genres, float (seeds, n, k)."""
    return np.stack(
        [probabilities[..., [genres.index(genre) for genre in name.split("+")]].sum(axis=-1) for name in names], axis=-1
    )


def change(task: ProbeTask, probabilities: np.ndarray, baseline: np.ndarray, seed: int) -> dict[str, Any]:
    """The difference in test accuracy between two models, both float (seeds, n, k), and its interval."""
    labels, groups = task.labels[task.test], task.groups[task.test]
    predicted, reference = predicted_labels(probabilities), predicted_labels(baseline)
    generator = np.random.default_rng(seed)
    return bootstrap.paired_difference(labels, groups, predicted, reference, task.classes, generator)["accuracy"]


def summarise(criteria: dict[str, Any]) -> dict[str, Any]:
    """Accuracy and kappa by criterion."""
    return {name: {measure: scores[measure] for measure in ("accuracy", "kappa")} for name, scores in criteria.items()}


def outcome(criteria: dict[str, Any]) -> str:
    """One sentence: kappa of each criterion, the effect of knowing titles, and that of training on merged genres."""
    kappas = [f"{name} {scores['kappa']:.2f}" for name, scores in criteria.items()]
    parts = [f"kappa by {', '.join(kappas)}"]
    if titles := criteria.get("author_together", {}).get("against_apart"):
        parts.append(bootstrap.conclusion("author accuracy with titles seen in training against unseen titles", titles))
    if merged := criteria.get("merged", {}).get("against_all_genres"):
        parts.append(bootstrap.conclusion("accuracy of training on merged genres against adding probabilities", merged))
    return "; ".join(parts)


def draw(criteria: dict[str, Any]) -> Figure:
    """Draw the accuracy of each criterion with its interval, and that of its largest class."""
    names = [
        f"{name.replace('_', ' ')} ({len(scores['per_genre'])}; κ {scores['kappa']:.2f})"
        for name, scores in criteria.items()
    ]
    figure = figures.new_figure(7.4, 1.8 + 0.5 * len(criteria))
    axes = figure.subplots()
    points = [scores["accuracy"] for scores in criteria.values()]
    intervals = [scores["accuracy_interval"] for scores in criteria.values()]
    figures.draw_intervals(axes, names, points, intervals, [figures.BLUE] * len(points))
    majorities = [scores["majority_accuracy"] for scores in criteria.values()]
    axes.scatter(majorities, range(len(criteria)), marker="D", s=36, color=figures.GREY, zorder=3)
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="left")
    figure.suptitle("Other labels from the same thumbnails", fontsize=11)
    figure.tight_layout()
    return figure


def main() -> None:
    """Train a model for each criterion and score it."""
    data = probe.load(Params, check)
    genre_task = data.task()
    tasks = label_tasks(data, read_table(paths.TITLES, TITLES), genre_task.features)
    metrics = compare_criteria(tasks, genre_task, data.params)
    criteria = metrics["criteria"]
    probe.write("criterion", data, metrics, summarise(criteria), outcome(criteria))
    figures.save(draw(criteria), paths.plot("criterion"))


if __name__ == "__main__":
    run(main, "criterion")
