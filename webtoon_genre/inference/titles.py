"""The train titles as points in style space, and how far a picture lies from them; titles.npz in a model's folder.

A style vector is the extractor's pooled output, before the head. It is standardised by mean and deviation over the train rows;
a distance is Euclidean, divided by the square root of the width: two independent vectors are about 1.4 apart.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webtoon_genre.core.model_files import TITLES
from webtoon_genre.inference.archives import load_archive

FLAT = 1e-12  # a deviation below it belongs to a feature that never varies


@dataclass(frozen=True)
class Neighbour:
    """A train title near a picture. row: in the index."""

    row: int
    title_id: int
    title: str
    genre: str
    distance: float


@dataclass(frozen=True)
class TitleIndex:
    """Titles by row. mean, deviation: float32 (width,). vectors: float32 (titles, width), standardised means of their images' vectors.

    title_ids: int64 (titles,). titles, genres: str (titles,). examples: uint8 (titles, e, e, 3), RGB; of 0 rows where the source's
    pictures may not be passed on.
    """

    mean: np.ndarray
    deviation: np.ndarray
    vectors: np.ndarray
    title_ids: np.ndarray
    titles: np.ndarray
    genres: np.ndarray
    examples: np.ndarray

    def standardise(self, style: np.ndarray) -> np.ndarray:
        """Bring float32 (n, width) to zero mean and unit deviation over the train rows; a feature that never varies becomes 0."""
        varies = self.deviation > FLAT
        return np.where(varies, (style - self.mean) / np.where(varies, self.deviation, 1), 0).astype(np.float32)

    def distances(self, style: np.ndarray) -> np.ndarray:
        """Distances of float32 (n, width), as the model gives them, from every title: float32 (n, titles)."""
        return pairwise_distances(self.standardise(style), self.vectors)

    def nearest(self, style: np.ndarray, number: int) -> list[Neighbour]:
        """The titles nearest to float32 (width,), as the model gives it, the nearest first; equal ones by title_id."""
        distances = self.distances(style[np.newaxis])[0]
        return [
            Neighbour(
                int(row), int(self.title_ids[row]), str(self.titles[row]), str(self.genres[row]), float(distances[row])
            )
            for row in np.argsort(distances, kind="stable")[:number]
        ]


def pairwise_distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances of float (n, width) and (m, width), divided by √width: float32 (n, m)."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    return np.sqrt(np.maximum(squares, 0) / points.shape[1]).astype(np.float32)


def load_titles(folder: Path) -> TitleIndex:
    """The titles of the model in `folder`; InputError where the file is missing or of another version."""
    return load_archive(folder / TITLES, TitleIndex)
