"""Binary classifiers of genre pairs on frozen features: how separable two genres are without the other genres.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (experiments.backbone)
Writes: metrics/pairs.json, plots/pairs.png (the most confused pairs), plots/pairs_map.png (all of them)
Params: pairs, experiments, head but its units, runtime, seed

Each pair is trained over several seeds and compared with the model of all genres, restricted to the two genres. The study did this
for the genres that people confuse, and reported accuracies of at least 0.87 on its random split.
"""

from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import round_floats
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import track
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import accuracy_interval, predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, Probe, ProbeTask
from webtoon_genre.plotting import figures

STUDY = 0.87  # the lowest accuracy of the study's pairs: random split, ImageNet weights
LARGEST_FIGURE = 12  # pairs in pairs.png
CAPTION = f"""\
accuracy on the pair's test images, averaged over seeds
lines: 95% CI, whole titles resampled
ring: the model of all genres, restricted to the two
grey: always the genre with more train images
dashed: {STUDY}, the lowest that the original study reports for its pairs,
on other thumbnails, split at random by image, with ImageNet weights"""
Pair = list[str]
Which = Literal["all"] | int | list[Pair]


class Pairs(Section):
    """params.yaml: pairs; `which` is all, the number of most confused pairs, or a list of pairs."""

    which: Which
    units: int = Field(ge=1)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    pairs: Pairs


def check(data: ExperimentData[Params]) -> None:
    """Raise InputError for `pairs.which` that names no pairs of the dataset's genres."""
    which, genres = data.params.pairs.which, data.genres
    if isinstance(which, int) and which < 1:
        raise InputError(f"pairs.which is {which}: give all, a number of pairs from 1, or a list of pairs")
    for pair in which if isinstance(which, list) else []:
        if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(genres):
            raise InputError(f"pairs.which has {pair}: give two different genres of {', '.join(genres)}")


def rank(genres: list[str], confusion: np.ndarray) -> list[Pair]:
    """All pairs, most confused first, ties in the order of the genres; confusion: float (k, k)."""
    pairs = sorted(combinations(range(len(genres)), 2), key=lambda pair: -confusion[pair])
    return [[genres[first], genres[second]] for first, second in pairs]


def select(which: Which, genres: list[str], confusion: np.ndarray) -> list[Pair]:
    """The pairs that params select."""
    if isinstance(which, list):
        return which
    return rank(genres, confusion)[: None if which == "all" else which]


