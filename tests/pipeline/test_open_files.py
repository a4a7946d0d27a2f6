"""The stages that read many files of titles, in processes that may have few files open."""

import resource

import pytest

from tests.support.image_factory import encode, picture, title, write_raw
from tests.support.stage_sequence import run_stages

LIMIT = 64  # a tenth of what is usual; macOS allows 256
TITLES = 100

pytestmark = pytest.mark.slow


def limit_files() -> None:
    """Allow this process few open files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def test_more_titles_than_open_files_are_no_error(workspace, set_params):
    genres = ["daily", "comic"]
    set_params({"resize.side": 16, "label.genres": genres})
    titles = [
        title(number, [genres[number % 2]], {1: encode(picture(number, 20, 16))}) for number in range(1, TITLES + 1)
    ]
    write_raw(workspace / "data/raw", titles)
    process = run_stages("resize", "label", "validate", "zero_center", "split", "baseline", preexec_fn=limit_files)
    assert process.returncode == 0, process.stderr


def test_more_pictures_without_titles_than_open_files_are_no_error(workspace, set_params):
    set_params(
        {"crawl.source": "folder", "crawl.folder.path": "pictures", "resize.side": 16, "label.genres": ["a", "b"]}
    )
    for number in range(2 * TITLES):
        path = workspace / "pictures" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(number, 20, 16)))
    process = run_stages("crawl", "resize", "label", "validate", "zero_center", "split", preexec_fn=limit_files)
    assert process.returncode == 0, process.stderr
    assert len([*(workspace / "data/resized").glob("*.npy")]) == 1
