"""Tasks with any labels, and predictions of no model: what experiments score and draw, without training."""

from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.data.tables import DATASET, INDEX, write_table
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ProbeTask

SIDES = ("train", "train", "train", "val", "test")
ODD_NAMES = ("19+", "a+b", "a", "b", "A_$b$", "nan", "로맨스", "아주 긴 이름을 가진 로맨스 판타지 장르", "x" * 60)


def label_names(number: int) -> list[str]:
    """`number` labels, the first ones of them odd."""
    return [*ODD_NAMES, *(f"label number {index}" for index in range(number))][:number]


def make_dataset(labels: list[str], titles: int = 5, images: int = 3) -> pd.DataFrame:
    """As many titles of each label, and images of each title; of five titles one is a test title."""
    rows = [
        (titles * label + title, no, name, label, SIDES[title % 5], titles * label + title)
        for label, name in enumerate(labels)
        for title in range(titles)
        for no in range(images)
    ]
    return pd.DataFrame(rows, columns=DATASET.names)


def make_task(dataset: pd.DataFrame, labels: list[str]) -> ProbeTask:
    """A task without features."""
    return probe.probe_task(dataset, np.zeros((len(dataset), 1), np.float32), labels)


def predict(labels: np.ndarray, classes: int, right: float = 0.7, seed: int = 0) -> np.ndarray:
    """Probabilities, float (2, n, classes), for two seeds: the true label is the most probable one in a share `right` of the rows."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), (2, len(labels)))
    chosen = generator.random((2, len(labels))) < right
    probabilities[chosen] = 0.1 * probabilities[chosen] + 0.9 * np.eye(classes)[np.tile(labels, (2, 1))[chosen]]
    return probabilities


def write_images(folder: Path, dataset: pd.DataFrame, side: int = 112) -> None:
    """A grey thumbnail for all rows of a dataset in `folder`, as data/resized/ has them, and random perceptual hashes."""
    generator, rows = np.random.default_rng(0), dataset[["title_id", "no"]].drop_duplicates(ignore_index=True)
    np.save(folder / "all.npy", np.full((1, side, side, 3), 128, np.uint8))
    hashes = [f"{number:016x}" for number in generator.integers(0, 2**63, len(rows))]
    index = rows.assign(file="all", row=0, sha256="", width=side, height=side, perceptual_hash=hashes)
    write_table(index, INDEX, folder / "index.parquet")
