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
from webtoon_genre.core.wording import enumerated
from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import TITLES, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe, score_rows, title_labels
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.experiments.score_rows import accuracy_row
from webtoon_genre.experiments.title_labels import Group
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.plotting.intervals import draw_intervals, draw_markers, show_range

MAX_VALUES = 50  # of a criterion; a column such as the title's has one for each title
COLUMNS = [field.name for field in TITLES if field.name not in ("title_id", "authors", "genres")]
NAMES = {
    "author": "author, images split at random",
    "author_apart": "author of a title unseen in training",
    "author_together": "author of a title seen in training",
    "rating": "rating, in bands",
    "merged": "genre, similar genres merged",
}  # other criteria are columns, with names of their own
COMPARISONS = {
    "known_title": "author accuracy with titles seen in training against unseen titles",
    "merged": "accuracy of training on merged genres against adding probabilities",
}
CAPTION = f"{score_rows.CAPTION}\nκ: Cohen's kappa; 0 is chance, 1 is all right"


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

    question = (
        "Can other labels be told from the same features: authors, ratings, merged classes, columns of the titles?"
    )
    study = "Retrained to recognise the author of 9 titles (3,074 thumbnails): a large gain. It gives no numbers."

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
    trained = heads.fit_predict_all([ProbeRun(task, start=start) for task in tasks.values()])
    predictions = dict(zip(tasks, trained, strict=True))
    scores = {name: probe.scores_with_chance(task, predictions[name].test, seed) for name, task in tasks.items()}
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


def comparisons(criteria: dict[str, Any]) -> dict[str, Any]:
    """What knowing a title changes for authors, and what training on merged genres changes, as far as both sides were trained."""
    keys = {"known_title": ("author_together", "against_apart"), "merged": ("merged", "against_all_genres")}
    return {name: criteria[label][key] for name, (label, key) in keys.items() if key in criteria.get(label, {})}


def summarise(criteria: dict[str, Any]) -> dict[str, Any]:
    """The changes in `comparisons`."""
    metrics: dict[str, Any] = {}
    for name, change in comparisons(criteria).items():
        metrics |= bootstrap.change_metrics(f"{name}_change", change)
    return metrics


def outcome(criteria: dict[str, Any], left_out: dict[str, str]) -> str:
    """One sentence: the accuracy of each criterion, the effect of knowing titles, that of training on merged genres, what is left out."""
    gains = [f"{name} ({bootstrap.describe(scores['against_majority'])})" for name, scores in criteria.items()]
    parts = [f"accuracy against always the largest class: {', '.join(gains)}"]
    parts += [bootstrap.conclusion(COMPARISONS[name], change) for name, change in comparisons(criteria).items()]
    if left_out:
        parts.append(f"left out: {describe_left_out(left_out)}")
    return "; ".join(parts)


def describe_left_out(left_out: dict[str, str]) -> str:
    """The criteria that were not trained, with the reasons."""
    return enumerated([f"{name} ({reason})" for name, reason in left_out.items()], len(left_out))


def draw(criteria: dict[str, Any]) -> Figure:
    """Draw the accuracy of each criterion with its interval, and that of its largest class."""
    rows = [
        accuracy_row(
            f"{NAMES.get(name, name)} ({len(scores['per_genre'])} classes)", scores, more=f"; κ {scores['kappa']:.2f}"
        )
        for name, scores in criteria.items()
    ]
    figure = figures.new_figure(10.4, 1 + 0.36 * len(criteria))
    axes = figure.subplots()
    majorities = [scores["majority_accuracy"] for scores in criteria.values()]
    draw_intervals(axes, rows)
    draw_markers(axes, majorities, "D", "always the class with most train images")
    figures.add_legend(axes)
    show_range(axes, majorities, *(row.interval for row in rows))
    note = bootstrap.few_titles_note(scores["groups"] for scores in criteria.values())
    figures.lay_out(figure, headline(criteria), CAPTION + note)
    return figure


def headline(criteria: dict[str, Any]) -> str:
    """The figure's message: whether authors are recognised by their style or by their titles."""
    if change := criteria.get("author_together", {}).get("against_apart"):
        return bootstrap.conclusion("Author accuracy, title seen in training against unseen", change)
    name = max(criteria, key=lambda name: criteria[name]["kappa"])
    return f"Other labels of the same thumbnails: {NAMES.get(name, name)} has the highest kappa, {criteria[name]['kappa']:.2f}"


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
