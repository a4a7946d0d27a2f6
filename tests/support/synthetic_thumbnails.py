"""Thumbnails of two genres that differ in the thickness of their lines, in the files that `resize` and `label` write."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from webtoon_genre.data.tables import INDEX, LABELS, write_table

GENRES = ("thin", "bold")
SIDE = 112


def synthetic_labels(titles: int, images: int) -> pd.DataFrame:
    """Return LABELS rows: titles 1, 2, ... alternate between the genres, each with `images` images."""
    rows = [(title, no, GENRES[title % 2], title % 2) for title in range(1, titles + 1) for no in range(1, images + 1)]
    return pd.DataFrame(rows, columns=LABELS.names)


def picture(genre: str, generator: np.random.Generator) -> np.ndarray:
    """Draw ten lines in random colours, thin or bold: uint8 (112, 112, 3), RGB."""
    image = np.full((SIDE, SIDE, 3), generator.integers(120, 200, 3), np.uint8)
    for _ in range(10):
        ends = generator.integers(0, SIDE, 4).tolist()
        colour = generator.integers(0, 256, 3).tolist()
        cv2.line(image, ends[:2], ends[2:], colour, 1 if genre == "thin" else 7)
    return image


def write_thumbnails(workspace: Path, labels: pd.DataFrame) -> None:
    """Write data/resized/ and data/labels.parquet for `labels`."""
    folder = workspace / "data/resized"
    folder.mkdir(parents=True)
    index = []
    for title, rows in labels.groupby("title_id"):
        generator = np.random.default_rng(int(title))
        np.save(folder / f"{title}.npy", np.stack([picture(genre, generator) for genre in rows["genre"]]))
        index += [
            (title, no, str(title), row, f"{title}/{no}", 202, 120, "0" * 16) for row, no in enumerate(rows["no"])
        ]
    write_table(pd.DataFrame(index, columns=INDEX.names), INDEX, folder / "index.parquet")
    write_table(labels, LABELS, workspace / "data/labels.parquet")
