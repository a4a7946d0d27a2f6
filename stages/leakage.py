"""How much a random split flatters: the same model with titles kept apart and with each title's images on all sides.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (experiments.backbone), data/resized/
Writes: metrics/leakage.json, plots/leakage.png, plots/leakage_neighbours.png
Params: leakage, split.ratios / seed, experiments, head but its units, runtime

Both models learn from the same frozen features, over several seeds; only the split differs. Their test images differ too, so the
interval of the difference resamples the titles of each on their own. Some test images stand beside their nearest train image
under both splits: what a model can remember.
"""

import logging
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_features, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime

Way = Literal["title", "image"]
WAYS: tuple[Way, ...] = ("title", "image")
AT_ONCE = 1024  # test rows whose neighbours are looked for at a time
log = logging.getLogger(__name__)


class Leakage(params.Section):
    """params.yaml: leakage."""

    examples: int = Field(ge=1)
    seed: int = Field(ge=0)


class Split(params.SharedKeys):
    """What is shared of params.yaml: split."""

    ratios: Ratios
    seed: int = Field(ge=0)


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    leakage: Leakage
    split: Split


def task(way: Way, dataset: pd.DataFrame, features: np.ndarray, split: Split) -> ProbeTask:
    """The task with the sides that `split.by: way` gives."""
    sides = splits.assign_splits(dataset, SplitParams(by=way, ratios=split.ratios, seed=split.seed))
    return probe.probe_task(dataset.assign(split=sides), features, class_names(dataset))


def nearest(each: ProbeTask, rows: np.ndarray, what: str) -> np.ndarray:
    """The train row, other than itself, nearest to each of `rows`, int (m,): least angle between features standardised by train rows."""
    shown = np.asarray(each.features[each.train])
    mean, deviation = shown.mean(axis=0), shown.std(axis=0) + 1e-6
    unit, found = normalised((shown - mean) / deviation), []
    places = range(0, len(rows), AT_ONCE)
    for place in track(places, len(places), what, "batches"):
        asked = rows[place : place + AT_ONCE]
        likeness = normalised((np.asarray(each.features[asked]) - mean) / deviation) @ unit.T
        likeness[asked[:, None] == each.train] = -np.inf
        found.append(each.train[likeness.argmax(axis=1)])
    return np.concatenate(found)


def normalised(rows: np.ndarray) -> np.ndarray:
    """Each row divided by its length."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def outcome(each: ProbeTask, said: np.ndarray, beside: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores under one split, and what each test image's nearest train image, `beside`, has in common with it."""
    return probe.scores_with_chance(each, said, seed) | {
        "nearest_of_same_title": float((each.groups[beside] == each.groups[each.test]).mean()),
        "nearest_of_same_genre": float((each.labels[beside] == each.labels[each.test]).mean()),
    }


def leaked(tasks: dict[Way, ProbeTask], said: dict[Way, np.ndarray], seed: int) -> dict[str, Any]:
    """Accuracy and balanced accuracy by image less those by title, each with its 95 % interval."""
    titles = {}
    for way in WAYS:
        own = tasks[way]
        predicted = predicted_labels(said[way])
        titles[way] = bootstrap.TitleCounts.of(own.labels[own.test], own.groups[own.test], predicted, len(own.classes))
    generators = {way: np.random.default_rng([seed, place]) for place, way in enumerate(WAYS)}
    return {
        measure: bootstrap.unpaired_difference(
            titles["image"], titles["title"], measure, generators["image"], generators["title"]
        )
        for measure in ("accuracy", "balanced_accuracy")
    }


def examples(by_title: ProbeTask, count: int, seed: int) -> np.ndarray:
    """Test rows by title, one drawn of each title, int (at most `count`,)."""
    drawn = np.random.default_rng(seed).permutation(by_title.test)
    _, first = np.unique(by_title.groups[drawn], return_index=True)
    return drawn[np.sort(first)][:count]


