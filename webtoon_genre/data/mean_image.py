"""The train set's mean image with proof of the rows it was computed from; it refuses to say which rows those should be."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing


@dataclass(frozen=True)
class MeanImage:
    """image: float32 (side, side, 3), RGB, in 0..255; rows: `digest` of the rows averaged."""

    image: np.ndarray
    rows: str

    def write(self, path: Path) -> None:
        """Write as .npz; equal means give equal bytes."""
        with replacing(path) as part:
            np.savez(part, mean=self.image, rows=np.array(self.rows))


def read_mean_image(path: Path) -> MeanImage:
    """The mean in `path`, as `Mean.write` wrote it."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro zero_center` makes it")
    with np.load(path) as arrays:
        return MeanImage(arrays["mean"], str(arrays["rows"]))


def rows_digest(rows: pd.DataFrame) -> str:
    """sha256 of the rows' (title_id, no, label), in ascending order, whatever order they come in."""
    keys = rows[["title_id", "no", "label"]].to_numpy(np.int64)
    ordered = keys[np.lexsort(keys.T[::-1])]
    return sha256(ordered.astype("<i8").tobytes()).hexdigest()
