"""A backbone beside the colour histogram, on the same test images, and on pictures by a vendor that neither has seen.

Reads:  data/dataset.parquet, data/resized/, data/predictions/BACKBONE.parquet; for pictures of another vendor data/raw/titles.parquet,
        models/trained/BACKBONE/ and the folder of these pictures with its manifest.csv: those of test titles are scored
Writes: metrics/study_scores.json ({"test": scores, "unseen": the same, or null})
Params: baseline, resize, runtime, seed
"""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
import typer
from pydantic import Field

from stages.baseline import Baseline, all_histograms, histograms, regression
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, read
from webtoon_genre.data.images import decode_rgb, fit_square
from webtoon_genre.data.resizing import ResizeParams
from webtoon_genre.data.tables import DATASET, TITLES, ThumbnailStore, class_names, read_table
from webtoon_genre.evaluation.bootstrap import paired_difference
from webtoon_genre.evaluation.metrics import predicted_labels, score_rows
from webtoon_genre.reproducibility.runtime import Runtime, start_keras
from webtoon_genre.training.classifier import load_classifier
from webtoon_genre.training.predictions import PREFIX, read_predictions


class Params(ParamsFile):
    """The keys of params.yaml that this module reads."""

    baseline: Baseline
    resize: ResizeParams
    runtime: Runtime
    seed: int = Field(ge=0)


class Sample(NamedTuple):
    """Images to score: labels and titles, int (n,), colour histograms, float32 (n, bins³), and the backbone's probabilities, (n, k)."""

    labels: np.ndarray
    titles: np.ndarray
    histograms: np.ndarray
    probabilities: np.ndarray


def test_sample(dataset: pd.DataFrame, features: np.ndarray, predictions: pd.DataFrame) -> Sample:
    """The test images; `features` are the histograms of the dataset's rows."""
    keys, test = ["title_id", "no", "label"], (dataset["split"] == "test").to_numpy()
    rows = dataset.loc[test, keys].merge(predictions, "left", keys, validate="one_to_one")
    columns = [f"{PREFIX}{genre}" for genre in class_names(dataset)]
    return Sample(rows["label"].to_numpy(), rows["title_id"].to_numpy(), features[test], rows[columns].to_numpy())


def unseen_rows(folder: Path, dataset: pd.DataFrame, titles: pd.DataFrame) -> pd.DataFrame:
    """The pictures of `folder` whose titles are test titles of the dataset: columns path, title_id and label."""
    pictures = pd.read_csv(folder / "manifest.csv", keep_default_na=False, dtype=str)
    pictures["genre"] = pictures["path"].str.partition("/")[0]
    test = dataset.loc[dataset["split"] == "test", ["title_id", "genre", "label"]].drop_duplicates()
    named = pictures.merge(titles[["title", "title_id"]], on="title")
    return named.merge(test, on=["title_id", "genre"])[["path", "title_id", "label"]]


def read_images(folder: Path, names: pd.Series, params: ResizeParams) -> np.ndarray:
    """Pictures as the stage `resize` decodes and fits them: uint8 (n, side, side, 3), RGB."""
    images = [decode_rgb((folder / name).read_bytes(), name, params.max_pixels) for name in names]
    return np.stack([fit_square(image, params.side, params.interpolation) for image in images])


def unseen_sample(folder: Path, dataset: pd.DataFrame, backbone: str, params: Params) -> Sample:
    """The unseen vendor's pictures of test titles."""
    rows = unseen_rows(folder, dataset, read_table(paths.TITLES, TITLES))
    images = read_images(folder, rows["path"], params.resize)
    start_keras(params.runtime)
    probabilities = load_classifier(paths.model(backbone)).predict(images, "unseen vendor")
    colours = histograms(images, params.baseline.bins)
    return Sample(rows["label"].to_numpy(), rows["title_id"].to_numpy(), colours, probabilities)


def compare(sample: Sample, colour: np.ndarray, genres: list[str], seed: int) -> dict[str, Any]:
    """Scores of the backbone and of the colour histogram, whose probabilities are `colour`, and their difference, paired by title."""
    labels, titles = sample.labels, sample.titles
    models = {"backbone": sample.probabilities, "colour_histogram": colour}
    scores = {
        name: score_rows(labels, values, titles, genres, np.random.default_rng(seed)) for name, values in models.items()
    }
    model, reference = (predicted_labels(values)[None] for values in models.values())
    change = paired_difference(labels, titles, model, reference, genres, np.random.default_rng(seed))
    return {**scores, "difference": change["accuracy"]}


def main(
    backbone: str,
    unseen: Annotated[Path | None, typer.Option(help="a folder of pictures by a vendor that the dataset lacks")] = None,
) -> None:
    """Score BACKBONE and the colour histogram on test images, and on the pictures in --unseen."""
    params, dataset = read(Params), read_table(paths.DATASET, DATASET)
    genres, train = class_names(dataset), (dataset["split"] == "train").to_numpy()
    features = all_histograms(ThumbnailStore(paths.RESIZED), dataset, params.baseline.bins)
    samples = {"test": test_sample(dataset, features, read_predictions(paths.predictions(backbone)))}
    if unseen is not None:
        samples["unseen"] = unseen_sample(unseen, dataset, backbone, params)
    labels, scores = dataset.loc[train, "label"].to_numpy(), {}
    for name, sample in samples.items():
        colour = regression(features[train], labels, sample.histograms, len(genres), params.baseline.c)
        scores[name] = compare(sample, colour, genres, params.seed)
    write_json(paths.metrics("study_scores"), scores)


if __name__ == "__main__":
    run(main, "study_scores", package="bench")
