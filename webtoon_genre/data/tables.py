"""The tables and arrays that stages exchange: columns, dtypes, reading and writing; pixels stay unchanged."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

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
SHARED = "shared-"  # prefix of files in data/raw/thumbnails and data/resized that small titles share
IMAGES = pa.schema([("no", pa.int32()), ("image", pa.binary())])
SHARED_IMAGES = pa.schema([("title_id", pa.int64()), *IMAGES])  # of several titles, sorted by title_id and no
INDEX = pa.schema(
    [
        ("title_id", pa.int64()),
        ("no", pa.int32()),
        ("file", pa.string()),  # data/resized/<file>.npy: the title_id, or shared-...
        ("row", pa.int32()),  # of the array in this file
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
    return read_columns(path, schema).to_pandas()


def read_columns(path: Path, schema: pa.Schema) -> pa.Table:
    """The same as a table of Arrow, whose columns become Python's values without a way through pandas."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro` makes it")
    try:
        return pq.read_table(path).select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError) as error:
        raise InputError(
            f"{path} is not the table expected ({' '.join(str(error).split())}); make it anew with `dvc repro`"
        ) from None


class ThumbnailStore:
    """The resized thumbnails on disk, uint8 (n, side, side, 3), RGB, in an array a file.

    No file stays open between calls: a memory map holds a descriptor, of which a process may have as few as 256.
    locate: gives where the content of a file is, for a machine that lacks `folder`.
    """

    def __init__(self, folder: Path, locate: Callable[[Path], Path] = Path):
        self.folder, self._locate = folder, locate
        self.index = read_table(locate(folder / "index.parquet"), INDEX)
        self._images = pd.MultiIndex.from_frame(self.index[["title_id", "no"]])
        self._rows = self.index["row"].to_numpy()
        self._files, names = pd.factorize(self.index["file"])
        self._paths = [folder / f"{name}.npy" for name in names]
        self._layouts: dict[int, ArrayLayout] = {}

    def take(self, rows: pd.DataFrame) -> np.ndarray:
        """Return uint8 (len(rows), side, side, 3), RGB, in the order of `rows` (columns title_id and no)."""
        images = pd.MultiIndex.from_frame(rows[["title_id", "no"]])
        positions = self._images.get_indexer(images)
        if (positions < 0).any():
            missing = tuple(map(int, images[positions < 0][0]))  # numpy shows its numbers as np.int64(5)
            raise InputError(f"{self.folder} lacks (title_id, no) {missing}; run `dvc repro resize label`")
        files, array_rows = self._files[positions], self._rows[positions]
        layout = self._layout(files[0])
        pixels = np.empty((len(rows), *layout.shape), layout.dtype)
        for file in np.unique(files):
            outputs = np.flatnonzero(files == file)
            self._read(file, zip(array_rows[outputs], outputs, strict=True), pixels)
        return pixels

    def files(self) -> list[Path]:
        """All files of the store, the index first."""
        return [self.folder / "index.parquet", *self._paths]

    def _layout(self, file: int) -> "ArrayLayout":
        """Return the layout of a file, which is read once."""
        if file not in self._layouts:
            array = np.load(self._locate(self._paths[file]), mmap_mode="r")
            self._layouts[file] = ArrayLayout(array.offset, array.shape[1:], array.dtype)
        return self._layouts[file]

    def _read(self, file: int, rows: Iterable[tuple[int, int]], pixels: np.ndarray) -> None:
        """Read rows of one file into rows of `pixels`; `rows` has pairs of both."""
        offset = self._layout(file).offset
        with self._locate(self._paths[file]).open("rb", buffering=0) as stream:
            for row, output in rows:
                stream.seek(offset + int(row) * pixels[output].nbytes)
                if stream.readinto(pixels[output]) != pixels[output].nbytes:
                    raise InputError(f"{self._paths[file]} has no complete row {row}; run `dvc repro --force resize`")


class ArrayLayout(NamedTuple):
    """Where the rows of a .npy file begin, in bytes, and what a row is."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype


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
