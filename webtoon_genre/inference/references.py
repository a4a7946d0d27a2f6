"""A sample of real images in style space, with which drawn pictures are compared; images.npz in a model's folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from webtoon_genre.core.model_files import IMAGES
from webtoon_genre.inference.archives import load_archive


@dataclass(frozen=True)
class ReferenceImages:
    """Images by row. vectors: float16 (n, width), standardised as in TitleIndex. title_ids, labels: int64 (n,).

    held_out: bool (n,), whether no image of the title was trained on. probabilities: float32 (n, classes), before calibration, of held-out
    images; 0 of others.
    """

    vectors: np.ndarray
    title_ids: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    probabilities: np.ndarray


def load_references(folder: Path) -> ReferenceImages:
    """The images of the model in `folder`; InputError where the file is missing or of another version."""
    return load_archive(folder / IMAGES, ReferenceImages)
