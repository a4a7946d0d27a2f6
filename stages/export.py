"""The model handed on as a folder for other programs: ONNX, calibrated probabilities, the train titles in style space.

Reads:  models/classifier/, data/best_predictions.parquet, data/best_style.npy, data/dataset.parquet, data/raw/titles.parquet,
        data/resized/
Writes: models/best/ (the DVC artifact genre-classifier): the files of models/classifier, config.json with the keys of InferenceConfig
        (webtoon_genre/inference/model_info.py) added, model.onnx (training/export.py), titles.npz (inference/titles.py),
        images.npz (inference/references.py), head.npz (inference/head.py);
        metrics/export.json (temperature, log loss on val and test images before and after, unlike_distance and the share of images
        beyond it, titles with an example, how often a picture finds its own title)
Params: export, crawl.source, resize.interpolation, resize.max_pixels, seed, runtime

Temperature and distance are fitted on validation images. Small examples of the train titles are in titles.npz where the source's
pictures may be passed on: the demo site's, a folder's where export.folder_examples is true, never Naver's.
"""

import json
import logging
import shutil
from typing import Any, Literal

import cv2
import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import model_files, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import replacing_folder, write_json
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.data.images import Interpolation
from webtoon_genre.data.tables import DATASET, TITLES, ThumbnailStore, read_table
from webtoon_genre.evaluation import bootstrap, temperature
from webtoon_genre.evaluation.metrics import log_loss
from webtoon_genre.inference.archives import save_archive
from webtoon_genre.inference.genre_names import names_of
from webtoon_genre.inference.model_info import ResizeRule
from webtoon_genre.inference.references import ReferenceImages
from webtoon_genre.inference.titles import TitleIndex, pairwise_distances
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.classifier import load_classifier
from webtoon_genre.training.export import export_onnx, head_weights
from webtoon_genre.training.predictions import (
    class_names,
    fit_temperature,
    probabilities,
    read_predictions,
    score_table,
)

EXAMPLE = 56  # pixels of an example's side
FAR = 0.99  # quantile of the distances of validation images
SPLITS = ("val", "test")
MOST = 300  # images of a label, of train and of held-out titles, that pictures are compared with
RANKS = (1, 5)
log = logging.getLogger(__name__)


class Export(Section):
    """params.yaml: export."""

    folder_examples: bool


class Crawl(SharedKeys):
    """params.yaml: crawl, the key that this stage shares."""

    source: Literal["demo", "naver", "folder"]


class Resize(SharedKeys):
    """params.yaml: resize, the keys that this stage shares."""

    interpolation: Interpolation
    max_pixels: int


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    export: Export
    crawl: Crawl
    resize: Resize
    seed: int = Field(ge=0)
    runtime: Runtime

    @property
    def has_examples(self) -> bool:
        """Whether the source's pictures may be passed on."""
        return {"demo": True, "naver": False, "folder": self.export.folder_examples}[self.crawl.source]


def index_titles(
    dataset: pd.DataFrame, style: np.ndarray, names: pd.Series, images: ThumbnailStore | None
) -> TitleIndex:
    """The train titles in style space, by title_id; images: of the examples, None for none. names: titles by title_id."""
    train = np.flatnonzero(dataset["split"] == "train")
    vectors = style[train].astype(np.float64)
    mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
    rows = dataset.iloc[train].reset_index(drop=True)
    firsts = rows.drop_duplicates("title_id").sort_values("title_id")
    means = np.stack([vectors[rows["title_id"] == title_id].mean(axis=0) for title_id in firsts["title_id"]])
    genres = rows.groupby("title_id")["genre"].unique().map(" ".join)
    index = TitleIndex(
        mean=mean.astype(np.float32),
        deviation=deviation.astype(np.float32),
        vectors=means.astype(np.float32),
        title_ids=firsts["title_id"].to_numpy(np.int64),
        titles=np.array([names.get(title_id, str(title_id)) for title_id in firsts["title_id"]], dtype=str),
        genres=genres.loc[firsts["title_id"]].to_numpy(dtype=str),
        examples=np.zeros((0, EXAMPLE, EXAMPLE, 3), np.uint8) if images is None else examples(images.take(firsts)),
    )
    return TitleIndex(**{**vars(index), "vectors": index.standardise(index.vectors)})


def own_title_recall(dataset: pd.DataFrame, style: np.ndarray, index: TitleIndex, seed: int) -> dict[str, Any]:
    """How often the last image of a train title finds this title, from its other images, first, and among the first five.

    style: float32 (n, width), of the rows of the dataset. Titles with one image are in the index and are not searched.
    """
    train = np.flatnonzero(dataset["split"] == "train")
    rows = dataset.iloc[train].reset_index(drop=True)
    points = index.standardise(style[train])
    position = pd.Index(index.title_ids).get_indexer(rows["title_id"])
    counts = np.bincount(position, minlength=len(index.vectors))
    sums = np.zeros_like(index.vectors, dtype=np.float64)
    np.add.at(sums, position, points)
    last = rows.groupby("title_id")["no"].idxmax().to_numpy()
    queries = last[counts[position[last]] > 1]
    titles, ranks = position[queries], []
    distances = pairwise_distances(points[queries], index.vectors)
    for number, (query, title) in enumerate(zip(queries, titles, strict=True)):
        others = ((sums[title] - points[query]) / (counts[title] - 1)).astype(np.float32)
        distance = pairwise_distances(points[query : query + 1], others[None])[0, 0]
        ranks.append((np.delete(distances[number], title) < distance).sum())
    recalls: dict[str, Any] = {}
    for first in RANKS:
        hits = np.array(ranks) < first
        limits = bootstrap.accuracy_interval(hits, titles, np.random.default_rng(seed)) if len(hits) else [0.0, 0.0]
        recalls[f"recall_at_{first}"] = float(hits.mean()) if len(hits) else 0.0
        recalls[f"recall_at_{first}_interval"] = limits
    return {**recalls, "titles_searched": len(queries), "titles": len(index.titles)}


