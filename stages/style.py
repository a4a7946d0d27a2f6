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

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_json, write_text
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, Probe, ProbeTask
from webtoon_genre.features.backbone import (
    Pool,
    Preprocess,
    build_multi_extractor,
    calibrate,
    check_backbone,
    preprocess_images,
)
from webtoon_genre.features.extraction import calibration_rows, extract_features
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime

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


class Train(params.SharedKeys):
    """What is shared of params.yaml: train."""

    preprocess: Preprocess


class Pretrained(params.SharedKeys):
    """What is shared of params.yaml: pretrained."""

    weights: str


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    style: Style
    features: Features
    train: Train
    pretrained: Pretrained


def pooled(
    backbone: str, rows: pd.DataFrame, images: ThumbnailStore, centre: np.ndarray, weights: Path, settings: Params
) -> dict[Pool, np.ndarray]:
    """Features of all rows by pooling, float32 (n, width)."""
    preprocess = settings.train.preprocess
    body = build_multi_extractor(backbone, len(centre), list(POOLS), preprocess, weights / f"{backbone}.weights.h5")
    body.jit_compile = settings.runtime.xla
    if settings.pretrained.weights == "random":
        shown = images.take(calibration_rows(rows, settings.features.calibration_images))
        calibrate(body, preprocess_images(shown.astype(np.float32) - centre, backbone, preprocess))
    tables = [np.empty((len(rows), shape[-1]), np.float32) for shape in body.output_shape]
    extract_features(body, images, rows, centre, tables, settings.features.batch, backbone)
    return dict(zip(POOLS, tables, strict=True))


def compared(features: dict[Pool, np.ndarray], rows: pd.DataFrame, settings: Params) -> dict[Pool, Any]:
    """Scores of heads on each pooling, and how they differ from those on the top layer."""
    tasks = {pool: probe.probe_task(rows, table, class_names(rows)) for pool, table in features.items()}
    answers = {pool: Probe(settings).answers(task) for pool, task in tasks.items()}
    seed = settings.runtime.seed
    return {
        pool: probe.scores_with_chance(task, answers[pool].test, seed)
        | {
            "width": task.features.shape[1],
            "val_accuracy": val_accuracy(task, answers[pool]),
            "against_top": against(task, answers[pool], answers[TOP], seed),
        }
        for pool, task in tasks.items()
    }


def val_accuracy(task: ProbeTask, answers: Predictions) -> float:
    """Over all seeds."""
    return float((predicted_labels(answers.val) == task.labels[task.val]).mean())


def against(task: ProbeTask, one: Predictions, other: Predictions, seed: int) -> dict[str, Any]:
    """How much better `one` is than `other` on the test rows: accuracy and balanced accuracy."""
    labels, groups = task.labels[task.test], task.groups[task.test]
    mine, theirs = predicted_labels(one.test), predicted_labels(other.test)
    found = bootstrap.paired_difference(labels, groups, mine, theirs, task.classes, np.random.default_rng(seed))
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
    return bootstrap.conclusion(
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
    figure = figures.new_figure(9.4, 1.6 + 0.5 * len(rows))
    axes = figure.subplots()
    points, intervals = [each["accuracy"] for each in rows], [each["accuracy_interval"] for each in rows]
    figures.draw_intervals(axes, names, points, intervals, list(COLOURS) * len(found))
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="right")
    backbone, pool = best(found)
    figure.suptitle(f"Drawing style in a frozen backbone: best on val images {backbone}, {POOLS[pool]}", fontsize=11)
    figure.tight_layout()
    return figure


def main() -> None:
    """Compare what heads learn from a backbone's top layer and from its earlier ones."""
    settings = params.read(Params)
    for backbone in settings.style.backbones:
        check_backbone(backbone)
    runtime.start_keras(settings.runtime)
    rows, centre = read_table(paths.DATASET, DATASET), read_mean_image(paths.MEAN).image
    images = ThumbnailStore(paths.RESIZED)
    found = {}
    for backbone in settings.style.backbones:
        found[backbone] = compared(pooled(backbone, rows, images, centre, paths.PRETRAINED, settings), rows, settings)
    sentence, (backbone, pool) = verdict(found), best(found)
    told = {"backbones": found, "best": {"backbone": backbone, "pool": pool}, "outcome": sentence}
    write_json(paths.metrics("style"), {**probe.probe_settings(settings, rows), **told})
    write_text(paths.table("style"), table(found))
    figures.save(draw(found), paths.plot("style"))
    log.info(sentence)


if __name__ == "__main__":
    run(main, "style")
