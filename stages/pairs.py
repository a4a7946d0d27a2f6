"""Binary models of genre pairs on frozen features: how well two genres are told apart when there is nothing else to confuse.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (experiments.backbone)
Writes: metrics/pairs.json, plots/pairs.png (the most confused pairs), plots/pairs_map.png (all of them)
Params: pairs, experiments, head but its units, runtime

Each pair is trained over several seeds, and compared with what the model of all genres says when it may only choose between the two.
The study asked this of the genres that people confuse, and found an accuracy of at least 0.87 on its random split.
"""

import logging
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data.tables import DATASET, class_names, read_features, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import accuracy_interval, predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime

STUDY = 0.87  # accuracy, at least, of the study's pairs: random split, ImageNet weights
SHOWN = 12  # pairs in pairs.png
CAPTION = f"""\
accuracy on the pair's test images, averaged over seeds
lines: 95% intervals, whole titles resampled
ring: the choice of the model of all genres between the two
grey: always the genre with more train images
dashed: {STUDY}, the least that the original study reports for its pairs,
on other thumbnails, split at random by image, with ImageNet weights"""
Pair = list[str]
log = logging.getLogger(__name__)


class Pairs(params.Section):
    """params.yaml: pairs; `which` is all, the number of most confused pairs, or a list of pairs."""

    which: Literal["all"] | int | list[Pair]
    units: int = Field(ge=1)


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    pairs: Pairs


def ranked(genres: list[str], confused: np.ndarray) -> list[Pair]:
    """All pairs, the most confused first; equals in the genres' order."""
    pairs = sorted(combinations(range(len(genres)), 2), key=lambda pair: -confused[pair])
    return [[genres[one], genres[other]] for one, other in pairs]


def wanted(which: Literal["all"] | int | list[Pair], genres: list[str], confused: np.ndarray) -> list[Pair]:
    """The pairs that params ask for."""
    if isinstance(which, list):
        return which
    return ranked(genres, confused)[: None if which == "all" else which]


def check(which: Literal["all"] | int | list[Pair], genres: list[str]) -> None:
    """Refuse what names no pairs of the dataset's genres."""
    if isinstance(which, int) and which < 1:
        raise InputError(f"pairs.which is {which}: give all, a number of pairs from 1, or a list of pairs")
    for pair in which if isinstance(which, list) else []:
        if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(genres):
            raise InputError(f"pairs.which has {pair}: give two different genres of {', '.join(genres)}")


