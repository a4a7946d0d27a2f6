"""What accuracy needs no network: always the largest genre, and a colour histogram with logistic regression.

Reads:  data/dataset.parquet, data/resized/; both baselines learn from train rows alone
Writes: metrics/baseline.json ({"majority": {"val": scores, "test": scores}, "colour_histogram": the same})
Params: baseline, runtime

The scores, and the rows they are of, are those of evaluate.
"""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_table
from webtoon_genre.evaluation.metrics import score_splits
from webtoon_genre.reproducibility import runtime
from webtoon_genre.reproducibility.runtime import Runtime

CHUNK = 128  # images in memory at once, about 100 MB while they are counted
ITERATIONS = 2000  # of the regression's solver, many more than it needs on standardised features
TOLERANCE = 1e-9  # of its gradient


class Baseline(params.Section):
    """params.yaml: baseline."""

    bins: int = Field(ge=2, le=16)
    c: float = Field(gt=0)


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    baseline: Baseline
    runtime: Runtime


def histograms(images: np.ndarray, bins: int) -> np.ndarray:
    """Joint colour histograms: uint8 (n, h, w, 3), RGB → float32 (n, bins³), square roots of each cell's share of the pixels.

    The root keeps one large plain area from hiding the rest; it is the Hellinger map (Arandjelović and Zisserman, 2012, "RootSIFT").
    """
    levels = images.astype(np.int64) * bins // 256  # (n, h, w, 3), 0..bins-1
    cells = (levels[..., 0] * bins + levels[..., 1]) * bins + levels[..., 2]  # (n, h, w)
    cells += np.arange(len(images))[:, None, None] * bins**3
    counts = np.bincount(cells.ravel(), minlength=len(images) * bins**3).reshape(len(images), bins**3)
    return np.sqrt(counts / cells[0].size).astype(np.float32)


def all_histograms(resized: ThumbnailStore, dataset: pd.DataFrame, bins: int) -> np.ndarray:
    """float32 (len(dataset), bins³), read a chunk at a time."""
    starts = range(0, len(dataset), CHUNK)
    chunks = (dataset.iloc[start : start + CHUNK] for start in starts)
    shown = track(chunks, len(starts), "histograms", "chunks")
    return np.concatenate([histograms(resized.take(chunk), bins) for chunk in shown])


def majority(labels: np.ndarray, rows: int, classes: int) -> np.ndarray:
    """float (rows, classes): for each row the genres' shares among the train `labels`, so the largest genre is predicted."""
    return np.tile(np.bincount(labels, minlength=classes) / len(labels), (rows, 1))


def regression(features: np.ndarray, labels: np.ndarray, asked: np.ndarray, classes: int, c: float) -> np.ndarray:
    """float (len(asked), classes): logistic regression fitted to `features` and `labels`; 0 for a class without train rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # float64 and a far smaller tolerance than the default: otherwise it stops where a machine's rounding has led it
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=ITERATIONS, tol=TOLERANCE))
    model.fit(features.astype(np.float64), labels)
    probabilities = np.zeros((len(asked), classes))
    probabilities[:, model.classes_] = model.predict_proba(asked)
    return probabilities


def compare(dataset: pd.DataFrame, features: np.ndarray, c: float, seed: int) -> dict[str, Any]:
    """Scores of both baselines; `features` float32 (len(dataset), …), row by row those of `dataset`."""
    genres = class_names(dataset)
    train = (dataset["split"] == "train").to_numpy()
    if dataset.loc[train, "label"].nunique() < 2:
        raise InputError(f"the train rows are of fewer than two of the genres {genres}; add to label.genres")
    labels, asked = dataset.loc[train, "label"].to_numpy(), dataset[~train]
    answers = {
        "majority": majority(labels, len(asked), len(genres)),
        "colour_histogram": regression(features[train], labels, features[~train], len(genres), c),
    }
    return {name: score_splits(asked, answer, genres, seed) for name, answer in answers.items()}


def main() -> None:
    """Score the baselines on the rows that the networks are scored on."""
    settings = params.read(Params)
    runtime.configure(settings.runtime)
    rows = read_table(paths.DATASET, DATASET)
    features = all_histograms(ThumbnailStore(paths.RESIZED), rows, settings.baseline.bins)
    write_json(paths.metrics("baseline"), compare(rows, features, settings.baseline.c, settings.runtime.seed))


if __name__ == "__main__":
    run(main, "baseline")
