"""Rebalanced variants of the train rows, each trained on the same frozen features and scored on the same test rows.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (balance.backbone)
Writes: metrics/balance.json, plots/balance.png
Params: balance, lr, head, train.batch / epochs / patience, runtime

none: as crawled. down: a genre with more than `cap` train rows keeps `cap` of them. equal: every genre has `count` train rows,
drawn without replacement where there are more, repeated where there are fewer. Validation and test rows stay as they are.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from stages.lib import figures, fit, params, runtime, scores
from stages.lib.command import run
from stages.lib.files import write_json
from stages.lib.fit import Head, Training
from stages.lib.progress import track
from stages.lib.runtime import Runtime
from stages.lib.thumbnails import DATASET, classes, read_features, read_table

VARIANTS = ("none", "down", "equal")
CAPTION = "in brackets: test images; a dot at 0: none was recognised"


class Balance(params.Section):
    """params.yaml: balance."""

    backbone: str
    cap: int = Field(ge=1)
    count: int = Field(ge=1)
    seed: int = Field(ge=0)


class Params(params.File):
    """What this stage reads of params.yaml."""

    balance: Balance
    lr: float = Field(gt=0)
    head: Head
    train: Training
    runtime: Runtime


def down(labels: np.ndarray, rows: np.ndarray, cap: int, generator: np.random.Generator) -> np.ndarray:
    """`rows`, int (n,), ascending, with at most `cap` drawn of each label; `labels` is indexed by row."""
    return chosen(labels, rows, lambda members: drawn(members, min(cap, len(members)), generator))


def equal(labels: np.ndarray, rows: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`rows` with exactly `count` of each label: every row as often as the next, or once more."""
    return chosen(labels, rows, lambda members: repeated(members, count, generator))


def chosen(labels: np.ndarray, rows: np.ndarray, choose: Any) -> np.ndarray:
    """What `choose` makes of each label's rows, joined, ascending."""
    return np.sort(np.concatenate([choose(rows[labels[rows] == label]) for label in np.unique(labels[rows])]))


def drawn(members: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` of `members` without replacement."""
    return generator.permutation(members)[:count]


def repeated(members: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """All of `members` as often as they fit into `count`, and a drawn rest."""
    whole, rest = divmod(count, len(members))
    return np.concatenate([np.tile(members, whole), drawn(members, rest, generator)])


def train_rows(variant: str, labels: np.ndarray, rows: np.ndarray, settings: Balance) -> np.ndarray:
    """The train rows of one variant; a row may stand there several times."""
    generator = np.random.default_rng(settings.seed)
    if variant == "down":
        return down(labels, rows, settings.cap, generator)
    if variant == "equal":
        return equal(labels, rows, settings.count, generator)
    return rows


def outcome(variant: str, dataset: pd.DataFrame, features: np.ndarray, settings: Params) -> dict[str, Any]:
    """Train one variant; its train rows by genre and its scores on the untouched test rows."""
    genres = classes(dataset)
    labels, sides = dataset["label"].to_numpy(np.int64), dataset["split"].to_numpy()
    rows = train_rows(variant, labels, np.flatnonzero(sides == "train"), settings.balance)
    val, test = np.flatnonzero(sides == "val"), np.flatnonzero(sides == "test")
    head = fit.fit_head(
        features, labels, rows, val, len(genres), settings.head, settings.lr, settings.train, settings.runtime
    )
    probabilities = np.asarray(head.predict_on_batch(np.asarray(features[test])))
    groups = dataset["group"].to_numpy()[test]
    counts = np.bincount(labels[rows], minlength=len(genres))
    return {
        "train_images": {genre: int(count) for genre, count in zip(genres, counts, strict=True)},
        "test": scores.score(labels[test], probabilities, groups, genres, np.random.default_rng(settings.runtime.seed)),
    }


def draw(outcomes: dict[str, Any]) -> Figure:
    """Recall of each genre under each variant, as grouped bars, with the variants' accuracies below."""
    genres = outcomes["none"]["test"]["per_genre"]
    recalls = {name: [of["recall"] for of in each["test"]["per_genre"].values()] for name, each in outcomes.items()}
    figure = figures.blank(7, 1.9 + 0.45 * len(genres))
    axes = figure.subplots()
    figures.draw_bars(axes, recalls, [f"{figures.clipped(genre)} ({of['support']})" for genre, of in genres.items()])
    totals = [totals_line(name, each["test"]) for name, each in outcomes.items()]
    axes.set_xlabel("\n".join([CAPTION, *totals]), loc="left", fontsize=9)
    figure.suptitle("What rebalancing the train images does to each genre's recall", fontsize=11)
    figure.tight_layout()
    return figure


def totals_line(variant: str, test: dict[str, Any]) -> str:
    """A variant's accuracies in words."""
    return f"{variant}: accuracy {test['accuracy']:.3f}, balanced {test['balanced_accuracy']:.3f}"


def main(
    dataset: Path = Path("data/dataset.parquet"),
    features: Path = Path("data/features"),
    metrics: Path = Path("metrics/balance.json"),
    plot: Path = Path("plots/balance.png"),
) -> None:
    """Train and score each variant."""
    settings = params.read(Params)
    runtime.start_keras(settings.runtime)
    rows = read_table(dataset, DATASET)
    table = read_features(features / f"{settings.balance.backbone}.npy", len(rows))
    shown = track(VARIANTS, len(VARIANTS), "trained", "variants")
    outcomes = {variant: outcome(variant, rows, table, settings) for variant in shown}
    write_json(metrics, {"backbone": settings.balance.backbone, "variants": outcomes})
    figures.save(draw(outcomes), plot)


if __name__ == "__main__":
    run(main, "balance")
