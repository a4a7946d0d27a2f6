"""Two genres of pictures that differ by the weight of their lines, as the stages before training leave them."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from webtoon_genre.data.tables import INDEX, LABELS, write_table

GENRES = ("thin", "bold")
SIDE = 112


def labelled(titles: int, images: int) -> pd.DataFrame:
    """LABELS rows: titles 1.. alternate between the genres, each with `images` pictures."""
    rows = [(title, no, GENRES[title % 2], title % 2) for title in range(1, titles + 1) for no in range(1, images + 1)]
    return pd.DataFrame(rows, columns=LABELS.names)


def picture(genre: str, generator: np.random.Generator) -> np.ndarray:
    """uint8 (112, 112, 3), RGB: ten lines in a colour of chance, thin or bold."""
    image = np.full((SIDE, SIDE, 3), generator.integers(120, 200, 3), np.uint8)
    for _ in range(10):
        ends = generator.integers(0, SIDE, 4).tolist()
        colour = generator.integers(0, 256, 3).tolist()
        cv2.line(image, ends[:2], ends[2:], colour, 1 if genre == "thin" else 7)
    return image


def store(workspace: Path, labels: pd.DataFrame) -> None:
    """Write data/resized/ and data/labels.parquet for `labels`."""
    folder = workspace / "data/resized"
    folder.mkdir(parents=True)
    index = []
    for title, rows in labels.groupby("title_id"):
        generator = np.random.default_rng(int(title))
        np.save(folder / f"{title}.npy", np.stack([picture(genre, generator) for genre in rows["genre"]]))
        index += [(title, no, row, f"{title}/{no}", 202, 120, "0" * 16) for row, no in enumerate(rows["no"])]
    write_table(pd.DataFrame(index, columns=INDEX.names), INDEX, folder / "index.parquet")
    write_table(labels, LABELS, workspace / "data/labels.parquet")
