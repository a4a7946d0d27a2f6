"""How much a random split inflates scores: the same model with titles kept apart and with images of each title in all folds.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), data/resized/
Writes: metrics/leakage.json, plots/leakage.png, plots/leakage_neighbours.png
Params: leakage, experiments, head but its units, runtime, seed

Both ways, every image is predicted once, by heads on the same frozen features that were not trained on it: in folds of whole titles, and
in folds of images. So the difference is paired by title, over all titles of the dataset. A figure shows some images beside their
nearest train image both ways: what a model can memorise. Where each title has a single image, both ways are the same: the stage is
skipped.
"""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import track
from webtoon_genre.core.wording import count
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.folds import fold_tasks, folds_by_image, folds_by_title, merge_folds
from webtoon_genre.experiments.probe import ExperimentParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.experiments.score_rows import accuracy_row
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.plotting.intervals import draw_intervals, draw_markers, show_range

By = Literal["title", "image"]
UNITS: tuple[By, ...] = ("title", "image")
ROLES = 3  # of folds: to train, to stop training, to predict
CHUNK = 1024  # test rows whose neighbours are searched at a time
NAMES: dict[By, str] = {"title": "titles kept apart", "image": "split at random"}
CAPTION = """\
points: accuracy on images that the heads were not trained on, averaged over seeds
lines and brackets: 95% intervals, whole titles resampled"""
COLOURS: dict[By, str] = {"title": figures.BLUE, "image": figures.ORANGE}


class Leakage(Section):
    """params.yaml: leakage."""

    folds: int = Field(ge=3)
    examples: int = Field(ge=1)
    seed: int = Field(ge=0)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = "How much does accuracy rise if images of one title are on both sides of the split?"
    study = "Its own split is random by image, so that its accuracies contain this effect."

    leakage: Leakage


def obstacle(dataset: pd.DataFrame, folds: dict[By, np.ndarray]) -> str | None:
    """Why no leakage can be measured, None if it can; folds: of each row, int (n,)."""
    images = dataset[["group", "title_id", "no"]].drop_duplicates()
    if not images["group"].duplicated().any():
        return "each title has one image, so that a random split keeps titles apart too: no leakage can be measured"
    for by in UNITS:
        if (filled := len(np.unique(folds[by]))) < ROLES:
            return f"folds by {by} are {filled}; {ROLES} are needed: to train, to stop training and to predict"
    return None


def nearest(task: ProbeTask, rows: np.ndarray, label: str) -> np.ndarray:
    """The nearest train row, other than itself, of each of `rows`, int (m,), by the angle between features standardised by train rows.

    label: names the progress.
    """
    train = np.asarray(task.features[task.train])
    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    directions, neighbours = normalise((train - mean) / deviation), []
    starts = range(0, len(rows), CHUNK)
    for start in track(starts, len(starts), label, "batches"):
        queries = rows[start : start + CHUNK]
        cosines = normalise((np.asarray(task.features[queries]) - mean) / deviation) @ directions.T
        cosines[queries[:, None] == task.train] = -np.inf
        neighbours.append(task.train[cosines.argmax(axis=1)])
    return np.concatenate(neighbours)


def normalise(rows: np.ndarray) -> np.ndarray:
    """Each row divided by its length."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def neighbours_of(tasks: list[ProbeTask], by: By) -> np.ndarray:
    """The nearest train row of every row, int (n,); tasks: of the folds."""
    neighbours = np.zeros(len(tasks[0].labels), np.int64)
    for number, task in enumerate(tasks, 1):
        label = f"nearest train images by {by}, fold {number} of {len(tasks)},"
        neighbours[task.test] = nearest(task, task.test, label)
    return neighbours


def scores_of(task: ProbeTask, probabilities: np.ndarray, neighbours: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores one way, and how often the nearest train image has an image's title or genre.

    task: all rows are its test rows. probabilities: float (seeds, n, k). neighbours: int (n,), their nearest train rows.
    """
    return probe.scores_with_chance(task, probabilities, seed) | {
        "nearest_of_same_title": float((task.groups[neighbours] == task.groups).mean()),
        "nearest_of_same_genre": float((task.labels[neighbours] == task.labels).mean()),
    }


def difference(task: ProbeTask, probabilities: dict[By, np.ndarray], seed: int) -> dict[str, Any]:
    """Accuracy and balanced accuracy by image minus those by title, paired by title."""
    changes = probe.compare(task, probabilities["image"], probabilities["title"], seed)
    return {measure: changes[measure] for measure in ("accuracy", "balanced_accuracy")}


def choose_examples(task: ProbeTask, count: int, seed: int) -> np.ndarray:
    """Random rows of titles with several images, one a title, int (at most `count`,)."""
    _, titles, sizes = np.unique(task.groups, return_inverse=True, return_counts=True)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(sizes[titles] > 1))
    _, first = np.unique(task.groups[rows], return_index=True)
    return rows[np.sort(first)][:count]


def summarise(leakage: dict[str, Any]) -> dict[str, Any]:
    """The change of accuracy with a random split."""
    return bootstrap.change_metrics("random_split_change", leakage["accuracy"])


