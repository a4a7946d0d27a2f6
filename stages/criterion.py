"""Other labels from the same crawl: authors, ratings in bands, merged genres, any column of the titles' table.

Reads:  data/dataset.parquet, data/raw/titles.parquet, data/features/BACKBONE.npy (the first of train.backbones)
Writes: metrics/criterion.json, plots/criterion.png
Params: criterion, split.ratios, experiments, head but its units, runtime, seed

author: the authors with most images, split by image as in the study, so that each title is in all splits. author_together and
author_apart: authors of two titles or more, tested on the same images of one title of each author. `together` trains on other
episodes of that title too, `apart` only on the author's other titles, both on as many images: the difference is the gain from
knowing the title. The other criteria use the dataset's split. A criterion that does not apply to the dataset, such as author without
authors, and a group of merged genres that the dataset lacks, are left out with the reason.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.core.progress import track
from webtoon_genre.core.wording import enumerated
from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import TITLES, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe, title_labels
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, Predictions, Probe, ProbeTask
from webtoon_genre.experiments.title_labels import Group
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure

MAX_VALUES = 50  # of a criterion; a column such as the title's has one for each title
COLUMNS = [field.name for field in TITLES if field.name not in ("title_id", "authors", "genres")]
CAPTION = """\
accuracy on test images, averaged over seeds
lines: 95% CI, whole titles resampled; grey: always the largest class
in brackets: classes, test titles, and Cohen's kappa (0: chance, 1: all right)"""


class Criterion(Section):
    """params.yaml: criterion."""

    init: Literal["random", "genre"]
    authors: int = Field(ge=2)
    bands: int = Field(ge=2, le=9)
    merged: list[Group]
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
    """Raise InputError for columns that do not exist, and for a genre in two groups."""
    merged = [genre for group in data.params.criterion.merged for genre in group]
    for genre in merged:
        if merged.count(genre) > 1:
            raise InputError(f"criterion.merged has {genre!r} {merged.count(genre)} times; list it once")
    for name in data.params.criterion.columns:
        if name not in COLUMNS:
            raise InputError(f"criterion.columns has {name!r}; data/raw/titles.parquet has {', '.join(COLUMNS)}")


def label_task(dataset: pd.DataFrame, features: np.ndarray, values: pd.Series, sides: pd.Series) -> ProbeTask:
    """The rows with a value, labelled by value in sorted order; sides: the split of each row, "" for none."""
    names = sorted(values.dropna().unique())
    labels = values.map({name: label for label, name in enumerate(names)}).fillna(-1).to_numpy(np.int64)
    rows = [np.flatnonzero((labels >= 0) & (sides == side).to_numpy()) for side in splits.SPLITS]
    return ProbeTask(features, labels, dataset["group"].to_numpy(), [str(name) for name in names], *rows)


def split_by_image(dataset: pd.DataFrame, authors: pd.Series, params: Params) -> pd.Series:
    """The split of each row by image, as in the study: each title is in all splits; "" without an author."""
    rule = SplitParams(by="image", ratios=params.split.ratios, seed=params.criterion.seed)
    return splits.assign_splits(dataset, rule).where(authors.notna(), "")


def label_tasks(data: ExperimentData[Params], titles: pd.DataFrame, features: np.ndarray) -> dict[str, ProbeTask]:
    """The task of each criterion, by name."""
    dataset, criterion, authors = data.dataset, data.params.criterion, title_labels.lead_authors(data.dataset, titles)
    most_images = authors.where(authors.isin(title_labels.largest(authors, criterion.authors)))
    titles_of = dataset.groupby(authors)["title_id"].nunique()
    several = authors[authors.isin(titles_of.index[titles_of > 1])]
    several_titles = authors.where(authors.isin(title_labels.largest(several, criterion.authors)))
    together, apart = title_labels.author_splits(dataset, several_titles, criterion.seed)
    classes, _ = title_labels.merge_genres(criterion.merged, data.genres)
    sides = dataset["split"]
    values = {
        "author": (most_images, split_by_image(dataset, most_images, data.params)),
        "author_apart": (several_titles, apart),
        "author_together": (several_titles, together),
        "rating": (title_labels.rating_bands(dataset, titles, criterion.bands), sides),
    }
    if any(len(group) > 1 for group in classes.values()):
        values["merged"] = title_labels.merged_values(dataset["genre"], classes), sides
    values |= {name: (title_labels.column_values(dataset, titles, name), sides) for name in criterion.columns}
    return {name: label_task(dataset, features, *labels) for name, labels in values.items()}


def obstacle(task: ProbeTask, most: int | None = None) -> str | None:
    """Why a criterion cannot be trained, None if it can; most: classes, None without a limit."""
    if len(task.classes) < 2:
        return f"one class alone: {task.classes[0]}" if task.classes else "no title has one"
    if most is not None and len(task.classes) > most:
        return f"{len(task.classes)} values; at most {most} can be classes"
    if missing := [name for name in task.classes if name not in task.learnable()]:
        return f"no train images of {enumerated(missing)}"
    return None if len(task.val) and len(task.test) else "no held-out images"


def obstacles(tasks: dict[str, ProbeTask], params: Criterion, genres: list[str]) -> dict[str, str]:
    """What is left out, with the reason: criteria, and groups of `criterion.merged`."""
    most = dict.fromkeys(params.columns, MAX_VALUES)
    reasons = {name: reason for name, task in tasks.items() if (reason := obstacle(task, most.get(name)))}
    for group in title_labels.merge_genres(params.merged, genres)[1]:
        missing = [genre for genre in group if genre not in genres]
        reasons[f"merged {' and '.join(group)}"] = f"no genre {' or '.join(missing)}"
    return reasons


