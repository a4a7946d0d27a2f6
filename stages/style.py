"""Where drawing style is found in a frozen backbone: its top layer, or statistics of its early and middle layers.

Reads:  data/dataset.parquet, data/resized/, data/mean.npz, models/pretrained/BACKBONE.weights.h5 of each backbone in style.backbones
Writes: metrics/style.json, metrics/style.md (a table), plots/style.png
Params: style, experiments, head but its units, features, train.preprocess, pretrained.weights, runtime

Three ways to pool, each an option of `head.pool`: the average of the top layer, channel means and deviations of early and middle
layers, and products of their channels (Gram). The images pass each backbone once; the same heads are trained on each, over several
seeds. Random weights are calibrated on train images first.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from stages.lib import compare, figures, footing, frozen, params, runtime, trunk
from stages.lib import mean as means
from stages.lib.command import run
from stages.lib.files import write_json, write_text
from stages.lib.footing import Answers, Task, Trials
from stages.lib.scores import most_probable
from stages.lib.thumbnails import DATASET, Resized, classes, read_table
from stages.lib.trunk import Pool, Preprocess

TOP: Pool = "average"
POOLS: dict[Pool, str] = {
    TOP: "top layer",
    "style": "channel means and deviations",
    "gram": "Gram: products of channels",
}
COLOURS = (figures.GREY, figures.BLUE, figures.ORANGE)
CAPTION = "test accuracy, averaged over seeds; lines: 95% intervals, whole titles resampled; κ: Cohen's kappa"
log = logging.getLogger(__name__)


class Style(params.Section):
    """params.yaml: style."""

    backbones: list[str] = Field(min_length=1)


class Features(params.Section):
    """params.yaml: features."""

    batch: int = Field(ge=1)
    calibration_images: int = Field(ge=2)


class Train(params.Leaves):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Pretrained(params.Leaves):
    """What is shared of params.yaml: pretrained."""

    weights: str


class Params(footing.Common):
    """What this stage reads of params.yaml."""

    style: Style
    features: Features
    train: Train
    pretrained: Pretrained


def pooled(
    backbone: str, rows: pd.DataFrame, images: Resized, centre: np.ndarray, weights: Path, settings: Params
) -> dict[Pool, np.ndarray]:
    """Features of all rows by pooling, float32 (n, width)."""
    preprocess = settings.train.preprocess
    body = trunk.build_several(backbone, len(centre), list(POOLS), preprocess, weights / f"{backbone}.weights.h5")
    body.jit_compile = settings.runtime.xla
    if settings.pretrained.weights == "random":
        shown = images.take(frozen.calibration_rows(rows, settings.features.calibration_images))
        trunk.calibrate(body, trunk.show(shown.astype(np.float32) - centre, backbone, preprocess))
    tables = [np.empty((len(rows), shape[-1]), np.float32) for shape in body.output_shape]
    frozen.compute(body, images, rows, centre, tables, settings.features.batch, backbone)
    return dict(zip(POOLS, tables, strict=True))


def compared(features: dict[Pool, np.ndarray], rows: pd.DataFrame, settings: Params) -> dict[Pool, Any]:
    """Scores of heads on each pooling, and how they differ from those on the top layer."""
    tasks = {pool: footing.task(rows, table, classes(rows)) for pool, table in features.items()}
    answers = {pool: Trials(settings).answers(task) for pool, task in tasks.items()}
    seed = settings.runtime.seed
    return {
        pool: footing.beside_chance(task, answers[pool].test, seed)
        | {
            "width": task.features.shape[1],
            "val_accuracy": val_accuracy(task, answers[pool]),
            "against_top": against(task, answers[pool], answers[TOP], seed),
        }
        for pool, task in tasks.items()
    }


def val_accuracy(task: Task, answers: Answers) -> float:
    """Over all seeds."""
    return float((most_probable(answers.val) == task.labels[task.val]).mean())


def against(task: Task, one: Answers, other: Answers, seed: int) -> dict[str, Any]:
    """How much better `one` is than `other` on the test rows: accuracy and balanced accuracy."""
    labels, groups = task.labels[task.test], task.groups[task.test]
    mine, theirs = most_probable(one.test), most_probable(other.test)
    found = compare.difference(labels, groups, mine, theirs, task.classes, np.random.default_rng(seed))
    return {measure: found[measure] for measure in ("accuracy", "balanced_accuracy")}


def best(found: dict[str, dict[Pool, Any]]) -> tuple[str, Pool]:
    """The backbone and pooling with the highest validation accuracy, the first of equals."""
    chosen = [(backbone, pool) for backbone, pools in found.items() for pool in pools]
    return max(chosen, key=lambda each: found[each[0]][each[1]]["val_accuracy"])


def verdict(found: dict[str, dict[Pool, Any]]) -> str:
    """One sentence: the best by validation, and what it changes on test images."""
    backbone, pool = best(found)
    said = f"best by validation is {backbone} with head.pool {pool}"
    if pool == TOP:
        return f"{said}, its top layer"
    return compare.verdict(
        f"{said}; against its top layer it changes accuracy", found[backbone][pool]["against_top"]["accuracy"]
    )


def table(found: dict[str, dict[Pool, Any]]) -> str:
    """A row a backbone and pooling, as Markdown."""
    lines = [
        "| backbone | head.pool | features | val accuracy | test accuracy | 95% interval | kappa | against its top layer |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for backbone, pools in found.items():
        for pool, each in pools.items():
            low, high = each["accuracy_interval"]
            lines.append(
                f"| {backbone} | {pool} | {each['width']} | {each['val_accuracy']:.3f} | {each['accuracy']:.3f} | {low:.3f}–{high:.3f} "
                f"| {each['kappa']:.3f} | {each['against_top']['accuracy']['difference']:+.3f} |"
            )
    return "\n".join(lines) + "\n"


def draw(found: dict[str, dict[Pool, Any]]) -> Figure:
    """Test accuracy with its interval, a group of lines a backbone."""
    names = [
        f"{backbone}: {POOLS[pool]} ({each['width']}; κ {each['kappa']:.2f})"
        for backbone, pools in found.items()
        for pool, each in pools.items()
    ]
    rows = [each for pools in found.values() for each in pools.values()]
    figure = figures.blank(9.4, 1.6 + 0.5 * len(rows))
    axes = figure.subplots()
    points, intervals = [each["accuracy"] for each in rows], [each["accuracy_interval"] for each in rows]
    figures.draw_intervals(axes, names, points, intervals, list(COLOURS) * len(found))
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="right")
    backbone, pool = best(found)
    figure.suptitle(f"Drawing style in a frozen backbone: best on val images {backbone}, {POOLS[pool]}", fontsize=11)
    figure.tight_layout()
    return figure


def main(
    dataset: Path = Path("data/dataset.parquet"),
    resized: Path = Path("data/resized"),
    mean: Path = Path("data/mean.npz"),
    weights: Path = Path("models/pretrained"),
    metrics: Path = Path("metrics/style.json"),
    markdown: Path = Path("metrics/style.md"),
    plot: Path = Path("plots/style.png"),
) -> None:
    """Compare what heads learn from a backbone's top layer and from its earlier ones."""
    settings = params.read(Params)
    for backbone in settings.style.backbones:
        trunk.check(backbone)
    runtime.start_keras(settings.runtime)
    rows, centre = read_table(dataset, DATASET), means.read(mean).image
    images = Resized(resized)
    found = {}
    for backbone in settings.style.backbones:
        found[backbone] = compared(pooled(backbone, rows, images, centre, weights, settings), rows, settings)
    sentence, (backbone, pool) = verdict(found), best(found)
    told = {"backbones": found, "best": {"backbone": backbone, "pool": pool}, "outcome": sentence}
    write_json(metrics, {**footing.about(settings, rows), **told})
    write_text(markdown, table(found))
    figures.save(draw(found), plot)
    log.info(sentence)


if __name__ == "__main__":
    run(main, "style")