def outcome(leakage: dict[str, Any]) -> str:
    """One sentence."""
    return bootstrap.conclusion("accuracy with a random split against titles kept apart", leakage["accuracy"])


def draw(scores: dict[By, Any], leakage: dict[str, Any]) -> Figure:
    """Draw accuracy under both splits with intervals, beside that of the largest genre."""
    figure = figures.new_figure(9.8, 1.6)
    axes = figure.subplots()
    rows = [
        accuracy_row(f"{NAMES[by]} ({count(scores[by]['images'], 'image')})", scores[by], COLOURS[by]) for by in UNITS
    ]
    majorities = [scores[by]["majority_accuracy"] for by in UNITS]
    draw_intervals(axes, rows)
    draw_markers(axes, majorities, "D", "always the genre with most train images")
    figures.add_legend(axes)
    show_range(axes, majorities, *(row.interval for row in rows))
    note = bootstrap.few_titles_note((scores[by]["groups"] for by in UNITS), noun="titles")
    balanced = bootstrap.conclusion(
        "balanced accuracy, random split against titles apart", leakage["balanced_accuracy"]
    )
    title = bootstrap.conclusion("Accuracy with a random split against titles kept apart", leakage["accuracy"])
    figures.lay_out(figure, title, f"{CAPTION}{note}\n{balanced}")
    return figure


def draw_neighbours(
    rows: np.ndarray, dataset: pd.DataFrame, resized: ThumbnailStore, neighbours: dict[By, np.ndarray]
) -> Figure:
    """Draw images, and below them their nearest train image under each split, framed by common title or genre."""
    figure = figures.new_figure(max(6.8, 1.2 + 1.3 * len(rows)), 5)
    grid = figure.subplots(3, len(rows), squeeze=False)
    for column, row in enumerate(rows):
        query = dataset.loc[row]
        figures.draw_captioned(
            grid[0, column], read_image(resized, dataset, row), figures.shorten(query["genre"]), figures.GREY
        )
        for line, by in enumerate(UNITS[::-1], 1):
            caption, colour = describe(query, dataset.loc[neighbours[by][column]])
            image = read_image(resized, dataset, neighbours[by][column])
            figures.draw_captioned(grid[line, column], image, caption, colour)
    for line, name in enumerate(
        ("image", "nearest train\nimage, split\nat random", "nearest train\nimage, titles\nkept apart")
    ):
        grid[line, 0].set_ylabel(name, rotation=0, ha="right", va="center")
    same = [int((dataset.loc[neighbours[by], "group"].to_numpy() == dataset.loc[rows, "group"]).sum()) for by in UNITS]
    title = (
        f"The nearest train image is of the same title for {same[1]} of {count(len(rows), 'image')} with a random split, "
        f"for {same[0]} with titles kept apart"
    )
    figures.lay_out(figure, title, "orange: the same title; blue: another title of the same genre; grey: another genre")
    return figure


def describe(query: pd.Series, neighbour: pd.Series) -> tuple[str, str]:
    """The caption and the colour of a test image's nearest train image."""
    same = neighbour["title_id"] == query["title_id"]
    colour = figures.ORANGE if same else figures.BLUE if neighbour["genre"] == query["genre"] else figures.GREY
    return f"{figures.shorten(neighbour['genre'])}\n{'same title' if same else 'another title'}", colour


def read_image(resized: ThumbnailStore, dataset: pd.DataFrame, row: int) -> np.ndarray:
    """uint8 (side, side, 3), RGB."""
    return resized.take(dataset.loc[[row]])[0]


def main() -> None:
    """Train and score both ways."""
    data = probe.load(Params)
    dataset, params, task = data.dataset, data.params, data.task()
    plots = [paths.plot("leakage"), paths.plot("leakage_neighbours")]
    arguments = (dataset, params.leakage.folds, params.leakage.seed)
    folds: dict[By, np.ndarray] = {"title": folds_by_title(*arguments), "image": folds_by_image(*arguments)}
    if reason := obstacle(dataset, folds):
        probe.write_skipped("leakage", data, reason, plots)
        return
    tasks = {by: fold_tasks(task, folds[by]) for by in UNITS}
    trained = Probe(params).fit_predict_all([ProbeRun(fold) for by in UNITS for fold in tasks[by]])
    probabilities: dict[By, np.ndarray] = {
        "title": merge_folds(tasks["title"], trained[: len(tasks["title"])]),
        "image": merge_folds(tasks["image"], trained[len(tasks["title"]) :]),
    }
    neighbours = {by: neighbours_of(tasks[by], by) for by in UNITS}
    everything = replace(task, test=np.arange(len(task.labels)))
    scores = {by: scores_of(everything, probabilities[by], neighbours[by], params.seed) for by in UNITS}
    leakage = difference(everything, probabilities, params.seed)
    probe.write("leakage", data, {"splits": scores, "leakage": leakage}, summarise(leakage), outcome(leakage))
    figures.save(draw(scores, leakage), plots[0])
    chosen = choose_examples(task, params.leakage.examples, params.leakage.seed)
    examples = {by: neighbours[by][chosen] for by in UNITS}
    figures.save(draw_neighbours(chosen, dataset, ThumbnailStore(paths.RESIZED), examples), plots[1])


if __name__ == "__main__":
    run(main, "leakage")
