"""How much a random split inflates scores: the same model with titles kept apart and with images of each title in all splits.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), data/resized/
Writes: metrics/leakage.json, plots/leakage.png, plots/leakage_neighbours.png
Params: leakage, split.ratios / seed, experiments, head but its units, runtime, seed

Both models are trained on the same frozen features, over several seeds; only the split differs. Their test images differ too, so the
interval of the difference resamples the titles of each independently. A figure shows some test images beside their nearest train
image under both splits: what a model can memorise. Where each title has a single image, both splits are of titles: the stage is skipped.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.core.progress import track
from webtoon_genre.core.wording import count
from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import ThumbnailStore, class_names
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentParams, Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure

By = Literal["title", "image"]
UNITS: tuple[By, ...] = ("title", "image")
CHUNK = 1024  # test rows whose neighbours are searched at a time


class Leakage(Section):
    """params.yaml: leakage."""

    examples: int = Field(ge=1)
    seed: int = Field(ge=0)


class Split(SharedKeys):
    """The shared keys of params.yaml: split."""

    ratios: Ratios
    seed: int = Field(ge=0)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    leakage: Leakage
    split: Split


def split_task(by: By, dataset: pd.DataFrame, features: np.ndarray, split: Split) -> ProbeTask:
    """The task with the split that `split.by` gives for `by`."""
    sides = splits.assign_splits(dataset, SplitParams(by=by, ratios=split.ratios, seed=split.seed))
    return probe.probe_task(dataset.assign(split=sides), features, class_names(dataset))


def obstacle(dataset: pd.DataFrame, tasks: dict[By, ProbeTask]) -> str | None:
    """Why no leakage can be measured, None if it can."""
    images = dataset[["group", "title_id", "no"]].drop_duplicates()
    if not images["group"].duplicated().any():
        return "each title has one image, so that a random split keeps titles apart too: no leakage can be measured"
    for by, task in tasks.items():
        if not task.trainable():
            return f"split by {by}, a genre has no train images, or no image is held out"
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


def split_scores(task: ProbeTask, probabilities: np.ndarray, neighbours: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores under one split, and how often the nearest train image has the test image's title or genre.

    probabilities: float (seeds, n, k) of the test rows. neighbours: int (n,), their nearest train rows.
    """
    return probe.scores_with_chance(task, probabilities, seed) | {
        "nearest_of_same_title": float((task.groups[neighbours] == task.groups[task.test]).mean()),
        "nearest_of_same_genre": float((task.labels[neighbours] == task.labels[task.test]).mean()),
    }


def difference(tasks: dict[By, ProbeTask], probabilities: dict[By, np.ndarray], seed: int) -> dict[str, Any]:
    """Accuracy and balanced accuracy by image minus those by title, each with its 95% interval."""
    counts = {}
    for by in UNITS:
        task, predicted = tasks[by], predicted_labels(probabilities[by])
        labels, groups = task.labels[task.test], task.groups[task.test]
        counts[by] = bootstrap.TitleCounts.of(labels, groups, predicted, len(task.classes))
    generators = {by: np.random.default_rng([seed, index]) for index, by in enumerate(UNITS)}
    return {
        measure: bootstrap.unpaired_difference(
            counts["image"], counts["title"], measure, generators["image"], generators["title"]
        )
        for measure in ("accuracy", "balanced_accuracy")
    }


def choose_examples(task: ProbeTask, count: int, seed: int) -> np.ndarray:
    """Random test rows, one a title, int (at most `count`,)."""
    rows = np.random.default_rng(seed).permutation(task.test)
    _, first = np.unique(task.groups[rows], return_index=True)
    return rows[np.sort(first)][:count]


def summarise(leakage: dict[str, Any]) -> dict[str, Any]:
    """The difference in each measure."""
    return {measure: change["difference"] for measure, change in leakage.items()}


def outcome(leakage: dict[str, Any]) -> str:
    """One sentence."""
    return bootstrap.conclusion("accuracy with a random split against titles kept apart", leakage["accuracy"])


def draw(scores: dict[By, Any], leakage: dict[str, Any]) -> Figure:
    """Draw accuracy under both splits with intervals, beside that of the largest genre."""
    figure = figures.new_figure(8.4, 3.3)
    axes = figure.subplots()
    samples = {
        by: f"{count(scores[by]['images'], 'test image')} of {count(scores[by]['groups'], 'title')}" for by in UNITS
    }
    names = [f"titles apart ({samples['title']})", f"at random ({samples['image']})"]
    points, intervals = [scores[by]["accuracy"] for by in UNITS], [scores[by]["accuracy_interval"] for by in UNITS]
    figures.draw_intervals(axes, names, points, intervals, [figures.BLUE, figures.ORANGE])
    majorities = [scores[by]["majority_accuracy"] for by in UNITS]
    axes.scatter(majorities, range(2), marker="D", s=36, color=figures.GREY, zorder=3)
    axes.set_xlim(0, 1.03)
    figures.add_caption(
        axes,
        "test accuracy, averaged over seeds; lines: 95% CI, whole titles resampled\n"
        "grey: always the largest genre\n"
        f"change of balanced accuracy at random: {bootstrap.describe(leakage['balanced_accuracy'])}"
        + bootstrap.few_titles_note(scores[by]["groups"] for by in UNITS),
    )
    figures.add_title(figure, "The same model, the same features, two ways to split")
    figure.tight_layout()
    return figure


def draw_neighbours(
    rows: np.ndarray, dataset: pd.DataFrame, resized: ThumbnailStore, neighbours: dict[By, np.ndarray]
) -> Figure:
    """Draw test images, and below them their nearest train image under each split, framed by common title or genre."""
    figure = figures.new_figure(max(6.8, 1.35 * len(rows)), 6.6)
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
        ("test image", "nearest train image,\nsplit at random", "nearest train image,\ntitles apart")
    ):
        grid[line, 0].set_ylabel(name, fontsize=9)
    figures.add_title(figure, "What a model can memorise; orange: the same title, blue: the same genre")
    figure.tight_layout()
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
    """Train and score under both splits."""
    data = probe.load(Params)
    dataset, params, features = data.dataset, data.params, data.task().features
    tasks = {by: split_task(by, dataset, features, params.split) for by in UNITS}
    plots = [paths.plot("leakage"), paths.plot("leakage_neighbours")]
    if reason := obstacle(dataset, tasks):
        probe.write_skipped("leakage", data, reason, plots)
        return
    heads = Probe(params)
    probabilities = {by: heads.fit_predict(tasks[by]).test for by in track(UNITS, len(UNITS), "trained", "splits")}
    neighbours = {by: nearest(tasks[by], tasks[by].test, f"nearest train images by {by},") for by in UNITS}
    scores = {by: split_scores(tasks[by], probabilities[by], neighbours[by], params.seed) for by in UNITS}
    leakage = difference(tasks, probabilities, params.seed)
    probe.write("leakage", data, {"splits": scores, "leakage": leakage}, summarise(leakage), outcome(leakage))
    figures.save(draw(scores, leakage), plots[0])
    chosen = choose_examples(tasks["title"], params.leakage.examples, params.leakage.seed)
    examples = {by: nearest(tasks[by], chosen, f"examples by {by},") for by in UNITS}
    resized = ThumbnailStore(paths.RESIZED)
    figures.save(draw_neighbours(chosen, dataset, resized, examples), plots[1])


if __name__ == "__main__":
    run(main, "leakage")
