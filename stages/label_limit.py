"""Fewer genres: from all down to two, leaving out the most ambiguous one at a time, beside random orders.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (experiments.backbone)
Writes: metrics/label_limit.json, plots/label_limit.png
Params: label_limit, experiments, head but its units, runtime

At each step a model of the genres that are left is trained over several seeds; the genre that it confuses most on validation
images goes next. Fewer labels are easier by themselves: so accuracy stands beside that of always naming the largest genre, Cohen's
kappa, and what the model of all genres says when it may only choose among those that are left.
"""

import logging
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import Meter
from webtoon_genre.data.tables import DATASET, class_names, read_features, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import confusion_matrix, kappa, predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime

FEWEST = 2  # genres
CAPTION = """\
grey: genres left out in random orders, one seed each; dashed: the model of all genres, choosing among those left
dotted: always the genre with most train images; band: 95% interval, whole titles resampled"""
log = logging.getLogger(__name__)


class LabelLimit(params.Section):
    """params.yaml: label_limit."""

    orders: int = Field(ge=0)
    seed: int = Field(ge=0)


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    label_limit: LabelLimit


def ambiguous(task: ProbeTask, said: probe.Predictions) -> str:
    """The genre that is most confused with the others on validation images; of equals the first."""
    return task.classes[int(probe.confusion_shares(task, said).sum(axis=1).argmax())]


def step(task: ProbeTask, said: np.ndarray, whole: np.ndarray, seed: int) -> dict[str, Any]:
    """One number of genres; said and whole: float (seeds, n, k), the model's and what the model of all genres gives these."""
    labels, groups = task.labels[task.test], task.groups[task.test]
    mine, theirs = predicted_labels(said), predicted_labels(whole)
    generator = np.random.default_rng([seed, len(task.classes)])
    found = probe.scores_with_chance(task, said, seed)
    return found | {
        "genres": task.classes,
        "gain_over_majority": found["accuracy"] - found["majority_accuracy"],
        "all_genres_accuracy": float((theirs == labels).mean()),
        "against_all_genres": bootstrap.paired_difference(labels, groups, mine, theirs, task.classes, generator)[
            "accuracy"
        ],
    }


def shrunk(dataset: pd.DataFrame, everything: ProbeTask, trials: Probe, meter: Meter) -> list[dict[str, Any]]:
    """All numbers of genres, the most ambiguous left out at a time; `left_out` names the one that is missing since the step before."""
    task, left, steps = everything, None, []
    whole = said = trials.answers(everything)
    while task.trainable():
        restricted = probe.restrict(whole.test, everything, task)
        steps.append({"left_out": left, **step(task, said.test, restricted, trials.settings.runtime.seed)})
        meter.step()
        if len(task.classes) <= FEWEST:
            break
        left = ambiguous(task, said)
        task = probe.subset(dataset, everything, [genre for genre in task.classes if genre != left])
        said = trials.answers(task)
    return steps


def at_random(
    dataset: pd.DataFrame, everything: ProbeTask, order: list[str], trials: Probe, meter: Meter
) -> list[dict[str, Any]]:
    """Accuracy and kappa with the genres of `order` left out one after the other."""
    found = []
    for gone in range(1, len(order) - FEWEST + 1):
        task = probe.subset(dataset, everything, [genre for genre in everything.classes if genre not in order[:gone]])
        if task.trainable():
            said = trials.answers(task, seeds=trials.settings.experiments.seeds[:1]).test
            told = probe.test_scores(task, said)
            counts = confusion_matrix(task.labels[task.test], predicted_labels(said[0]), len(task.classes))
            found.append({"labels": len(task.classes), "accuracy": told["accuracy"], "kappa": kappa(counts)})
        meter.step()
    return found