def compare_criteria(
    tasks: dict[str, ProbeTask], genre_task: ProbeTask, classes: dict[str, Group], params: Params
) -> dict[str, Any]:
    """Train a model for each criterion; its scores by name. classes: of `title_labels.merge_genres`."""
    heads, seed, from_genre = Probe(params), params.seed, params.criterion.init == "genre"
    genre_predictions = heads.fit_predict(genre_task) if from_genre or "merged" in tasks else None
    start = genre_predictions if from_genre else None
    predictions: dict[str, Predictions] = {}
    scores: dict[str, Any] = {}
    for name, task in track(tasks.items(), len(tasks), "trained", "criteria"):
        predictions[name] = heads.fit_predict(task, start=start)
        scores[name] = probe.scores_with_chance(task, predictions[name].test, seed)
    if "merged" in scores and genre_predictions is not None:
        groups = [classes[name] for name in tasks["merged"].classes]
        summed = add_probabilities(genre_predictions.test, genre_task.classes, groups)
        scores["merged"]["against_all_genres"] = probe.compare(
            tasks["merged"], predictions["merged"].test, summed, seed
        )["accuracy"]
    if "author_together" in scores and "author_apart" in scores:
        together, apart = predictions["author_together"].test, predictions["author_apart"].test
        scores["author_together"]["against_apart"] = probe.compare(tasks["author_together"], together, apart, seed)[
            "accuracy"
        ]
    return scores


def add_probabilities(probabilities: np.ndarray, genres: list[str], groups: list[Group]) -> np.ndarray:
    """Probabilities of groups of genres: the sum over their genres of a model of all genres, float (seeds, n, len(groups))."""
    return np.stack(
        [probabilities[..., [genres.index(genre) for genre in group]].sum(axis=-1) for group in groups], axis=-1
    )


def summarise(criteria: dict[str, Any]) -> dict[str, Any]:
    """Accuracy and kappa by criterion."""
    return {name: {measure: scores[measure] for measure in ("accuracy", "kappa")} for name, scores in criteria.items()}


def outcome(criteria: dict[str, Any], left_out: dict[str, str]) -> str:
    """One sentence: kappa of each criterion, the effect of knowing titles, that of training on merged genres, and what is left out."""
    kappas = [f"{name} {scores['kappa']:.2f}" for name, scores in criteria.items()]
    parts = [f"kappa by {', '.join(kappas)}"]
    if titles := criteria.get("author_together", {}).get("against_apart"):
        parts.append(bootstrap.conclusion("author accuracy with titles seen in training against unseen titles", titles))
    if merged := criteria.get("merged", {}).get("against_all_genres"):
        parts.append(bootstrap.conclusion("accuracy of training on merged genres against adding probabilities", merged))
    if left_out:
        parts.append(f"left out: {describe_left_out(left_out)}")
    return "; ".join(parts)


def describe_left_out(left_out: dict[str, str]) -> str:
    """The criteria that were not trained, with the reasons."""
    return enumerated([f"{name} ({reason})" for name, reason in left_out.items()], len(left_out))


def draw(criteria: dict[str, Any]) -> Figure:
    """Draw the accuracy of each criterion with its interval, and that of its largest class."""
    titles = [scores["groups"] for scores in criteria.values()]
    names = [
        f"{name.replace('_', ' ')} ({len(scores['per_genre'])}; {scores['groups']}; κ {scores['kappa']:.2f})"
        for name, scores in criteria.items()
    ]
    figure = figures.new_figure(7.4, 2 + 0.5 * len(criteria))
    axes = figure.subplots()
    points = [scores["accuracy"] for scores in criteria.values()]
    intervals = [scores["accuracy_interval"] for scores in criteria.values()]
    figures.draw_intervals(axes, names, points, intervals, [figures.BLUE] * len(points))
    majorities = [scores["majority_accuracy"] for scores in criteria.values()]
    axes.scatter(majorities, range(len(criteria)), marker="D", s=36, color=figures.GREY, zorder=3)
    axes.set_xlim(0, 1.03)
    figures.add_caption(axes, CAPTION + bootstrap.few_titles_note(titles))
    figures.add_title(figure, "Other labels from the same thumbnails")
    figure.tight_layout()
    return figure


def main() -> None:
    """Train a model for each criterion and score it."""
    data = probe.load(Params, check)
    params, genre_task = data.params, data.task()
    tasks = label_tasks(data, read_table(paths.TITLES, TITLES), genre_task.features)
    left_out = obstacles(tasks, params.criterion, data.genres)
    usable = {name: task for name, task in tasks.items() if name not in left_out}
    if not usable:
        probe.write_skipped("criterion", data, describe_left_out(left_out), [paths.plot("criterion")])
        return
    classes, _ = title_labels.merge_genres(params.criterion.merged, data.genres)
    criteria = compare_criteria(usable, genre_task, classes, params)
    metrics = {"init": params.criterion.init, "criteria": criteria, "left_out": left_out}
    probe.write("criterion", data, metrics, summarise(criteria), outcome(criteria, left_out))
    figures.save(draw(criteria), paths.plot("criterion"))


if __name__ == "__main__":
    run(main, "criterion")
