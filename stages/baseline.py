"""Baselines without a network: the largest genre for every image, and logistic regression on colour histograms.

Reads:  data/dataset.parquet, data/resized/; both baselines are fitted to train rows only
Writes: metrics/baseline.json ({"majority": {"val": scores, "test": scores, "test_detail": as in evaluate}, "colour_histogram": the same}),
        data/predictions/colour_histogram.parquet (as those of `train`)
Params: baseline, runtime, seed

Scores and scored rows are the same as in evaluate.
"""

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.core.progress import track
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_table
from webtoon_genre.reproducibility.runtime import Runtime, configure
from webtoon_genre.training.predictions import detail_table, prediction_table, score_table, write_predictions

CHUNK = 128  # images in memory at once, about 100 MB during counting
ITERATIONS = 2000  # of the regression's solver, many more than it needs on standardised features
TOLERANCE = 1e-9  # of its gradient
DECIMALS = 4  # of its probabilities, which machines compute with other last bits


class Baseline(Section):
    """params.yaml: baseline."""

    bins: int = Field(ge=2, le=16)
    c: float = Field(gt=0)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    baseline: Baseline
    runtime: Runtime
    seed: int = Field(ge=0)


def histograms(images: np.ndarray, bins: int) -> np.ndarray:
    """Compute joint colour histograms of uint8 (n, h, w, 3), RGB: float32 (n, bins³), square roots of each bin's share of the pixels.

    The root reduces the weight of large plain areas; it is the Hellinger map (Arandjelović and Zisserman, 2012, "RootSIFT").
    """
    levels = images.astype(np.int64) * bins // 256  # (n, h, w, 3), 0..bins-1
    codes = (levels[..., 0] * bins + levels[..., 1]) * bins + levels[..., 2]  # (n, h, w)
    codes += np.arange(len(images))[:, None, None] * bins**3
    counts = np.bincount(codes.ravel(), minlength=len(images) * bins**3).reshape(len(images), bins**3)
    return np.sqrt(counts / codes[0].size).astype(np.float32)


def all_histograms(thumbnails: ThumbnailStore, dataset: pd.DataFrame, bins: int) -> np.ndarray:
    """Compute the histograms of all rows, float32 (len(dataset), bins³), in chunks."""
    starts = range(0, len(dataset), CHUNK)
    chunks = (dataset.iloc[start : start + CHUNK] for start in starts)
    tracked = track(chunks, len(starts), "histograms", "chunks")
    return np.concatenate([histograms(thumbnails.take(chunk), bins) for chunk in tracked])


def majority(labels: np.ndarray, rows: int, classes: int) -> np.ndarray:
    """Return the genres' shares among the train `labels` for every row, float (rows, classes); the largest genre is predicted."""
    return np.tile(np.bincount(labels, minlength=classes) / len(labels), (rows, 1))


def regression(features: np.ndarray, labels: np.ndarray, queries: np.ndarray, classes: int, c: float) -> np.ndarray:
    """Fit logistic regression; return probabilities of `queries`, float (len(queries), classes), 0 for a class without train rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # float64 and a far smaller tolerance than the default, so that the solution does not depend on a machine's rounding
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=ITERATIONS, tol=TOLERANCE))
    model.fit(features.astype(np.float64), labels)
    probabilities = np.zeros((len(queries), classes))
    probabilities[:, model.classes_] = model.predict_proba(queries)
    return probabilities


def predict(dataset: pd.DataFrame, features: np.ndarray, c: float) -> dict[str, pd.DataFrame]:
    """Tables of the predictions of both baselines; `features` float32 (len(dataset), …), row i of the dataset's row i."""
    genres = class_names(dataset)
    train = (dataset["split"] == "train").to_numpy()
    if dataset.loc[train, "label"].nunique() < 2:
        raise InputError(f"the train rows are of fewer than two of the genres {genres}; add to label.genres")
    labels, rows = dataset.loc[train, "label"].to_numpy(), dataset[~train]
    probabilities = {
        "majority": majority(labels, len(rows), len(genres)),
        "colour_histogram": regression(features[train], labels, features[~train], len(genres), c).round(DECIMALS),
    }
    return {name: prediction_table(rows, values, genres) for name, values in probabilities.items()}


def main() -> None:
    """Score the baselines on the same rows as the networks."""
    params = read(Params)
    configure(params.runtime)
    rows = read_table(paths.DATASET, DATASET)
    features = all_histograms(ThumbnailStore(paths.RESIZED), rows, params.baseline.bins)
    tables = predict(rows, features, params.baseline.c)
    write_predictions(tables["colour_histogram"], paths.HISTOGRAM_PREDICTIONS)
    scores = {
        name: {**score_table(table, params.seed), "test_detail": detail_table(table, params.seed)}
        for name, table in tables.items()
    }
    write_json(paths.metrics("baseline"), scores)


if __name__ == "__main__":
    run(main, "baseline")