def draw(found: dict[Way, Any], leak: dict[str, Any]) -> Figure:
    """Accuracy under both splits with intervals, the largest genre's beside them."""
    figure = figures.new_figure(7.4, 3.1)
    axes = figure.subplots()
    names = [
        f"titles apart ({found['title']['images']} test images)",
        f"at random ({found['image']['images']} test images)",
    ]
    points = [found[way]["accuracy"] for way in WAYS]
    figures.draw_intervals(
        axes, names, points, [found[way]["accuracy_interval"] for way in WAYS], [figures.BLUE, figures.ORANGE]
    )
    axes.scatter(
        [found[way]["majority_accuracy"] for way in WAYS], range(2), marker="D", s=36, color=figures.GREY, zorder=3
    )
    axes.set_xlim(0, 1.03)
    low, high = leak["balanced_accuracy"]["interval"]
    axes.set_xlabel(
        "test accuracy, averaged over seeds; lines: 95% intervals, whole titles resampled\n"
        "grey: always the largest genre\n"
        f"balanced accuracy at random is {leak['balanced_accuracy']['difference']:+.3f} higher ({low:+.3f} to {high:+.3f})",
        fontsize=9,
        loc="left",
    )
    figure.suptitle("The same model, the same features, two ways to split", fontsize=11)
    figure.tight_layout()
    return figure


def draw_neighbours(
    rows: np.ndarray, dataset: pd.DataFrame, resized: ThumbnailStore, found: dict[Way, np.ndarray]
) -> Figure:
    """Test images above; below each its nearest train image under either split, framed where it is of the same title or genre."""
    figure = figures.new_figure(1.35 * len(rows), 6.6)
    grid = figure.subplots(3, len(rows), squeeze=False)
    for place, row in enumerate(rows):
        asked = dataset.loc[row]
        figures.draw_captioned(
            grid[0, place], picture(resized, dataset, row), f"{figures.shorten(asked['genre'])}", figures.GREY
        )
        for line, way in enumerate(WAYS[::-1], 1):
            other = dataset.loc[found[way][place]]
            same = other["title_id"] == asked["title_id"]
            colour = figures.ORANGE if same else figures.BLUE if other["genre"] == asked["genre"] else figures.GREY
            caption = f"{figures.shorten(other['genre'])}\n{'same title' if same else 'another title'}"
            figures.draw_captioned(grid[line, place], picture(resized, dataset, found[way][place]), caption, colour)
    for line, name in enumerate(
        ("test image", "nearest train image,\nsplit at random", "nearest train image,\ntitles apart")
    ):
        grid[line, 0].set_ylabel(name, fontsize=9)
    figure.suptitle("What a model can remember; orange: the same title, blue: the same genre", fontsize=11)
    figure.tight_layout()
    return figure


def picture(resized: ThumbnailStore, dataset: pd.DataFrame, row: int) -> np.ndarray:
    """uint8 (side, side, 3), RGB."""
    return resized.take(dataset.loc[[row]])[0]


def main() -> None:
    """Train under both splits."""
    settings = params.read(Params)
    runtime.start_keras(settings.runtime)
    rows = read_table(paths.DATASET, DATASET)
    table = read_features(paths.FEATURES / f"{settings.experiments.backbone}.npy", len(rows))
    tasks = {way: task(way, rows, table, settings.split) for way in WAYS}
    trials, seed = Probe(settings), settings.runtime.seed
    said = {way: trials.answers(tasks[way]).test for way in track(WAYS, len(WAYS), "trained", "splits")}
    beside = {way: nearest(tasks[way], tasks[way].test, f"nearest train images by {way},") for way in WAYS}
    found = {way: outcome(tasks[way], said[way], beside[way], seed) for way in WAYS}
    leak = leaked(tasks, said, seed)
    verdict = bootstrap.conclusion("splitting at random changes accuracy", leak["accuracy"])
    write_json(
        paths.metrics("leakage"),
        {**probe.probe_settings(settings, rows), "splits": found, "leakage": leak, "outcome": verdict},
    )
    figures.save(draw(found, leak), paths.plot("leakage"))
    chosen = examples(tasks["title"], settings.leakage.examples, settings.leakage.seed)
    shown = {way: nearest(tasks[way], chosen, f"examples by {way},") for way in WAYS}
    figures.save(draw_neighbours(chosen, rows, ThumbnailStore(paths.RESIZED), shown), paths.plot("leakage_neighbours"))
    log.info(verdict)


if __name__ == "__main__":
    run(main, "leakage")
