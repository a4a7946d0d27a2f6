"""All figures of the pipeline with 2 to 60 labels, long and Korean names: no text is cut, overlaps another or is struck through."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import ambiguity, balance, criterion, label, label_limit, leakage, pairs, style, summary, zero_center
from tests.conftest import REPOSITORY
from tests.support.figure_texts import text_faults
from tests.support.random_predictions import label_names, make_dataset, make_task, predict, write_images
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.evaluation.metrics import score_rows
from webtoon_genre.experiments import lookalikes, probe
from webtoon_genre.grid import figures as grid_figures
from webtoon_genre.grid.ranking import Grid
from webtoon_genre.plotting import figures, thumbnail_map
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.training import prediction_figures, predictions

Figures = dict[str, Figure]
# labels, and titles of a label: of 5, one is a test title, too few to tell; of 60, twelve
SIZES = [
    (10, 5),
    pytest.param(2, 5, marks=pytest.mark.slow),
    pytest.param(18, 60, marks=pytest.mark.exhaustive),
    pytest.param(60, 5, marks=pytest.mark.exhaustive),
]
LONG = "a reason that a person writes and that goes on " * 6


@pytest.fixture
def thumbnails(tmp_path):
    """Thumbnails for the rows of a dataset."""

    def write(dataset: pd.DataFrame) -> ThumbnailStore:
        write_images(tmp_path, dataset)
        return ThumbnailStore(tmp_path)

    return write


def draw_pairs(labels, titles, _) -> Figures:
    dataset = make_dataset(labels, titles)
    full, scores = make_task(dataset, labels), []
    for one, other in list(pairwise(labels))[:14]:
        task = probe.subset(dataset, full, [one, other])
        true = task.labels[task.test]
        scores.append(pairs.pair_scores(task, predict(true, 2), predict(true, 2, 0.5), 1))
    return {"pairs.draw": pairs.draw(scores, comparable=True), "pairs.draw_map": pairs.draw_map(scores, labels)}


def draw_label_limit(labels, titles, _) -> Figures:
    dataset, steps = make_dataset(labels, titles), []
    for number in range(len(labels), 1, -1):
        task = probe.subset(dataset, make_task(dataset, labels), labels[:number])
        true = task.labels[task.test]
        step = label_limit.step_scores(task, predict(true, number), predict(true, number, 0.5), 1)
        steps.append({"left_out": labels[number] if number < len(labels) else None, **step})
    random = [{"labels": len(step["genres"]), "accuracy": 0.5, "kappa": 0.4} for step in steps[1:]]
    return {"label_limit.draw": label_limit.draw({"steps": steps, "random": [{"steps": random}]})}


def draw_balance(labels, titles, _) -> Figures:
    task = make_task(make_dataset(labels, titles), labels)
    true, methods = task.labels[task.test], (*balance.ROWS, *balance.LOSSES)
    probabilities = {method: predict(true, len(labels), seed=seed) for seed, method in enumerate(methods)}
    variants = {
        method: {
            "test": probe.test_scores(task, probabilities[method]),
            "against_none": probe.compare(task, probabilities[method], probabilities["none"], 1),
        }
        for method in methods
    }
    return {"balance.draw": balance.draw(variants)}


def draw_ambiguity(labels, titles, thumbnails) -> Figures:
    dataset = make_dataset(labels, titles)
    images = thumbnails(dataset)
    probabilities = predict(dataset["label"].to_numpy(), len(labels)).mean(axis=0)
    folds = dataset["title_id"].to_numpy() % 5
    metrics, table = ambiguity.assess_labels(dataset, probabilities, folds, labels, 1)
    return {
        "ambiguity.draw": ambiguity.draw(metrics, labels),
        "ambiguity.draw_titles": ambiguity.draw_titles(table, dataset, images, 10),
        "lookalikes.draw": lookalikes.draw(lookalikes.search(dataset, images.index, 3), images, 10),
    }


def draw_leakage(labels, titles, thumbnails) -> Figures:
    dataset = make_dataset(labels, titles)
    task = replace(make_task(dataset, labels), test=np.arange(len(dataset)))
    probabilities = {by: predict(task.labels, len(labels), seed=seed) for seed, by in enumerate(leakage.UNITS)}
    scores = {by: leakage.scores_of(task, probabilities[by], np.flip(task.test), 1) for by in leakage.UNITS}
    rows = leakage.choose_examples(task, 8, 1)
    neighbours = dict.fromkeys(leakage.UNITS, task.train[: len(rows)])
    return {
        "leakage.draw": leakage.draw(scores, leakage.difference(task, probabilities, 1)),
        "leakage.draw_neighbours": leakage.draw_neighbours(rows, dataset, thumbnails(dataset), neighbours),
    }


def draw_criterion(labels, titles, _) -> Figures:
    scores = chance_scores(labels, titles)
    change = {"against_apart": probe_change(labels, titles)}
    names = dict.fromkeys((*criterion.NAMES, *criterion.COLUMNS), scores)
    return {"criterion.draw": criterion.draw(names | {"author_together": scores | change})}


def draw_style(labels, titles, _) -> Figures:
    scores = chance_scores(labels, titles) | {"width": 2048, "val_accuracy": 0.5, "val_titles": titles}
    pools = {pool: scores | {"against_top": {"accuracy": probe_change(labels, titles)}} for pool in style.POOLS}
    pools["gram"] = pools["gram"] | {"val_accuracy": 0.6}
    return {"style.draw": style.draw("efficientnet_v2_b0", pools)}


def draw_summary(labels, titles, _) -> Figures:
    scores = {"accuracy": 0.51, "accuracy_interval": [0.4, 0.6], "groups": titles}
    groups = {group: {"efficientnet_v2_b0": {"val": scores, "test": scores}} for group in summary.GROUPS}
    groups["backbones"] = dict.fromkeys(backbone_names(labels), groups["backbones"]["efficientnet_v2_b0"])
    models = {"data": {"test_titles": titles}, **summary.summarise(groups)}
    curve = pd.DataFrame(
        {"epoch": [0, 1, 0, 1], "accuracy": [0.3, 0.99, 0.1, 0.2], "split": ["train"] * 2 + ["val"] * 2}
    )
    histories = [curve.assign(backbone=name) for name in backbone_names(labels)]
    return {
        "summary.scores_figure": summary.scores_figure(models, comparable=True),
        "summary.curves_figure": summary.curves_figure(histories),
    }


def draw_data(labels, titles, thumbnails) -> Figures:
    dataset = make_dataset(labels, titles)
    images = thumbnails(dataset)
    number = min(len(dataset), 300)
    positions = np.random.default_rng(1).normal(size=(number, 2))
    rows = dataset.iloc[np.linspace(0, len(dataset) - 1, number).astype(int)]
    return {
        "label.contact_sheet": label.contact_sheet(dataset, images, labels),
        "zero_center.draw_mean": zero_center.draw_mean(np.full((112, 112, 3), 90, np.float32), 123456),
        "thumbnail_map.draw": thumbnail_map.draw(
            thumbnail_map.Layout.of(images.take(rows), positions),
            rows["label"].to_numpy(),
            labels,
            "A title of one line",
            "A caption\nof two lines",
        ),
        "figures.note": figures.note(f"ambiguity was skipped: {LONG}"),
    }


def draw_predictions(labels, titles, thumbnails) -> Figures:
    dataset = make_dataset(labels, titles)
    rows = dataset[dataset["split"] == "test"]
    probabilities = predict(rows["label"].to_numpy(), len(labels))[0]
    scores = score_rows(
        rows["label"].to_numpy(), probabilities, rows["group"].to_numpy(), labels, np.random.default_rng(1)
    )
    table = predictions.prediction_table(rows, probabilities, labels)
    title = prediction_figures.accuracy_title("genre-classifier", scores)
    return {
        "prediction_figures.confusion_figure": prediction_figures.confusion_figure(table, labels, title),
        "prediction_figures.genres_figure": prediction_figures.genres_figure(scores["per_genre"], title),
        "prediction_figures.examples_figure": prediction_figures.examples_figure(table, thumbnails(dataset), title),
    }


def draw_grid(labels, _, __) -> Figures:
    rates = [10.0**-power for power in range(1, min(len(labels), 5))]
    rows = [
        (backbone, layers, units, rate, 0.3 + 0.1 * index, 1.0, 10**index * units)
        for backbone in backbone_names(labels)
        for index, layers in enumerate(("0", "10", "all"))
        for units in (128, 1024)
        for rate in rates
    ]
    columns = ["backbone", "unfreeze", "units", "lr", "val_accuracy", "val_loss", "trainable_parameters"]
    trials = pd.DataFrame(rows, columns=columns).assign(epochs=3, best_epoch=2, val_titles=1234, failed=None)
    trials["val_accuracy_interval"] = [[0.1, 0.9]] * len(trials)
    trials.loc[0, ["val_accuracy", "failed"]] = np.nan, "NaN"
    grid = Grid(units=[128, 1024], lr=rates)
    return {
        "figures.grid_figure": grid_figures.grid_figure(trials, grid),
        "figures.rates_figure": grid_figures.rates_figure(trials, grid),
        "figures.accuracy_figure": grid_figures.accuracy_figure(trials, "trainable_parameters", "trained parameters"),
    }


DRAW: dict[Callable[..., Figures], tuple[str, ...]] = {
    draw_pairs: (
        "pairs.draw",
        "pairs.draw_map",
    ),
    draw_label_limit: ("label_limit.draw",),
    draw_balance: ("balance.draw",),
    draw_ambiguity: (
        "ambiguity.draw",
        "ambiguity.draw_titles",
        "lookalikes.draw",
    ),
    draw_leakage: (
        "leakage.draw",
        "leakage.draw_neighbours",
    ),
    draw_criterion: ("criterion.draw",),
    draw_style: ("style.draw",),
    draw_summary: (
        "summary.scores_figure",
        "summary.curves_figure",
    ),
    draw_data: (
        "label.contact_sheet",
        "zero_center.draw_mean",
        "thumbnail_map.draw",
        "figures.note",
    ),
    draw_predictions: (
        "prediction_figures.confusion_figure",
        "prediction_figures.genres_figure",
        "prediction_figures.examples_figure",
    ),
    draw_grid: (
        "figures.grid_figure",
        "figures.rates_figure",
        "figures.accuracy_figure",
    ),
}  # and the functions that they call


def chance_scores(labels, titles):
    task = make_task(make_dataset(labels, titles), labels)
    return probe.scores_with_chance(task, predict(task.labels[task.test], len(labels)), 1)


def probe_change(labels, titles):
    task = make_task(make_dataset(labels, titles), labels)
    true = task.labels[task.test]
    return probe.compare(task, predict(true, len(labels)), predict(true, len(labels), 0.5), 1)["accuracy"]


def backbone_names(labels):
    """At most four long names."""
    return [f"efficientnet_v2_{index}" for index in range(min(len(labels), 4))]


@pytest.mark.parametrize(("number", "titles"), SIZES)
@pytest.mark.parametrize("draw", DRAW)
def test_every_text_of_a_figure_can_be_read(draw, number, titles, thumbnails):
    results = draw(label_names(number), titles, thumbnails)
    assert tuple(results) == DRAW[draw]
    faults = {name: text_faults(figure) for name, figure in results.items()}
    assert {name: lines for name, lines in faults.items() if lines} == {}


def test_every_function_that_draws_a_figure_is_tested():
    tested = [name for names in DRAW.values() for name in names]
    parts = ["figures.new_figure", "figures.sheet"]  # of other figures
    assert sorted(drawing_functions()) == sorted([*tested, *parts])


def drawing_functions() -> Iterator[str]:
    """The functions that return a figure, with their modules."""
    for folder in ("stages", "webtoon_genre"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            yield from (f"{path.stem}.{name}" for name in functions_of(path))


def functions_of(path: Path) -> list[str]:
    """The functions of a file that return a figure."""
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    return [node.name for node in functions if node.returns is not None and ast.unparse(node.returns) == "Figure"]
