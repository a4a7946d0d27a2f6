"""Where a frozen backbone represents drawing style: in its top layer, or in statistics of its early and middle layers.

Reads:  data/dataset.parquet, data/resized/, data/mean.npz, models/pretrained/BACKBONE.weights.h5 (the first of train.backbones)
Writes: metrics/style.json, metrics/style.md (a table), plots/style.png
Params: experiments, head but its units, features, train.preprocess, pretrained.weights, runtime, seed

Three poolings, each an option of `head.pool`: the average of the top layer, channel means and deviations of early and middle layers,
and products of their channels (Gram). The images pass the backbone once; the same heads are trained on each pooling, over several
seeds. Random weights are calibrated on train images first.
"""

from typing import Any

import numpy as np
import pandas as pd

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_text
from webtoon_genre.core.params import SharedKeys
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe, score_rows
from webtoon_genre.experiments.probe import Backbones, ExperimentData, ExperimentParams, Predictions, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe
from webtoon_genre.experiments.score_rows import accuracy_row
from webtoon_genre.features.backbone import Preprocess, build_multi_extractor, check_backbone, preprocess_images
from webtoon_genre.features.calibration import calibrate, calibration_rows
from webtoon_genre.features.engine import EngineParams, compile_extractor
from webtoon_genre.features.extraction import extract_features
from webtoon_genre.features.pooling import Pool
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.plotting.intervals import draw_intervals, show_range

TOP: Pool = "average"
POOLS: dict[Pool, str] = {
    TOP: "top layer",
    "style": "channel means and deviations",
    "gram": "Gram: products of channels",
}
CAPTION = f"{score_rows.CAPTION}\nκ: Cohen's kappa; 0 is chance, 1 is all right"


class Train(Backbones):
    """The shared keys of params.yaml: train."""

    preprocess: Preprocess


class Pretrained(SharedKeys):
    """The shared keys of params.yaml: pretrained."""

    weights: str


