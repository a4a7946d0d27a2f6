"""webtoon_genre/data/tables.py: thumbnails by title and number, in whatever files they are and however few may be open."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import REPOSITORY
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import INDEX, ThumbnailStore, write_table

FEW_FILES = """
import resource
from pathlib import Path
from webtoon_genre.data.tables import ThumbnailStore

store = ThumbnailStore(Path("resized"))
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
for _ in range(2):
    assert (store.take(store.index)[:, 0, 0, 0] == store.index["title_id"] % 251).all()
"""


def write_arrays(folder: Path, files: dict[str, list[tuple[int, int]]]) -> None:
    """Write arrays of images, each filled with its title_id modulo 251; `files` has the (title_id, no) of their rows."""
    folder.mkdir()
    rows = []
    for file, images in files.items():
        values = np.array([title_id % 251 for title_id, _ in images], np.uint8)
        np.save(folder / f"{file}.npy", np.broadcast_to(values[:, None, None, None], (len(images), 4, 4, 3)))
        rows += [(title_id, no, file, row, "", 4, 4, "") for row, (title_id, no) in enumerate(images)]
    write_table(pd.DataFrame(rows, columns=INDEX.names), INDEX, folder / "index.parquet")


@pytest.fixture
def resized(tmp_path: Path) -> Path:
    """Arrays of a title, and of a file that two titles share."""
    write_arrays(tmp_path / "resized", {"5": [(5, 1), (5, 3)], "shared-0-15": [(2, 1), (8, 1), (8, 2)]})
    return tmp_path / "resized"


def images(*keys: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(keys, columns=["title_id", "no"])


def test_images_come_in_the_order_of_rows_from_own_and_shared_files(resized):
    keys = [(8, 2), (5, 3), (2, 1), (5, 1), (8, 2), (8, 1)]
    pixels = ThumbnailStore(resized).take(images(*keys))
    assert (pixels.shape, pixels.dtype) == ((6, 4, 4, 3), np.uint8)
    assert [*pixels[:, 0, 0, 0]] == [8, 5, 2, 5, 8, 8]


def test_a_row_is_that_of_the_array(tmp_path):
    write_arrays(tmp_path / "resized", {"5": [(5, 1), (5, 3), (5, 4)]})
    array = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    np.save(tmp_path / "resized/5.npy", array)
    assert np.array_equal(ThumbnailStore(tmp_path / "resized").take(images((5, 4), (5, 1))), array[[2, 0]])


def test_an_unknown_image_is_one_line_of_error(resized):
    with pytest.raises(InputError) as caught:
        ThumbnailStore(resized).take(images((5, 1), (8, 3)))
    assert str(caught.value) == f"{resized} lacks (title_id, no) (8, 3); run `dvc repro resize label`"


def test_a_row_that_the_array_lacks_is_one_line_of_error(resized):
    np.save(resized / "5.npy", np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(InputError) as caught:
        ThumbnailStore(resized).take(images((5, 1), (5, 3)))
    assert str(caught.value) == f"{resized}/5.npy has no complete row 1; run `dvc repro --force resize`"


def test_64_open_files_are_enough_for_300_arrays(tmp_path):
    write_arrays(tmp_path / "resized", {str(title_id): [(title_id, 1)] for title_id in range(1, 301)})
    process = subprocess.run(
        [sys.executable, "-c", FEW_FILES],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert (process.returncode, process.stderr) == (0, "")