def outcomes(dataset: pd.DataFrame, everything: ProbeTask, settings: Params) -> dict[str, Any]:
    """Train everything; {"steps": of the ambiguous order, "random": of each random one, "outcome": one sentence}.

    Genres without train images are left out from the start.
    """
    own, genres = settings.label_limit, everything.learnable()
    if len(genres) < FEWEST:
        raise InputError(
            f"{len(genres)} of {len(everything.classes)} genres have train images; at least {FEWEST} are needed"
        )
    everything = probe.subset(dataset, everything, genres)
    trials = Probe(settings)
    generator = np.random.default_rng(own.seed)
    orders = [[genres[place] for place in generator.permutation(len(genres))] for _ in range(own.orders)]
    count = len(genres) - FEWEST
    meter = Meter(count + 1 + own.orders * count, "trained", "label sets")
    steps = shrunk(dataset, everything, trials, meter)
    random = [
        {"order": order[:count], "steps": at_random(dataset, everything, order, trials, meter)} for order in orders
    ]
    meter.close()
    return {"steps": steps, "random": random, "outcome": verdict(steps)}


def verdict(steps: list[dict[str, Any]]) -> str:
    """One sentence on the way from all genres to two."""
    first, last = steps[0], steps[-1]
    better = sum(each["against_all_genres"]["interval"][0] > 0 for each in steps[1:])
    return (
        f"from {len(first['genres'])} genres to {len(last['genres'])} accuracy goes from {first['accuracy']:.3f} to "
        f"{last['accuracy']:.3f}, kappa from {first['kappa']:.3f} to {last['kappa']:.3f}; at {better} of {len(steps) - 1} steps "
        "fewer labels in training beat the model of all genres that chooses among those left, beyond doubt"
    )


def draw(found: dict[str, Any]) -> Figure:
    """Accuracy and kappa against the number of genres; the genre that was left out stands at each step."""
    figure = figures.new_figure(9.6, 4.9)
    left, right = figure.subplots(1, 2)
    steps = found["steps"]
    numbers = [len(each["genres"]) for each in steps]
    low, high = zip(*(each["accuracy_interval"] for each in steps), strict=True)
    left.fill_between(numbers, low, high, color=figures.BLUE, alpha=0.15, linewidth=0)
    left.plot(numbers, [each["all_genres_accuracy"] for each in steps], "--", color="black", linewidth=1)
    left.plot(numbers, [each["majority_accuracy"] for each in steps], ":", color="black", linewidth=1.2)
    for axes, measure in ((left, "accuracy"), (right, "kappa")):
        for order in found["random"]:
            shown = order["steps"]
            axes.plot([each["labels"] for each in shown], [each[measure] for each in shown], color="0.7", linewidth=1.2)
        axes.plot(numbers, [each[measure] for each in steps], "o-", color=figures.BLUE, markersize=5)
        finish(axes, steps, measure)
    left.set_xlabel(CAPTION, loc="left", fontsize=9)
    figure.suptitle("Leaving out the most ambiguous genre, one at a time", fontsize=11)
    figure.tight_layout()
    return figure


def finish(axes: Axes, steps: list[dict[str, Any]], measure: str) -> None:
    """Ticks that tell how many genres are left, and which one went."""
    numbers = [len(each["genres"]) for each in steps]
    names = ["all" if each["left_out"] is None else f"- {figures.shorten(each['left_out'])}" for each in steps]
    ticks = [f"{number}  {name}" for number, name in zip(numbers, names, strict=True)]
    axes.set_xticks(numbers, ticks, rotation=45, ha="right", rotation_mode="anchor")
    axes.invert_xaxis()
    axes.set_ylim(0, 1.02)
    axes.set_title("test accuracy" if measure == "accuracy" else "Cohen's kappa: accuracy beyond chance", fontsize=10)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Leave out one genre after the other."""
    settings = params.read(Params)
    runtime.start_keras(settings.runtime)
    rows = read_table(paths.DATASET, DATASET)
    table = read_features(paths.FEATURES / f"{settings.experiments.backbone}.npy", len(rows))
    found = outcomes(rows, probe.probe_task(rows, table, class_names(rows)), settings)
    write_json(paths.metrics("label_limit"), {**probe.probe_settings(settings, rows), **found})
    figures.save(draw(found), paths.plot("label_limit"))
    log.info(found["outcome"])


if __name__ == "__main__":
    run(main, "label_limit")
