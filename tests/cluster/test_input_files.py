"""webtoon_genre/cluster/input_files.py: where a worker gets a file from."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from webtoon_genre.cluster.digests import describe
from webtoon_genre.cluster.input_files import FileReader
from webtoon_genre.core.errors import InputError

PATH = Path("data/1.npy")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a driver with one file; this process is a worker elsewhere."""
    folder = tmp_path / "driver"
    for path in (folder / "data", tmp_path / "worker/data", tmp_path / "temporary"):
        path.mkdir(parents=True)
    (folder / PATH).write_bytes(b"content")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "worker")
    return folder


@pytest.fixture
def reader(driver: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FileReader]:
    """A function: a worker's reader, given what the driver sends, of a machine that has the driver's folder or not."""
    with monkeypatch.context() as patch:
        patch.chdir(driver)
        files = describe([PATH])

    def start(sends: list[bytes], root: Path = Path("/nowhere")) -> FileReader:
        return FileReader(files, root, None, lambda _: sends.pop())

    return start


def test_a_folder_that_machines_share_needs_no_copy(reader, driver):
    assert reader([], driver).locate(PATH) == driver / PATH


def test_a_clone_in_the_worker_s_folder_needs_no_copy(reader):
    PATH.write_bytes(b"content")
    assert reader([]).locate(PATH) == Path.cwd() / PATH


@pytest.mark.parametrize("other", [b"CONTENT", b"shorter"[:3]])
def test_another_version_in_the_worker_s_folder_is_not_used(reader, other):
    PATH.write_bytes(other)
    assert reader([b"content"]).locate(PATH).read_bytes() == b"content"


def test_a_file_is_got_once_by_all_workers_of_a_machine(reader):
    sends = [b"content"]
    for _ in range(2):
        worker = reader(sends)
        assert worker.locate(PATH) == worker.locate(PATH)
    assert sends == []


def test_a_copy_that_was_removed_is_got_again(reader):
    worker = reader([b"content", b"content"])
    worker.locate(PATH).unlink()
    assert worker.locate(PATH).read_bytes() == b"content"


def test_a_file_that_the_driver_changes_meanwhile_is_one_line(reader):
    line = "data/1.npy was changed during the run; run the stage again"
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        reader([b"changed"]).locate(PATH)
