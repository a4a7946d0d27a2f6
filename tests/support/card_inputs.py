"""Everything that the stage `cards` reads, drawn for any labels: tables, thumbnails, a model's config, metrics."""

import datetime
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa

from webtoon_genre.core import paths
from webtoon_genre.data.tables import DATASET, EPISODES, SHARED, TITLES, write_table
from webtoon_genre.evaluation.detailed_scores import detailed_scores

SPLITS = ("train", "train", "train", "val", "test")
PICTURES = pa.schema([("no", pa.int32()), ("image", pa.binary()), ("thumbnail_url", pa.string())])
SHARED_PICTURES = pa.schema([("title_id", pa.int64()), *PICTURES])
GENRES = ("daily", "comic", "fantasy")
CHANGE = {"difference": 0.05, "interval": [-0.02, 0.12], "titles": 12}


def write_inputs(labels: list[str], source: str = "folder", shared: bool = False) -> pd.DataFrame:
    """Write all inputs below the working directory: five titles a label, two pictures a title; shared: small titles share a file.

    Predictions are right for all labels but the last one. Returns the dataset.
    """
    dataset = draw_dataset(labels)
    write_table(dataset, DATASET, paths.DATASET)
    titles = dataset.drop_duplicates("title_id")
    rows = [
        title_row(title_id, genre, source) for title_id, genre in zip(titles["title_id"], titles["genre"], strict=True)
    ]
    write_table(pd.DataFrame(rows), TITLES, paths.TITLES)
    write_pictures(dataset, source, shared)
    write_json(paths.BEST / "config.json", config(labels))
    for stage, content in metrics(dataset, labels, source).items():
        write_json(paths.metrics(stage), content)
    return dataset


def draw_dataset(labels: list[str]) -> pd.DataFrame:
    """Five titles a label, of all splits, with two pictures each."""
    rows = [
        (100 * label + number, no, name, label, split, 100 * label + number)
        for label, name in enumerate(labels)
        for number, split in enumerate(SPLITS, start=1)
        for no in (1, 2)
    ]
    return pd.DataFrame(rows, columns=DATASET.names)


def title_row(title_id: int, genre: str, source: str) -> dict:
    """A row of titles.parquet."""
    known = {"title_id": title_id, "title": f"title {title_id}", "authors": ["A"], "genres": [genre], "source": source}
    return {**known, "star_score": None if source == "folder" else 9.5, "adult": False, "finished": None}


def write_pictures(dataset: pd.DataFrame, source: str, shared: bool) -> None:
    """data/raw/thumbnails and data/raw/episodes.parquet; a picture is 8 × 6 pixels of one colour."""
    rows = []
    for row in dataset.itertuples():
        image = cv2.imencode(".png", np.full((6, 8, 3), row.label * 10, np.uint8))[1].tobytes()
        rows.append(
            {"title_id": row.title_id, "no": row.no, "image": image, "thumbnail_url": f"{row.title_id}/{row.no}"}
        )
    pictures = pd.DataFrame(rows)
    if shared:
        write_table(pictures, SHARED_PICTURES, paths.THUMBNAILS / f"{SHARED}1-999.parquet")
    for title_id, group in pictures.groupby("title_id") if not shared else []:
        write_table(group, PICTURES, paths.THUMBNAILS / f"{title_id}.parquet")
    episodes = pictures.assign(
        genre=dataset["genre"].to_list() if source == "folder" else None,
        subtitle=None,
        date=None if source == "folder" else datetime.date(2022, 8, 1),
        star_score=None,
        sha256=[hashlib.sha256(image).hexdigest() for image in pictures["image"]],
        bytes=pictures["image"].map(len),
        status="ok",
    )
    write_table(episodes, EPISODES, paths.EPISODES)


def config(labels: list[str]) -> dict:
    """config.json of an exported model."""
    scores = {"accuracy": 0.6, "accuracy_interval": [0.5, 0.7], "groups": 12}
    return {
        "backbone": "mobilenet_v2",
        "side": 112,
        "preprocess": "backbone",
        "unfreeze": "0",
        "head": {"pool": "style", "standardise": True, "units": 8, "dropout": 0.5},
        "classes": labels,
        "names": {label: {"en": label, "ko": label} for label in labels},
        "resize": {"interpolation": "linear", "max_pixels": 1000},
        "temperature": 1.5,
        "unlike_distance": 0.8,
        "scores": {"val": scores, "test": scores},
    }


def metrics(dataset: pd.DataFrame, labels: list[str], source: str) -> dict[str, dict]:
    """The metrics that the cards show, by stage; the amounts are those of the dataset."""
    images = {label: int((dataset["genre"] == label).sum()) for label in labels}
    parts = {
        split: {"images": len(rows), "titles": rows["group"].nunique()} for split, rows in dataset.groupby("split")
    }
    by_genre = {label: dataset[dataset["genre"] == label]["split"].value_counts().to_dict() for label in labels}
    best = {split: scores(labels, 0.6) for split in ("val", "test")}
    return {
        "crawl": {
            "source": source,
            "titles": dataset["title_id"].nunique(),
            "episodes": len(dataset),
            "thumbnails": len(dataset),
            "left_out": {"no_label": 2},
            "failed": {"titles": {}, "thumbnails": {}},
            "vanished": 0,
        },
        "resize": {"images": len(dataset), "rejected": 1, "rejected_by_reason": {"one_pixel": 1}},
        "label": {
            "images": len(dataset),
            "rows": len(dataset),
            "images_by_genre": images,
            "titles_by_genre": dict.fromkeys(labels, 5),
            "left_out": {"no_known_genre": 0},
        },
        "split": {
            "images": {split: part["images"] for split, part in parts.items()},
            "titles": {split: part["titles"] for split, part in parts.items()},
            "images_by_genre": by_genre,
            "titles_on_two_sides": 0,
        },
        "validate": {"expectations": {"a": {}, "b": {}}, "failed": 0},
        "baseline": {name: {split: scores(labels, 0.4) for split in ("val", "test")} for name in ("colour_histogram",)},
        "finetune": {"best": {**best, "against_colour_histogram": CHANGE, "test_detail": detail(dataset, labels)}},
        "export": {
            "temperature": 1.5,
            "examples": 0,
            "val": {"log_loss": 1.0, "log_loss_before": 1.2},
            "test": {"log_loss": 1.1, "log_loss_before": 1.3},
            "unlike": {
                split: {"share": 0.02, "share_interval": [0.0, 0.05], "titles": 12} for split in ("val", "test")
            },
            "own_title": {
                "recall_at_1": 0.2,
                "recall_at_1_interval": [0.1, 0.3],
                "titles_searched": 9,
                "titles": 9,
            },
        },
    }


def detail(dataset: pd.DataFrame, labels: list[str]) -> dict:
    """Detailed scores of predictions that are right for all labels but the last one."""
    test = dataset[dataset["split"] == "test"]
    probabilities = np.eye(len(labels))[np.minimum(test["label"], len(labels) - 2)]
    return detailed_scores(test["label"].to_numpy(), test["group"].to_numpy(), probabilities, labels, 1.0, 77)


def scores(labels: list[str], accuracy: float) -> dict:
    """Scores of a model on one split."""
    return {
        "accuracy": accuracy,
        "accuracy_interval": [accuracy - 0.1, accuracy + 0.1],
        "groups": 12,
        "macro_f1": 0.55,
        "balanced_accuracy": 0.5,
        "per_genre": {label: {"precision": 0.5, "recall": 0.5} for label in labels},
    }


def write_json(path: Path, content: dict) -> None:
    """Write JSON as a stage of the pipeline would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
