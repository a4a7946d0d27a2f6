"""The figures of experiments and of evaluate with 2 to 60 labels, long and Korean names: nothing is cut, no names overlap."""

from itertools import pairwise

import numpy as np
import pytest

from stages import ambiguity, balance, evaluate, label_limit, leakage, pairs
from tests.support.figure_texts import close_names, overhang
from tests.support.random_predictions import label_names, make_dataset, make_task, predict
from webtoon_genre.evaluation.metrics import score_rows
from webtoon_genre.experiments import probe

NUMBERS = (3, 18, *(pytest.param(number, marks=pytest.mark.slow) for number in (2, 10, 60)))


def draw_pairs(labels):
    dataset = make_dataset(labels)
    full, scores = make_task(dataset, labels), []
    for one, other in list(pairwise(labels))[:12]:
        task = probe.subset(dataset, full, [one, other])
        true = task.labels[task.test]
        scores.append(pairs.pair_scores(task, predict(true, 2), predict(true, 2, 0.5), 1))
    return [pairs.draw(scores, comparable=True), pairs.draw_map(scores, labels)]


def draw_label_limit(labels):
    dataset, steps = make_dataset(labels), []
    for number in range(len(labels), 1, -1):
        task = probe.subset(dataset, make_task(dataset, labels), labels[:number])
        true = task.labels[task.test]
        step = label_limit.step_scores(task, predict(true, number), predict(true, number, 0.5), 1)
        steps.append({"left_out": labels[number] if number < len(labels) else None, **step})
    return [label_limit.draw({"steps": steps, "random": []})]


def draw_balance(labels):
    task = make_task(make_dataset(labels), labels)
    true, methods = task.labels[task.test], (*balance.ROWS, *balance.LOSSES)
    probabilities = {method: predict(true, len(labels), seed=seed) for seed, method in enumerate(methods)}
    variants = {
        method: {
            "test": probe.test_scores(task, probabilities[method]),
            "against_none": probe.compare(task, probabilities[method], probabilities["none"], 1),
        }
        for method in methods
    }
    return [balance.draw(variants)]


def draw_ambiguity(labels):
    dataset = make_dataset(labels)
    probabilities = predict(dataset["label"].to_numpy(), len(labels)).mean(axis=0)
    folds = dataset["title_id"].to_numpy() % 5
    metrics, _ = ambiguity.assess_labels(dataset, probabilities, folds, labels, 1)
    return [ambiguity.draw(metrics, labels)]


def draw_leakage(labels):
    task = make_task(make_dataset(labels), labels)
    probabilities = predict(task.labels[task.test], len(labels))
    scores = dict.fromkeys(leakage.UNITS, leakage.split_scores(task, probabilities, task.train[: len(task.test)], 1))
    both = dict.fromkeys(leakage.UNITS, task), dict.fromkeys(leakage.UNITS, probabilities)
    return [leakage.draw(scores, leakage.difference(*both, 1))]


def draw_evaluate(labels):
    dataset = make_dataset(labels)
    rows = dataset[dataset["split"] == "test"]
    probabilities = predict(rows["label"].to_numpy(), len(labels))[0]
    scores = score_rows(
        rows["label"].to_numpy(), probabilities, rows["group"].to_numpy(), labels, np.random.default_rng(1)
    )
    table, title = evaluate.predictions(rows, probabilities, labels), evaluate.accuracy_title("inception_v3", scores)
    return [evaluate.confusion_figure(table, labels, title), evaluate.genres_figure(scores["per_genre"], title)]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    "draw", [draw_pairs, draw_label_limit, draw_balance, draw_ambiguity, draw_leakage, draw_evaluate]
)
def test_no_text_is_cut_and_no_names_overlap(draw, number):
    for figure in draw(label_names(number)):
        assert overhang(figure) == []
        for axes in figure.axes:
            assert close_names(axes) == []
