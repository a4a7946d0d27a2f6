"""The tables and arrays that stages exchange: columns, dtypes, reading and writing; pixels stay unchanged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing

TITLES = pa.schema(
    [
        ("title_id", pa.int64()),
        ("title", pa.string()),
        ("authors", pa.list_(pa.string())),
        ("genres", pa.list_(pa.string())),  # codes, as the source orders them
        ("star_score", pa.float64()),  # 0..10, null where the source has none
        ("adult", pa.bool_()),
        ("source", pa.string()),
        ("finished", pa.bool_()),  # null where the source does not tell
    ]
)
EPISODES = pa.schema(
    [
        ("title_id", pa.int64()),
        ("no", pa.int32()),
        ("genre", pa.string()),  # of the image, where the source labels images (folder); null: its title's genres apply
        ("subtitle", pa.string()),
        ("date", pa.date32()),
        ("star_score", pa.float64()),
        ("thumbnail_url", pa.string()),
        ("sha256", pa.string()),  # of the bytes as served; null where there is no image
        ("bytes", pa.int64()),
        # status: "ok"; "vanished": on disk, gone at the source; else the reason why there is no image
        ("status", pa.string()),
    ]
)
IMAGES = pa.schema([("no", pa.int32()), ("image", pa.binary())])
INDEX = pa.schema(
    [
        ("title_id", pa.int64()),
        ("no", pa.int32()),
        ("row", pa.int32()),  # in data/resized/<title_id>.npy
        ("sha256", pa.string()),  # of the bytes as served
        ("width", pa.int32()),  # pixels, before resizing
        ("height", pa.int32()),
        ("perceptual_hash", pa.string()),  # 64 bits, hexadecimal
    ]
)
REJECTED = pa.schema([("title_id", pa.int64()), ("no", pa.int32()), ("reason", pa.string()), ("detail", pa.string())])
LABELS = pa.schema([("title_id", pa.int64()), ("no", pa.int32()), ("genre", pa.string()), ("label", pa.int8())])
DATASET = pa.schema([*LABELS, ("split", pa.string()), ("group", pa.int64())])


def write_table(frame: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    """Write `frame` with exactly the columns of `schema` as Parquet; equal frames give equal bytes."""
    write_arrow(pa.Table.from_pandas(frame, schema=schema, preserve_index=False), path)


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write an Arrow table as Parquet; equal tables give equal bytes."""
    binary = any(pa.types.is_binary(field.type) for field in table.schema)  # images are compressed already
    with replacing(path) as part:
        pq.write_table(
            table.replace_schema_metadata(None),
            part,
            compression="none" if binary else "zstd",
            use_dictionary=not binary,
            write_statistics=not binary,
        )


def read_table(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read the columns of `schema` from Parquet, in its order and with its types; other columns are ignored."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro` makes it")
    try:
        table = pq.read_table(path)
        return table.select(schema.names).cast(schema).to_pandas()
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError) as error:
        raise InputError(
            f"{path} is not the table expected ({' '.join(str(error).split())}); make it anew with `dvc repro`"
        ) from None


MAX_OPEN = 512  # memory maps open at once


class ThumbnailStore:
    """The resized thumbnails on disk, one memory map a title: uint8 (n, side, side, 3), RGB."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.index = read_table(folder / "index.parquet", INDEX)
        self._rows = pd.Series(
            self.index["row"].to_numpy(), index=pd.MultiIndex.from_frame(self.index[["title_id", "no"]])
        )
        self._maps: dict[int, np.ndarray] = {}

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        """Return uint8 (len(rows), side, side, 3), RGB, in the order of `rows` (columns title_id and no)."""
        array_rows = self._rows.reindex(pd.MultiIndex.from_frame(rows[["title_id", "no"]]))
        if array_rows.isna().any():
            missing = array_rows.index[array_rows.isna()][0]
            raise InputError(f"{self.folder} lacks (title_id, no) {missing}; run `dvc repro resize label`")
        return np.stack([self._map(title)[row] for (title, _), row in array_rows.astype(int).items()])

    def _map(self, title_id: int) -> np.ndarray:
        if title_id not in self._maps:
            if len(self._maps) >= MAX_OPEN:
                self._maps.clear()  # a map holds a file descriptor, of which a process has about a thousand
            self._maps[title_id] = np.load(self.folder / f"{title_id}.npy", mmap_mode="r")
        return self._maps[title_id]


def class_names(dataset: pd.DataFrame) -> list[str]:
    """Return genre codes by label, the names of a model's classes; labels must be 0, 1, ... without a gap."""
    pairs = dataset[["label", "genre"]].drop_duplicates().sort_values("label")
    if pairs["label"].tolist() != list(range(len(pairs))):
        raise InputError(
            f"labels are {pairs['label'].tolist()}, not 0 to {len(pairs) - 1}, one a genre; run `dvc repro label`"
        )
    return [str(genre) for genre in pairs["genre"]]


def read_features(path: Path, rows: int) -> np.ndarray:
    """Open the features in `path` as a memory map, float32 (rows, width), row i of the dataset's row i."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro features` makes it")
    features = np.load(path, mmap_mode="r")
    if len(features) != rows:
        raise InputError(f"{path} has {len(features)} rows, the dataset {rows}; run `dvc repro features`")
    return features
