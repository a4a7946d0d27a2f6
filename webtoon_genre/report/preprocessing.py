"""Pictures before and after preprocessing: as served, resized and padded, zero-centred."""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import SHARED, ThumbnailStore
from webtoon_genre.report.sprites import data_uri

MOST = 6  # pictures, one a label
TYPES = {b"\xff\xd8": "jpeg", b"\x89P": "png", b"RI": "webp", b"GI": "gif"}  # by the first bytes
LARGEST = 60_000  # bytes of a picture that is embedded as served; a larger one is made smaller
QUALITY = 90
GREY = 128  # the mean image's place on the scale of a zero-centred picture


@dataclass(frozen=True)
class Sample:
    """A picture as data URIs. served: width, height in pixels, as the source serves it."""

    genre: str
    before: str
    served: tuple[int, int]
    resized: str
    centred: str


def samples(dataset: pd.DataFrame, store: ThumbnailStore, raw: Path, mean: np.ndarray) -> list[Sample]:
    """The first train picture of each of the first labels. raw: the folder of pictures as served; mean: float32 (side, side, 3), RGB."""
    train = dataset[dataset["split"] == "train"].sort_values(["label", "title_id", "no"])
    rows = train.drop_duplicates("label").head(MOST)
    located = rows.merge(store.index, on=["title_id", "no"])
    pixels = store.take(located)
    result = []
    for row, image in zip(located.itertuples(), pixels, strict=True):
        centred = np.clip(image.astype(np.float32) - mean + GREY, 0, 255).astype(np.uint8)
        content = as_served(raw / f"{row.file}.parquet", row.title_id, row.no)
        result.append(
            Sample(
                row.genre,
                embed(content, image),
                (row.width, row.height),
                *(data_uri(Image.fromarray(array), "JPEG", quality=QUALITY) for array in (image, centred)),
            )
        )
    return result


def as_served(path: Path, title_id: int, no: int) -> bytes:
    """The bytes of a picture in a file of data/raw/thumbnails."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro crawl` makes it")
    filters = [("no", "=", no)] + ([("title_id", "=", title_id)] if path.stem.startswith(SHARED) else [])
    return bytes(pq.read_table(path, columns=["image"], filters=filters)["image"][0].as_py())


def embed(content: bytes, resized: np.ndarray) -> str:
    """A picture as served as a data URI, in its own bytes where they are few; resized: uint8 (side, side, 3), its stand-in."""
    kind = TYPES.get(content[:2])
    if kind and len(content) <= LARGEST:
        return f"data:image/{kind};base64,{b64encode(content).decode()}"
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        return data_uri(Image.fromarray(resized), "JPEG", quality=QUALITY)
    scale = 320 / max(decoded.shape[:2])
    small = cv2.resize(decoded, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return data_uri(Image.fromarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)), "JPEG", quality=QUALITY)
