"""Binary classifiers of genre pairs on frozen features: how separable two genres are without the other genres.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), metrics/crawl.json (the source of the pictures)
Writes: metrics/pairs.json, plots/pairs.png (the pairs of lowest accuracy), plots/pairs_map.png (all of them)
Params: pairs, experiments, head but its units, runtime, seed

Each pair is trained over several seeds and compared with the model of all genres, restricted to the two genres. The study did this
for the genres that people confuse, and reported accuracies of at least 0.87 on its random split; the figure shows that number beside
the study's genres alone. Pairs of genres that the dataset lacks are left out. Two genres are one pair, and the stage is skipped.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import read_json
from webtoon_genre.core.names import Name
from webtoon_genre.core.params import Section
from webtoon_genre.core.wording import count, enumerated, in_words
from webtoon_genre.evaluation import bootstrap, study
from webtoon_genre.evaluation.bootstrap import Hits, accuracy_interval
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe, score_rows
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.experiments.score_rows import accuracy_row
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.plotting.intervals import draw_intervals, draw_markers, name_points, show_range

LARGEST_FIGURE = 12  # pairs in pairs.png
MOST = 200  # pairs that `all` trains, the most confused ones: 60 genres have 1,770
CHANCE = 0.5  # the area under the ROC curve of guesses
MAP_CAPTION = f"""\
area under the ROC curve on test images: how often a pair's model ranks one genre above the other
white: {CHANCE}, chance; blue: 1, always; orange: worse than chance; n: test titles"""
STUDY = f"{study.PAIR_ACCURACY}: the lowest pair of the original study"
STUDY_CAPTION = """
the original study had other thumbnails, split at random by image, and ImageNet weights"""
Pair = list[Name]
Which = Literal["all"] | int | list[Pair]


class Pairs(Section):
    """params.yaml: pairs; `which` is all, the number of most confused pairs, or a list of pairs."""

    which: Which
    units: int = Field(ge=1)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = (
        "How well are two classes told apart, and does a model of these two alone do it better than the model of all?"
    )
    study = "Binary models of ambiguous pairs: an accuracy of at least 0.87 on a random split."

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
    """Train the model of all genres, then each pair: scores, most confused first, means over pairs, and pairs left out with the reason."""
    predictions = Probe(params).fit_predict(full_task)
    narrow = params.experiments.model_copy(update={"units": params.pairs.units})
    heads = Probe(params.model_copy(update={"experiments": narrow}))
    pairs = select(params.pairs.which, full_task.classes, probe.confusion_shares(full_task, predictions))
    candidates = [pair_task(dataset, full_task, pair) for pair in pairs]
    tasks = [task for task in candidates if isinstance(task, ProbeTask)]
    left_out = [
        {"genres": pair, "reason": task} for pair, task in zip(pairs, candidates, strict=True) if isinstance(task, str)
    ]
    scores, hits = [], []
    for task, trained in zip(tasks, heads.fit_predict_all([ProbeRun(task) for task in tasks]), strict=True):
        probabilities, restricted = trained.test, probe.restrict(predictions.test, full_task, task)
        scores.append(pair_scores(task, probabilities, restricted, params.seed))
        labels, groups = task.labels[task.test], task.groups[task.test]
        correct, reference = (predicted_labels(rows) == labels for rows in (probabilities, restricted))
        hits.append(Hits(groups, correct, reference))
    return {"pairs": scores, "left_out": left_out} | means(hits, params.seed)


def means(hits: list[Hits], seed: int) -> dict[str, Any]:
    """The mean accuracy of the pairs, and its difference from that of the model of all genres; nothing without pairs."""
    if not hits:
        return {}
    from_zero = [replace(pair, reference=np.zeros_like(pair.model)) for pair in hits]
    accuracy, change = (bootstrap.mean_difference(some, np.random.default_rng(seed)) for some in (from_zero, hits))
    return {
        "mean_accuracy": accuracy["difference"],
        "mean_accuracy_interval": accuracy["interval"],
        "mean_against_all_genres": change,
    }


def summarise(metrics: dict[str, Any]) -> dict[str, Any]:
    """The mean change of the pairs from the model of all genres."""
    return bootstrap.change_metrics("mean_change", metrics["mean_against_all_genres"])


def outcome(metrics: dict[str, Any], genres: int, comparable: bool) -> str:
    """One sentence; genres: their number. comparable: whether the data are the study's."""
    pairs, left_out, change = metrics["pairs"], metrics["left_out"], metrics["mean_against_all_genres"]
    accuracy = bootstrap.format_value(metrics["mean_accuracy"], metrics["mean_accuracy_interval"], change["titles"])
    parts = [f"mean accuracy of {count(len(pairs), 'pair')}: {accuracy}"]
    if comparable:
        reached = sum(scores["test"]["accuracy"] >= study.PAIR_ACCURACY for scores in pairs)
        parts.append(f"{reached} of {len(pairs)} reach {study.PAIR_ACCURACY}, the study's lowest")
    changes = [scores["against_all_genres"] for scores in pairs]
    model = f"the {in_words(genres)}-way model restricted to the two genres"
    parts.append(bootstrap.conclusion(f"against {model}", change))
    parts.append(bootstrap.tally(changes, ("pair", "pairs"), ("beats", "beat"), "it"))
    if len(pairs) < (total := genres * (genres - 1) // 2):
        parts.append(f"{len(pairs)} of all {total} pairs {'was' if len(pairs) == 1 else 'were'} trained")
    if left_out:
        parts.append(f"left out: {describe_left_out(left_out)}")
    return "; ".join(parts)


def describe_left_out(left_out: list[dict[str, Any]]) -> str:
    """The pairs that were not trained, with the reasons."""
    return enumerated([f"{' or '.join(item['genres'])} ({item['reason']})" for item in left_out])


def lowest_first(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pairs with the lowest accuracy first; those of too few test titles last."""
    return sorted(pairs, key=lambda pair: (not bootstrap.is_enough(pair["test"]["groups"]), pair["test"]["accuracy"]))


def draw(pairs: list[dict[str, Any]], comparable: bool) -> Figure:
    """Draw the lowest accuracies with intervals, beside the model of all genres, the majority and the study's lowest."""
    shown = lowest_first(pairs)[:LARGEST_FIGURE]
    rows = [accuracy_row(" or ".join(map(figures.shorten, pair["genres"])), pair["test"]) for pair in shown]
    longest = max(figures.columns(row.name) for row in rows)
    figure = figures.new_figure(8.6 + 0.08 * max(0, longest - 18), 1.5 + 0.36 * len(rows))
    axes = figure.subplots()
    draw_intervals(axes, rows)
    name_points(axes, "model of the two genres")
    all_genres, majorities = ([pair[key] for pair in shown] for key in ("all_genres_accuracy", "majority_accuracy"))
    draw_markers(axes, all_genres, "o", "model of all genres, restricted to the two")
    draw_markers(axes, majorities, "D", "always the genre with more train images")
    if comparable:
        axes.axvline(study.PAIR_ACCURACY, color="black", linestyle="--", linewidth=1, zorder=0, label=STUDY)
    figures.add_legend(axes)
    show_range(axes, all_genres, majorities, *(row.interval for row in rows))
    order = f"{len(shown)} of {count(len(pairs), 'pair')}, the lowest accuracy first\n"
    note = bootstrap.few_titles_note(pair["test"]["groups"] for pair in shown)
    figures.lay_out(figure, headline(shown), order + score_rows.CAPTION + note + STUDY_CAPTION * comparable)
    return figure


def headline(pairs: list[dict[str, Any]]) -> str:
    """The message of pairs.png; pairs: of `lowest_first`."""
    first = pairs[0]["test"]
    if not bootstrap.is_enough(first["groups"]):
        return f"Two genres at a time: {bootstrap.too_few(*(pair['test']['groups'] for pair in pairs))}"
    value = bootstrap.format_value(first["accuracy"], first["accuracy_interval"], first["groups"])
    return f"Hardest to tell apart: {' and '.join(map(figures.shorten, pairs[0]['genres']))}, accuracy {value}"


def draw_map(pairs: list[dict[str, Any]], genres: list[str]) -> Figure:
    """Draw the area under the ROC curve of each pair, and its number of test titles."""
    shape = (len(genres), len(genres))
    values, few, texts = np.full(shape, np.nan), np.zeros(shape, bool), np.full(shape, "", object)
    for scores in pairs:
        column, row = sorted(genres.index(genre) for genre in scores["genres"])
        area, titles = scores["test"]["auc"], scores["test"]["groups"]
        values[row, column] = np.nan if area is None else area - CHANCE
        few[row, column] = area is None or not bootstrap.is_enough(titles)
        texts[row, column] = f"{'–' if area is None else f'{area:.2f}'}\nn {titles}"
    side = max(5.2, 2 + 0.46 * len(genres))  # inches
    figure = figures.new_figure(max(7.4, side + 1), side)
    axes, names = figure.subplots(), [figures.shorten(genre) for genre in genres]
    figures.draw_map(axes, values[1:, :-1], few[1:, :-1], texts[1:, :-1], 1 - CHANCE)
    figures.name_cells(axes, names[1:], names[:-1])
    note = bootstrap.few_titles_note((scores["test"]["groups"] for scores in pairs), "grey")
    figures.lay_out(figure, map_headline(pairs), MAP_CAPTION + note)
    return figure


def map_headline(pairs: list[dict[str, Any]]) -> str:
    """The message of pairs_map.png: how many pairs are told apart."""
    tests = [pair["test"] for pair in pairs if bootstrap.is_enough(pair["test"]["groups"])]
    if not tests:
        return f"Pairs of genres: {bootstrap.too_few(*(pair['test']['groups'] for pair in pairs))}"
    above = sum(test["auc"] is not None and test["auc_interval"][0] > CHANCE for test in tests)
    enough = f" with {bootstrap.MIN_TITLES} test titles or more" * (len(tests) < len(pairs))
    return f"{above} of {count(len(tests), 'pair')} of genres{enough} told apart better than by chance (interval above {CHANCE})"


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
    probe.write("pairs", data, metrics, summarise(metrics), outcome(metrics, len(data.genres), comparable))
    figures.save(draw(pairs, comparable), plots[0])
    figures.save(draw_map(pairs, data.genres), plots[1])


if __name__ == "__main__":
    run(main, "pairs")