class Params(EngineParams, ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = (
        "Where does a frozen backbone represent drawing style: in its top layer, or in statistics of earlier layers?"
    )

    train: Train
    pretrained: Pretrained


def check(data: ExperimentData[Params]) -> None:
    """Raise InputError for a backbone that does not exist."""
    check_backbone(data.params.backbone)


def pool_features(
    rows: pd.DataFrame, images: ThumbnailStore, mean: np.ndarray, params: Params
) -> dict[Pool, np.ndarray]:
    """Features of all rows by pooling, float32 (n, width)."""
    backbone, preprocess = params.backbone, params.train.preprocess
    extractor = build_multi_extractor(backbone, len(mean), list(POOLS), preprocess, paths.pretrained(backbone))
    if params.pretrained.weights == "random":
        pixels = images.take(calibration_rows(rows, params.features.calibration_images))
        calibrate(extractor, preprocess_images(pixels.astype(np.float32) - mean, backbone, preprocess))
    outs = [np.empty((len(rows), shape[-1]), np.float32) for shape in extractor.output_shape]
    extract_features(
        compile_extractor(extractor, params.features.engine, params.runtime),
        images,
        rows,
        mean,
        outs,
        params.features.batch,
        backbone,
    )
    return dict(zip(POOLS, outs, strict=True))


def compare_pools(features: dict[Pool, np.ndarray], data: ExperimentData[Params]) -> dict[Pool, Any]:
    """Scores of heads on each pooling, and the change from heads on the top layer."""
    params = data.params
    tasks = {pool: probe.probe_task(data.dataset, table, data.genres) for pool, table in features.items()}
    predictions = {pool: Probe(params).fit_predict(task) for pool, task in tasks.items()}
    return {
        pool: probe.scores_with_chance(task, predictions[pool].test, params.seed)
        | val_scores(task, predictions[pool], params.seed)
        | {
            "width": task.features.shape[1],
            "against_top": change(task, predictions[pool], predictions[TOP], params.seed),
        }
        for pool, task in tasks.items()
    }


def val_scores(task: ProbeTask, predictions: Predictions, seed: int) -> dict[str, Any]:
    """Validation accuracy, averaged over seeds, with its interval and the number of titles."""
    hits, groups = (predicted_labels(predictions.val) == task.labels[task.val]).mean(axis=0), task.groups[task.val]
    return {
        "val_accuracy": float(hits.mean()),
        "val_accuracy_interval": bootstrap.accuracy_interval(hits, groups, np.random.default_rng(seed)),
        "val_titles": len(np.unique(groups)),
    }


def change(task: ProbeTask, predictions: Predictions, baseline: Predictions, seed: int) -> dict[str, Any]:
    """The differences in test accuracy and balanced accuracy between two sets of heads, and their intervals."""
    changes = probe.compare(task, predictions.test, baseline.test, seed)
    return {measure: changes[measure] for measure in ("accuracy", "balanced_accuracy")}


def best_pool(scores: dict[Pool, Any]) -> Pool:
    """The pooling with the highest validation accuracy, the first of ties."""
    return max(scores, key=lambda pool: scores[pool]["val_accuracy"])


def summarise(scores: dict[Pool, Any]) -> dict[str, Any]:
    """The change of test accuracy from the top layer to the best pooling on validation images; nothing if that is the top layer."""
    pool = best_pool(scores)
    return {} if pool == TOP else bootstrap.change_metrics("best_pool_change", scores[pool]["against_top"]["accuracy"])


def outcome(backbone: str, scores: dict[Pool, Any]) -> str:
    """One sentence: the best pooling on validation images, and its change of test accuracy from the top layer."""
    pool = best_pool(scores)
    choice = f"{best_in_words(scores)} is {backbone} with head.pool {pool}"
    if pool == TOP:
        return f"{choice}, its top layer"
    return bootstrap.conclusion(
        f"{choice}; test accuracy against its top layer", scores[pool]["against_top"]["accuracy"]
    )


def best_in_words(scores: dict[Pool, Any]) -> str:
    """Introduce the best pooling, as far as validation images tell."""
    titles = scores[TOP]["val_titles"]
    if bootstrap.is_enough(titles):
        return "best on validation images"
    return f"{bootstrap.too_few(titles, noun='validation titles')} which pooling is best; highest on their images"


def table(backbone: str, scores: dict[Pool, Any]) -> str:
    """A row for each pooling, as Markdown."""
    lines = [
        "| backbone | head.pool | features | validation accuracy | test accuracy | test accuracy against its top layer |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for pool, values in scores.items():
        val = bootstrap.format_value(values["val_accuracy"], values["val_accuracy_interval"], values["val_titles"])
        test = bootstrap.format_value(values["accuracy"], values["accuracy_interval"], values["groups"])
        change = "" if pool == TOP else bootstrap.verdict(values["against_top"]["accuracy"])
        lines.append(f"| {backbone} | {pool} | {values['width']} | {val} | {test} | {change} |")
    return "\n".join([*lines, "", "In brackets: 95% intervals, whole titles resampled."]) + "\n"


def draw(backbone: str, scores: dict[Pool, Any]) -> Figure:
    """Draw test accuracy with its interval, a line for each pooling."""
    rows = [
        accuracy_row(
            f"{POOLS[pool]} ({values['width']} features)",
            values,
            figures.GREY if pool == TOP else figures.BLUE,
            f"; κ {values['kappa']:.2f}",
        )
        for pool, values in scores.items()
    ]
    figure = figures.new_figure(10.4, 0.7 + 0.36 * len(rows))
    axes = figure.subplots()
    draw_intervals(axes, rows)
    show_range(axes, *(row.interval for row in rows))
    note = bootstrap.few_titles_note(values["groups"] for values in scores.values())
    figures.lay_out(figure, headline(backbone, scores), CAPTION + note)
    return figure


def headline(backbone: str, scores: dict[Pool, Any]) -> str:
    """The figure's message: the pooling that validation images choose, against the top layer."""
    pool = best_pool(scores)
    if pool == TOP:
        return f"Drawing style in the frozen {backbone}: {best_in_words(scores)} is its top layer"
    return bootstrap.conclusion(
        f"Frozen {backbone}, {POOLS[pool]} against the top layer", scores[pool]["against_top"]["accuracy"]
    )


def main() -> None:
    """Compare heads on a backbone's top layer and on its earlier layers."""
    data = probe.load(Params, check)
    backbone = data.params.backbone
    images, mean = ThumbnailStore(paths.RESIZED), read_mean_image(paths.MEAN).image
    scores = compare_pools(pool_features(data.dataset, images, mean, data.params), data)
    metrics = {"backbones": {backbone: scores}, "best": {"backbone": backbone, "pool": best_pool(scores)}}
    probe.write("style", data, metrics, summarise(scores), outcome(backbone, scores))
    write_text(paths.table("style"), table(backbone, scores))
    figures.save(draw(backbone, scores), paths.plot("style"))


if __name__ == "__main__":
    run(main, "style")
