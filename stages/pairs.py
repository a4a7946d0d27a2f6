"""Binary classifiers of genre pairs on frozen features: how separable two genres are without the other genres.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), metrics/crawl.json (the source of the pictures)
Writes: metrics/pairs.json, plots/pairs.png (the most confused pairs), plots/pairs_map.png (all of them)
Params: pairs, experiments, head but its units, runtime, seed

Each pair is trained over several seeds and compared with the model of all genres, restricted to the two genres. The study did this
for the genres that people confuse, and reported accuracies of at least 0.87 on its random split; the figure shows that number beside
the study's genres alone. Pairs of genres that the dataset lacks are left out. Two genres are one pair, and the stage is skipped.
"""

from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import read_json, round_floats
from webtoon_genre.core.names import Name
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import track
from webtoon_genre.core.wording import count, enumerated, in_words
from webtoon_genre.evaluation import bootstrap, study
from webtoon_genre.evaluation.metrics import accuracy_interval, predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure

LARGEST_FIGURE = 12  # pairs in pairs.png
MOST = 200  # pairs that `all` trains, the most confused ones: 60 genres have 1,770
CAPTION = """\
accuracy on the pair's test images, averaged over seeds
lines: 95% CI, whole titles resampled; in brackets: test titles
ring: the model of all genres, restricted to the two
grey: always the genre with more train images"""
STUDY_CAPTION = f"""
dashed: {study.PAIR_ACCURACY}, the lowest that the original study reports for its pairs,
on other thumbnails, split at random by image, with ImageNet weights"""
Pair = list[Name]
Which = Literal["all"] | int | list[Pair]


class Pairs(Section):
    """params.yaml: pairs; `which` is all, the number of most confused pairs, or a list of pairs."""

    which: Which
    units: int = Field(ge=1)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    pairs: Pairs


def check(data: ExperimentData[Params]) -> None:
    """Raise InputError for `pairs.which` that names no pairs."""
    which = data.params.pairs.which
    if isinstance(which, int) and which < 1:
        raise InputError(f"pairs.which is {which}: give all, a number of pairs from 1, or a list of pairs")
    for pair in which if isinstance(which, list) else []:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(f"pairs.which has {pair}: give two different genres of {', '.join(data.genres)}")


def rank(genres: list[str], confusion: np.ndarray) -> list[Pair]:
    """All pairs, most confused first, ties in the order of the genres; confusion: float (k, k)."""
    pairs = sorted(combinations(range(len(genres)), 2), key=lambda pair: -confusion[pair])
    return [[genres[first], genres[second]] for first, second in pairs]


def select(which: Which, genres: list[str], confusion: np.ndarray) -> list[Pair]:
    """The pairs that params select."""
    if isinstance(which, list):
        return which
    return rank(genres, confusion)[: MOST if which == "all" else which]


def obstacle(task: ProbeTask) -> str | None:
    """Why no pair can be compared, None if one can."""
    genres = task.learnable()
    if len(genres) == 2:
        return f"{' and '.join(genres)} are one pair, and its model is the model of all genres"
    return None if genres[2:] else f"{len(genres)} of {count(len(task.classes), 'genre')} has train images"


def pair_task(dataset: pd.DataFrame, full_task: ProbeTask, pair: Pair) -> ProbeTask | str:
    """The task of two genres, or why it cannot be trained."""
    if missing := [genre for genre in pair if genre not in full_task.classes]:
        return f"no genre {' or '.join(missing)}"
    task = probe.subset(dataset, full_task, pair)
    return task if task.trainable() else "a genre without train images, or no held-out images"