def outcome(task: ProbeTask, said: np.ndarray, whole: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores of one pair; said: float (seeds, n, 2) of its test rows; whole: float (seeds, n, 2), what the ten-way model gives the two."""
    labels, groups = task.labels[task.test], task.groups[task.test]
    mine, theirs = predicted_labels(said), predicted_labels(whole)
    generators = [np.random.default_rng([seed, place]) for place in range(3)]
    hits = (mine == labels).mean(axis=0)
    return {
        "genres": task.classes,
        "majority_accuracy": float((labels == task.counts().argmax()).mean()),
        "ten_way_accuracy": float((theirs == labels).mean()),
        "test": probe.test_scores(task, said)
        | {"accuracy_interval": accuracy_interval(hits, groups, generators[0])}
        | bootstrap.roc_auc(labels, groups, said[..., 1], generators[1]),
        "against_ten_way": bootstrap.paired_difference(labels, groups, mine, theirs, task.classes, generators[2])[
            "accuracy"
        ],
    }


def outcomes(dataset: pd.DataFrame, everything: ProbeTask, settings: Params) -> dict[str, Any]:
    """Train the ten-way model, then each pair; {"pairs": by name, most confused first, "left_out": those with too few rows}."""
    narrower = settings.experiments.model_copy(update={"units": settings.pairs.units})
    trials = Probe(settings.model_copy(update={"experiments": narrower}))
    answers = Probe(settings).answers(everything)
    pairs = wanted(settings.pairs.which, everything.classes, probe.confusion_shares(everything, answers))
    found, left = {}, []
    for pair in track(pairs, len(pairs), "trained", "pairs"):
        task = probe.subset(dataset, everything, pair)
        if not task.trainable():
            left.append(pair)
            continue
        said = trials.answers(task).test
        whole = probe.restrict(answers.test, everything, task)
        found["_".join(pair)] = outcome(task, said, whole, settings.runtime.seed)
    if not found:
        raise InputError(
            f"no pair of {', '.join(everything.classes)} has train rows of both genres and held-out rows; add titles"
        )
    return {"pairs": found, "left_out": left, "outcome": verdict(found)}


def verdict(found: dict[str, Any]) -> str:
    """One sentence."""
    reach = sum(each["test"]["accuracy"] >= STUDY for each in found.values())
    better = sum(each["against_ten_way"]["interval"][0] > 0 for each in found.values())
    return (
        f"{reach} of {len(found)} pairs reach an accuracy of {STUDY}, the least of the study's; "
        f"{better} are better than the ten-way model's choice between the two, beyond doubt"
    )


def draw(found: dict[str, Any], order: list[str]) -> Figure:
    """Accuracy of the first pairs of `order` with intervals, what the ten-way model and the majority reach, and the study's figure."""
    shown = [found[name] for name in order[:SHOWN]]
    tests = [each["test"] for each in shown]
    names = [" or ".join(figures.shorten(genre) for genre in each["genres"]) for each in shown]
    figure = figures.new_figure(7.4, 2.2 + 0.5 * len(shown))
    axes = figure.subplots()
    accuracies, intervals = [test["accuracy"] for test in tests], [test["accuracy_interval"] for test in tests]
    figures.draw_intervals(axes, names, accuracies, intervals, [figures.BLUE] * len(tests))
    for key, marker, fill in (("majority_accuracy", "D", figures.GREY), ("ten_way_accuracy", "o", "none")):
        values = [each[key] for each in shown]
        axes.scatter(values, range(len(shown)), marker=marker, s=40, facecolors=fill, edgecolors=figures.GREY, zorder=3)
    axes.axvline(STUDY, color="black", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="left")
    figure.suptitle("How well two genres are told apart, the most confused ones first", fontsize=11)
    figure.tight_layout()
    return figure


def draw_map(found: dict[str, Any], genres: list[str]) -> Figure:
    """Accuracy below the diagonal, area under the ROC curve above it."""
    values = np.full((len(genres), len(genres)), np.nan)
    for each in found.values():
        one, other = sorted(genres.index(genre) for genre in each["genres"])
        values[other, one] = each["test"]["accuracy"]
        values[one, other] = np.nan if each["test"]["auc"] is None else each["test"]["auc"]
    figure = figures.new_figure(7.4, 6.6)
    axes = figure.subplots()
    figures.draw_share_map(axes, values, [figures.shorten(genre) for genre in genres])
    axes.set_xlabel(
        "below the diagonal: accuracy on test images, per cent; above: area under the ROC curve", fontsize=9
    )
    figure.suptitle("Pairs of genres, each with a model of its own", fontsize=11)
    figure.tight_layout()
    return figure


def main() -> None:
    """Train and score each pair."""
    settings = params.read(Params)
    runtime.start_keras(settings.runtime)
    rows = read_table(paths.DATASET, DATASET)
    genres = class_names(rows)
    check(settings.pairs.which, genres)
    table = read_features(paths.FEATURES / f"{settings.experiments.backbone}.npy", len(rows))
    found = outcomes(rows, probe.probe_task(rows, table, genres), settings)
    write_json(paths.metrics("pairs"), {**probe.probe_settings(settings, rows), **found})
    figures.save(draw(found["pairs"], list(found["pairs"])), paths.plot("pairs"))
    figures.save(draw_map(found["pairs"], genres), paths.plot("pairs_map"))
    log.info(found["outcome"])


if __name__ == "__main__":
    run(main, "pairs")