def unlike_share(
    dataset: pd.DataFrame, style: np.ndarray, index: TitleIndex, limit: float, seed: int
) -> dict[str, dict[str, Any]]:
    """By split, the share of images whose style is farther than `limit` from every train title, with its interval over titles.

    style: float32 (n, width), of the rows of the dataset.
    """
    shares = {}
    for split in SPLITS:
        rows = (dataset["split"] == split).to_numpy()
        groups, unlike = dataset["group"].to_numpy()[rows], index.distances(style[rows]).min(axis=1) > limit
        limits = bootstrap.accuracy_interval(unlike, groups, np.random.default_rng(seed))
        shares[split] = {"share": float(unlike.mean()), "share_interval": limits, "titles": len(np.unique(groups))}
    return shares


def reference_images(
    dataset: pd.DataFrame, table: pd.DataFrame, style: np.ndarray, index: TitleIndex
) -> ReferenceImages:
    """At most MOST images of each label among train and among held-out rows, spread over titles. table: predictions of held-out rows."""
    held_out = (dataset["split"] != "train").to_numpy()
    turn = dataset.groupby(["title_id", "label"]).cumcount()  # each title's first image, then each title's second one
    order = dataset.assign(held_out=held_out, turn=turn).sort_values(
        ["label", "held_out", "turn", "title_id"], kind="stable"
    )
    rows = np.sort(order.groupby(["label", "held_out"]).head(MOST).index.to_numpy())
    predicted = np.zeros((len(dataset), len(class_names(table))), np.float32)
    predicted[held_out] = probabilities(table)
    return ReferenceImages(
        vectors=index.standardise(style[rows]).astype(np.float16),
        title_ids=dataset["title_id"].to_numpy(np.int64)[rows],
        labels=dataset["label"].to_numpy(np.int64)[rows],
        held_out=held_out[rows],
        probabilities=predicted[rows],
    )


def examples(pixels: np.ndarray) -> np.ndarray:
    """uint8 (n, side, side, 3) → uint8 (n, EXAMPLE, EXAMPLE, 3)."""
    return np.stack([cv2.resize(image, (EXAMPLE, EXAMPLE), interpolation=cv2.INTER_AREA) for image in pixels])


def calibrate(table: pd.DataFrame) -> tuple[float, dict[str, dict[str, float]]]:
    """The temperature that fits the val rows of a table of predictions, and the log loss of each split before and after."""
    labels, values = table["label"].to_numpy(np.int64), probabilities(table)
    rows = {split: np.flatnonzero(table["split"] == split) for split in SPLITS}
    fitted = fit_temperature(table)
    scaled = temperature.scale(values, fitted)
    losses = {
        split: {
            name: log_loss(labels[chosen], array[chosen])
            for name, array in (("log_loss_before", values), ("log_loss", scaled))
        }
        for split, chosen in rows.items()
    }
    return fitted, losses


def main() -> None:
    """Export the model handed on."""
    params = read(Params)
    dataset = read_table(paths.DATASET, DATASET)
    table = read_predictions(paths.BEST_PREDICTIONS, "finetune")
    style = np.load(paths.BEST_STYLE)
    names = read_table(paths.TITLES, TITLES).set_index("title_id")["title"]
    images = ThumbnailStore(paths.RESIZED) if params.has_examples else None
    index = index_titles(dataset, style, names, images)
    fitted, losses = calibrate(table)
    nearest = index.distances(style[dataset["split"] == "val"]).min(axis=1)
    unlike = round(float(np.quantile(nearest, FAR)), 4)
    start_keras(params.runtime)
    classifier = load_classifier(paths.CLASSIFIER)
    scores = score_table(table, params.seed)
    added: dict[str, Any] = {
        "names": {genre: names_of(genre) for genre in classifier.classes},
        "resize": ResizeRule(
            interpolation=params.resize.interpolation, max_pixels=params.resize.max_pixels
        ).model_dump(),
        "temperature": fitted,
        "unlike_distance": unlike,
        "scores": {
            split: {name: scores[split][name] for name in ("accuracy", "accuracy_interval", "groups")}
            for split in SPLITS
        },
    }
    with replacing_folder(paths.BEST) as folder:
        shutil.copytree(paths.CLASSIFIER, folder, dirs_exist_ok=True)
        write_json(
            folder / model_files.CONFIG, json.loads((folder / model_files.CONFIG).read_text(encoding="utf-8")) | added
        )
        save_archive(index, folder / model_files.TITLES)
        save_archive(reference_images(dataset, table, style, index), folder / model_files.IMAGES)
        save_archive(head_weights(classifier), folder / model_files.HEAD)
        export_onnx(classifier, folder / model_files.MODEL)
    write_json(
        paths.metrics("export"),
        {"temperature": fitted, "unlike_distance": unlike, "titles": len(index.titles), "examples": len(index.examples)}
        | losses
        | {
            "own_title": own_title_recall(dataset, style, index, params.seed),
            "unlike": unlike_share(dataset, style, index, unlike, params.seed),
        },
    )
    before, after = (losses["test"][name] for name in ("log_loss_before", "log_loss"))
    log.info(f"temperature {fitted:g}; log loss on test images {after:.3f}, {before:.3f} without it")


if __name__ == "__main__":
    run(main, "export")
