"""The change of each model's test accuracy between two commits, paired by title, from both commits' predictions.

Reads: data/predictions/ and data/best_predictions.parquet of both commits, from DVC's cache or its default remote
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.core import paths
from webtoon_genre.evaluation import bootstrap
from workflow.command import cached_files
from workflow.verify import Lock, outputs

ROW = ["title_id", "no", "genre"]  # a test image and its label
SEED = 77  # of the bootstrap


@dataclass(frozen=True)
class ModelChanges:
    """What two commits' predictions show. texts: by key of metrics/summary.json; lost: predictions that are not available."""

    texts: dict[str, str]
    lost: list[str]


def compare_models(before: Lock, after: Lock, base: str, head: str) -> ModelChanges:
    """Compare the models whose predictions differ between two commits and their dvc.lock files."""
    digests, others = prediction_digests(before), prediction_digests(after)
    files = [path for path in others if path in digests and digests[path] != others[path]]
    old, new = fetch_tables(files, base), fetch_tables(files, head)
    texts = {metrics_key(path): describe_change(old[path], new[path]) for path in files if path in old and path in new}
    lost = [
        f"{path} of {commit[:7]}"
        for path in files
        for commit, tables in ((base, old), (head, new))
        if path not in tables
    ]
    return ModelChanges(texts, lost)


def prediction_digests(lock: Lock) -> dict[str, str]:
    """Digests of all tables of predictions by path."""
    digests = {path: digest for stage in lock.values() for path, digest in outputs(stage).items()}
    return {path: digest for path, digest in digests.items() if metrics_key(path)}


def metrics_key(path: str) -> str:
    """The key in metrics/summary.json of the test accuracy of predictions in a file; empty for other files."""
    if Path(path) == paths.BEST_PREDICTIONS:
        return "finetuned.genre-classifier.test_accuracy"
    if Path(path) == paths.HISTOGRAM_PREDICTIONS:
        return "baselines.colour_histogram.test_accuracy"
    return f"backbones.{Path(path).stem}.test_accuracy" if Path(path).parent == paths.PREDICTIONS else ""


def fetch_tables(files: list[str], commit: str) -> dict[str, pd.DataFrame]:
    """Read those tables of predictions of a commit that DVC's cache or its default remote has."""
    return {path: pd.read_parquet(BytesIO(content)) for path, content in cached_files(commit, files).items()}


def describe_change(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """What the change of test accuracy shows, if both tables have the same test images with the same labels; else that they differ."""
    old, new = (table[table["split"] == "test"].set_index(ROW)["predicted"].sort_index() for table in (before, after))
    if not old.index.equals(new.index):
        both = len(old.index.intersection(new.index))
        return f"other test images or labels: {len(old):,} before, {len(new):,} after, {both:,} in both"
    titles, _, labels = (old.index.get_level_values(name) for name in ROW)
    genres = sorted({*labels, *old, *new})
    truth, predicted, reference = (pd.Index(genres).get_indexer(names) for names in (labels, new, old))
    generator = np.random.default_rng(SEED)
    change = bootstrap.paired_difference(truth, titles.to_numpy(), predicted[None], reference[None], genres, generator)
    return bootstrap.verdict(change["accuracy"])
