"""Predictions of no model, and a DVC repository of two commits that hold some, for tests of the review."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tests.support.tiny_pipeline import Clone
from webtoon_genre.evaluation import bootstrap
from workflow.verify import outputs, parse_lock

GIT = "git -c user.name=t -c user.email=t@example.org"
SHARES = {  # of correct predictions in both commits, by model
    "better": (0.5, 0.9),
    "worse": (0.9, 0.5),
    "alike": (0.6, 0.62),
    "other_rows": (0.5, 0.9),
    "lost": (0.3, 0.4),
}


def predictions(right: float, titles: int = 20, images: int = 5, seed: int = 0) -> pd.DataFrame:
    """Predictions for `images` test images of each of `titles` titles, a share `right` of them correct, and for as many val images."""
    rows = 2 * titles * images
    genres = np.where(np.arange(rows) // images % 2, "comic", "daily")
    correct = np.random.default_rng(seed).random(rows) < right
    return pd.DataFrame(
        {
            "title_id": np.arange(rows) // images,
            "no": np.arange(rows) % images,
            "genre": genres,
            "split": np.where(np.arange(rows) < rows // 2, "test", "val"),
            "predicted": np.where(correct, genres, "drama"),
        }
    )


def review_repository(folder: Path) -> Clone:
    """Two commits whose models differ as SHARES tells; DVC's cache lacks the earlier predictions of `lost`."""
    (folder / "data/predictions").mkdir(parents=True)
    (folder / "metrics").mkdir()
    outs = ", ".join(f"data/predictions/{name}.parquet" for name in SHARES)
    metrics = "metrics: [{metrics/summary.json: {cache: false}}]"
    stage = f"cmd: exit, deps: [version], outs: [{outs}, data/best_predictions.parquet], {metrics}"
    (folder / "dvc.yaml").write_text(f"stages: {{train: {{{stage}}}}}\n")
    clone = Clone(folder)
    clone.type("git init -q -b main && dvc init -q")
    for side in (0, 1):
        write_version(folder, side)
        clone.type(f"dvc commit -q -f && git add -A && {GIT} commit -qm {side}")
        if side == 0:
            remove_from_cache(clone, "data/predictions/lost.parquet")
    return clone


def write_version(folder: Path, side: int) -> None:
    """Write the predictions of one of the two commits, and their metrics."""
    tables = {name: predictions(shares[side]) for name, shares in SHARES.items()}
    if side:
        tables["other_rows"] = tables["other_rows"].query("title_id > 1")
    for name, table in tables.items():
        table.to_parquet(folder / f"data/predictions/{name}.parquet")
    tables["better"].to_parquet(folder / "data/best_predictions.parquet")
    summary = {
        "backbones": {name: accuracy_metrics(table) for name, table in tables.items()},
        "baselines": {
            "majority": {"test_accuracy": 0.2 + 0.1 * side, "test_accuracy_interval": "[0.100, 0.400], 20 titles"}
        },
        "data": {"test_titles": 20, "thumbnails": 100 + side},
        "finetuned": {"genre-classifier": accuracy_metrics(tables["better"])},
        "leakage": bootstrap.change_metrics(
            "change", {"difference": 0.1 * side, "interval": [-0.1, 0.3], "titles": 20}
        ),
    }
    (folder / "metrics/summary.json").write_text(json.dumps(summary))
    (folder / "version").write_text(f"{side}\n")


def accuracy_metrics(table: pd.DataFrame) -> dict[str, object]:
    """The test accuracy of predictions in metrics/summary.json."""
    rows = table[table["split"] == "test"]
    hits, titles = (rows["genre"] == rows["predicted"]).to_numpy(), rows["title_id"].to_numpy()
    limits = bootstrap.accuracy_interval(hits, titles, np.random.default_rng(0))
    return bootstrap.value_metrics("test_accuracy", float(hits.mean()), limits, len(set(titles)))


def remove_from_cache(clone: Clone, path: str) -> None:
    """Remove a file of the last commit from DVC's cache."""
    digest = outputs(parse_lock((clone.folder / "dvc.lock").read_bytes())["train"])[path]
    (clone.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()