def pair_scores(task: ProbeTask, probabilities: np.ndarray, restricted: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores of one pair on its test rows.

    probabilities: float (seeds, n, 2) of the pair's model. restricted: float (seeds, n, 2) of the ten-way model for the two genres.
    """
    labels, groups = task.labels[task.test], task.groups[task.test]
    predicted, ten_way = predicted_labels(probabilities), predicted_labels(restricted)
    generators = [np.random.default_rng([seed, index]) for index in range(3)]
    hits = (predicted == labels).mean(axis=0)
    return {
        "genres": task.classes,
        "majority_accuracy": float((labels == task.counts().argmax()).mean()),
        "ten_way_accuracy": float((ten_way == labels).mean()),
        "test": probe.test_scores(task, probabilities)
        | {"accuracy_interval": accuracy_interval(hits, groups, generators[0])}
        | bootstrap.roc_auc(labels, groups, probabilities[..., 1], generators[1]),
        "against_ten_way": bootstrap.paired_difference(labels, groups, predicted, ten_way, task.classes, generators[2])[
            "accuracy"
        ],
    }


def train_pairs(dataset: pd.DataFrame, full_task: ProbeTask, params: Params) -> tuple[dict[str, Any], list[Pair]]:
    """Train the ten-way model, then each pair; scores by the pair's name, most confused first, and the pairs with too few rows."""
    predictions = Probe(params).fit_predict(full_task)
    narrow = params.experiments.model_copy(update={"units": params.pairs.units})
    heads = Probe(params.model_copy(update={"experiments": narrow}))
    pairs = select(params.pairs.which, full_task.classes, probe.confusion_shares(full_task, predictions))
    scores, left_out = {}, []
    for pair in track(pairs, len(pairs), "trained", "pairs"):
        task = probe.subset(dataset, full_task, pair)
        if not task.trainable():
            left_out.append(pair)
            continue
        probabilities = heads.fit_predict(task).test
        restricted = probe.restrict(predictions.test, full_task, task)
        scores["_".join(pair)] = pair_scores(task, probabilities, restricted, params.seed)
    if not scores:
        raise InputError(
            f"no pair of {', '.join(full_task.classes)} has train rows of both genres and held-out rows; add titles"
        )
    return scores, left_out


def summarise(pairs: dict[str, Any]) -> dict[str, Any]:
    """Means and minimum over pairs, of the rounded numbers in metrics/pairs.json, so that readers can recompute them."""
    scores = round_floats(pairs).values()
    return {
        "mean_accuracy": sum(pair["test"]["accuracy"] for pair in scores) / len(scores),
        "least_accuracy": min(pair["test"]["accuracy"] for pair in scores),
        "mean_change_from_ten_way": sum(pair["against_ten_way"]["difference"] for pair in scores) / len(scores),
    }


def outcome(pairs: dict[str, Any]) -> str:
    """One sentence."""
    reached = sum(scores["test"]["accuracy"] >= STUDY for scores in pairs.values())
    better = sum(scores["against_ten_way"]["interval"][0] > 0 for scores in pairs.values())
    return (
        f"{reached} of {len(pairs)} pairs reach an accuracy of {STUDY}, the study's lowest; {better} of {len(pairs)} beat "
        "the ten-way model restricted to the two genres (95% CI above 0)"
    )


def draw(pairs: dict[str, Any]) -> Figure:
    """Draw the accuracy of the first pairs with intervals, beside the ten-way model, the majority and the study's lowest."""
    rows = list(pairs.values())[:LARGEST_FIGURE]
    tests = [row["test"] for row in rows]
    names = [" or ".join(figures.shorten(genre) for genre in row["genres"]) for row in rows]
    figure = figures.new_figure(7.4, 2.2 + 0.5 * len(rows))
    axes = figure.subplots()
    accuracies, intervals = [test["accuracy"] for test in tests], [test["accuracy_interval"] for test in tests]
    figures.draw_intervals(axes, names, accuracies, intervals, [figures.BLUE] * len(tests))
    for key, marker, fill in (("majority_accuracy", "D", figures.GREY), ("ten_way_accuracy", "o", "none")):
        values = [row[key] for row in rows]
        axes.scatter(values, range(len(rows)), marker=marker, s=40, facecolors=fill, edgecolors=figures.GREY, zorder=3)
    axes.axvline(STUDY, color="black", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="left")
    figure.suptitle("Accuracy of binary models of two genres, the most confused pairs first", fontsize=11)
    figure.tight_layout()
    return figure


def draw_map(pairs: dict[str, Any], genres: list[str]) -> Figure:
    """Draw accuracy below the diagonal, area under the ROC curve above it."""
    values = np.full((len(genres), len(genres)), np.nan)
    for scores in pairs.values():
        first, second = sorted(genres.index(genre) for genre in scores["genres"])
        values[second, first] = scores["test"]["accuracy"]
        values[first, second] = np.nan if scores["test"]["auc"] is None else scores["test"]["auc"]
    figure = figures.new_figure(7.4, 6.6)
    axes = figure.subplots()
    figures.draw_share_map(axes, values, [figures.shorten(genre) for genre in genres])
    axes.set_xlabel(
        "below the diagonal: accuracy on test images, per cent; above: area under the ROC curve", fontsize=9
    )
    figure.suptitle("Pairs of genres, one binary model for each", fontsize=11)
    figure.tight_layout()
    return figure


def main() -> None:
    """Train a model for each pair and score it."""
    data = probe.load(Params, check)
    pairs, left_out = train_pairs(data.dataset, data.task(), data.params)
    probe.write("pairs", data, {"pairs": pairs, "left_out": left_out}, summarise(pairs), outcome(pairs))
    figures.save(draw(pairs), paths.plot("pairs"))
    figures.save(draw_map(pairs, data.genres), paths.plot("pairs_map"))


if __name__ == "__main__":
    run(main, "pairs")