def pair_scores(task: ProbeTask, probabilities: np.ndarray, restricted: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores of one pair on its test rows.

    probabilities: float (seeds, n, 2) of the pair's model. restricted: the same of the model of all genres, for the two genres.
    """
    labels, groups = task.labels[task.test], task.groups[task.test]
    predicted, full = predicted_labels(probabilities), predicted_labels(restricted)
    generators = [np.random.default_rng([seed, index]) for index in range(3)]
    hits = (predicted == labels).mean(axis=0)
    return {
        "genres": task.classes,
        "majority_accuracy": float((labels == task.counts().argmax()).mean()),
        "all_genres_accuracy": float((full == labels).mean()),
        "test": probe.test_scores(task, probabilities)
        | {"accuracy_interval": accuracy_interval(hits, groups, generators[0])}
        | bootstrap.roc_auc(labels, groups, probabilities[..., 1], generators[1]),
        "against_all_genres": bootstrap.paired_difference(labels, groups, predicted, full, task.classes, generators[2])[
            "accuracy"
        ],
    }


def train_pairs(dataset: pd.DataFrame, full_task: ProbeTask, params: Params) -> dict[str, Any]:
    """Train the model of all genres, then each pair; {"pairs": scores, most confused first, "left_out": pairs with the reason}."""
    predictions = Probe(params).fit_predict(full_task)
    narrow = params.experiments.model_copy(update={"units": params.pairs.units})
    heads = Probe(params.model_copy(update={"experiments": narrow}))
    pairs = select(params.pairs.which, full_task.classes, probe.confusion_shares(full_task, predictions))
    scores, left_out = [], []
    for pair in track(pairs, len(pairs), "trained", "pairs"):
        task = pair_task(dataset, full_task, pair)
        if isinstance(task, str):
            left_out.append({"genres": pair, "reason": task})
            continue
        probabilities = heads.fit_predict(task).test
        restricted = probe.restrict(predictions.test, full_task, task)
        scores.append(pair_scores(task, probabilities, restricted, params.seed))
    return {"pairs": scores, "left_out": left_out}


def summarise(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and minimum over pairs, of the rounded numbers in metrics/pairs.json, so that readers can recompute them."""
    scores = round_floats(pairs)
    return {
        "mean_accuracy": sum(pair["test"]["accuracy"] for pair in scores) / len(scores),
        "least_accuracy": min(pair["test"]["accuracy"] for pair in scores),
        "mean_change_from_all_genres": sum(pair["against_all_genres"]["difference"] for pair in scores) / len(scores),
    }


def outcome(metrics: dict[str, Any], genres: int, comparable: bool) -> str:
    """One sentence; genres: their number. comparable: whether the data are the study's."""
    pairs, left_out = metrics["pairs"], metrics["left_out"]
    accuracies = [scores["test"]["accuracy"] for scores in pairs]
    reached = sum(accuracy >= study.PAIR_ACCURACY for accuracy in accuracies)
    levels = (
        f"{reached} of {count(len(pairs), 'pair')} reach an accuracy of {study.PAIR_ACCURACY}, the study's lowest"
        if comparable
        else f"accuracy of {count(len(pairs), 'pair')} is {np.mean(accuracies):.3f} on average, {min(accuracies):.3f} at least"
    )
    changes = [scores["against_all_genres"] for scores in pairs]
    model = f"the {in_words(genres)}-way model restricted to the two genres"
    parts = [levels, bootstrap.tally(changes, ("pair", "pairs"), ("beats", "beat"), model)]
    if len(pairs) < (total := genres * (genres - 1) // 2):
        parts.append(f"{len(pairs)} of all {total} pairs {'was' if len(pairs) == 1 else 'were'} trained")
    if left_out:
        parts.append(f"left out: {describe_left_out(left_out)}")
    return "; ".join(parts)


def describe_left_out(left_out: list[dict[str, Any]]) -> str:
    """The pairs that were not trained, with the reasons."""
    return enumerated([f"{' or '.join(item['genres'])} ({item['reason']})" for item in left_out])


def draw(pairs: list[dict[str, Any]], comparable: bool) -> Figure:
    """Draw the accuracy of the first pairs with intervals, beside the model of all genres, the majority and the study's lowest."""
    rows = pairs[:LARGEST_FIGURE]
    tests = [row["test"] for row in rows]
    names = [
        f"{' or '.join(figures.shorten(genre) for genre in row['genres'])} ({row['test']['groups']})" for row in rows
    ]
    longest = max(figures.columns(name) for name in names)
    figure = figures.new_figure(7.4 + 0.08 * max(0, longest - 26), 2.6 + 0.5 * len(rows))
    axes = figure.subplots()
    accuracies, intervals = [test["accuracy"] for test in tests], [test["accuracy_interval"] for test in tests]
    figures.draw_intervals(axes, names, accuracies, intervals, [figures.BLUE] * len(tests))
    for key, marker, fill in (("majority_accuracy", "D", figures.GREY), ("all_genres_accuracy", "o", "none")):
        values = [row[key] for row in rows]
        axes.scatter(values, range(len(rows)), marker=marker, s=40, facecolors=fill, edgecolors=figures.GREY, zorder=3)
    if comparable:
        axes.axvline(study.PAIR_ACCURACY, color="black", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(0, 1.03)
    note = bootstrap.few_titles_note(test["groups"] for test in tests)
    figures.add_caption(axes, CAPTION + note + STUDY_CAPTION * comparable)
    figures.add_title(figure, "Accuracy of binary models of two genres, the most confused pairs first")
    figure.tight_layout()
    return figure


def draw_map(pairs: list[dict[str, Any]], genres: list[str]) -> Figure:
    """Draw accuracy below the diagonal, area under the ROC curve above it."""
    values = np.full((len(genres), len(genres)), np.nan)
    for scores in pairs:
        first, second = sorted(genres.index(genre) for genre in scores["genres"])
        values[second, first] = scores["test"]["accuracy"]
        values[first, second] = np.nan if scores["test"]["auc"] is None else scores["test"]["auc"]
    side = max(6.6, 2.4 + 0.42 * len(genres))  # inches
    figure = figures.new_figure(side + 0.8, side)
    axes = figure.subplots()
    figures.draw_share_map(axes, values, [figures.shorten(genre) for genre in genres])
    caption = "below the diagonal: accuracy on test images, per cent; above: area under the ROC curve"
    figures.add_caption(
        axes, caption + bootstrap.few_titles_note(scores["test"]["groups"] for scores in pairs), "center"
    )
    figures.add_title(figure, "Pairs of genres, one binary model for each")
    figure.tight_layout()
    return figure


def main() -> None:
    """Train a model for each pair and score it."""
    data = probe.load(Params, check)
    task, plots = data.task(), [paths.plot("pairs"), paths.plot("pairs_map")]
    reason = obstacle(task)
    metrics = train_pairs(data.dataset, task, data.params) if reason is None else {"pairs": []}
    pairs = metrics["pairs"]
    if not pairs:
        probe.write_skipped("pairs", data, reason or describe_left_out(metrics["left_out"]), plots)
        return
    comparable = study.is_comparable(read_json(paths.metrics("crawl"), "crawl")["source"], data.genres)
    probe.write("pairs", data, metrics, summarise(pairs), outcome(metrics, len(data.genres), comparable))
    figures.save(draw(pairs, comparable), plots[0])
    figures.save(draw_map(pairs, data.genres), plots[1])


if __name__ == "__main__":
    run(main, "pairs")
