"""Binary models of genre pairs on frozen features: how well two genres are told apart when there is nothing else to confuse.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (pairs.backbone)
Writes: metrics/pairs.json, plots/pairs.png
Params: pairs, lr, head, train.batch / epochs / patience, runtime

The study asked this of the genres that people confuse, and found an accuracy of at least 0.87 on its random split.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from stages.lib import figures, fit, params, runtime, scores
from stages.lib.command import run
from stages.lib.errors import InputError
from stages.lib.files import write_json
from stages.lib.fit import Head, Training
from stages.lib.progress import track
from stages.lib.runtime import Runtime
from stages.lib.thumbnails import DATASET, classes, read_features, read_table

STUDY = 0.87  # accuracy, at least, of the study's pairs: random split, ImageNet weights
CAPTION = f"""\
accuracy on the pair's test images; lines: 95% intervals, whole titles resampled
grey: always the genre with more train images
dashed: {STUDY}, the least that the original study reports for its pairs, on other
thumbnails split at random by image (a title on all sides), with ImageNet weights"""


class Pairs(params.Section):
    """params.yaml: pairs."""

    backbone: str
    pairs: list[list[str]] = Field(min_length=1)


class Params(params.File):
    """What this stage reads of params.yaml."""

    pairs: Pairs
    lr: float = Field(gt=0)
    head: Head
    train: Training
    runtime: Runtime


def check(pairs: list[list[str]], genres: list[str]) -> None:
    """Each pair names two different genres of the dataset."""
    for pair in pairs:
        if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(genres):
            raise InputError(f"pairs.pairs has {pair}: give two different genres of {', '.join(genres)}")


def outcome(pair: list[str], dataset: pd.DataFrame, features: np.ndarray, settings: Params) -> dict[str, Any]:
    """Train on the pair's train rows; scores on its test rows, beside always naming the genre with more train rows."""
    labels = dataset["genre"].map({pair[0]: 0, pair[1]: 1}).to_numpy(float)  # nan: neither
    member = ~np.isnan(labels)
    sides = dataset["split"].to_numpy()
    train, val, test = (np.flatnonzero(member & (sides == side)) for side in ("train", "val", "test"))
    binary = np.where(member, labels, -1).astype(np.int64)
    seed = settings.runtime.seed
    head = fit.fit_head(features, binary, train, val, 2, settings.head, settings.lr, settings.train, settings.runtime)
    probabilities = np.asarray(head.predict_on_batch(np.asarray(features[test])))
    groups = dataset["group"].to_numpy()[test]
    majority = np.bincount(binary[train], minlength=2).argmax()
    return {
        "genres": pair,
        "majority_accuracy": float((binary[test] == majority).mean()),
        "test": scores.score(binary[test], probabilities, groups, pair, np.random.default_rng(seed)),
    }


def draw(outcomes: list[dict[str, Any]]) -> Figure:
    """Accuracy of each pair with its 95 % interval over titles, the majority's accuracy and the study's figure beside it."""
    tests = [result["test"] for result in outcomes]
    names = [" or ".join(figures.clipped(genre) for genre in result["genres"]) for result in outcomes]
    figure = figures.blank(7, 2 + 0.5 * len(outcomes))
    axes = figure.subplots()
    accuracies, intervals = [test["accuracy"] for test in tests], [test["accuracy_interval"] for test in tests]
    figures.draw_intervals(axes, names, accuracies, intervals, [figures.BLUE] * len(tests))
    majorities = [result["majority_accuracy"] for result in outcomes]
    axes.scatter(majorities, range(len(outcomes)), marker="D", s=36, color=figures.GREY, zorder=3)
    axes.axvline(STUDY, color="black", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="left")
    figure.suptitle("How well two genres are told apart", fontsize=11)
    figure.tight_layout()
    return figure


def main(
    dataset: Path = Path("data/dataset.parquet"),
    features: Path = Path("data/features"),
    metrics: Path = Path("metrics/pairs.json"),
    plot: Path = Path("plots/pairs.png"),
) -> None:
    """Train and score each pair."""
    settings = params.read(Params)
    runtime.start_keras(settings.runtime)
    rows = read_table(dataset, DATASET)
    wanted = settings.pairs.pairs
    check(wanted, classes(rows))
    table = read_features(features / f"{settings.pairs.backbone}.npy", len(rows))
    outcomes = [outcome(pair, rows, table, settings) for pair in track(wanted, len(wanted), "trained", "pairs")]
    by_name = {"_".join(result["genres"]): result for result in outcomes}
    write_json(metrics, {"backbone": settings.pairs.backbone, "pairs": by_name})
    figures.save(draw(outcomes), plot)


if __name__ == "__main__":
    run(main, "pairs")
