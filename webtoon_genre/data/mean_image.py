"""The mean image, with a digest of the rows that it was averaged over; which rows these are, the caller decides."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing


@dataclass(frozen=True)
class MeanImage:
    """image: float32 (side, side, 3), RGB, in 0..255; rows: `rows_digest` of the averaged rows."""

    image: np.ndarray
    rows: str

    def write(self, path: Path) -> None:
        """Write .npz; equal means give equal bytes."""
        with replacing(path) as part:
            np.savez(part, mean=self.image, rows=np.array(self.rows))


def read_mean_image(path: Path) -> MeanImage:
    """Read the file that `MeanImage.write` wrote."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro zero_center` makes it")
    with np.load(path) as arrays:
        return MeanImage(arrays["mean"], str(arrays["rows"]))


def rows_digest(rows: pd.DataFrame) -> str:
    """Return the sha256 of the rows' (title_id, no, label), sorted, so that their order does not matter."""
    keys = rows[["title_id", "no", "label"]].to_numpy(np.int64)
    ordered = keys[np.lexsort(keys.T[::-1])]
    return sha256(ordered.astype("<i8").tobytes()).hexdigest()
