"""The stages that read many files of titles, in processes that may have few files open."""

import os
import resource
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.support.image_factory import encode, picture, title, write_raw

LIMIT = 64  # a tenth of what is usual; macOS allows 256
TITLES = 100

pytestmark = pytest.mark.slow


def run_stage(name: str) -> subprocess.CompletedProcess[str]:
    """Run a stage with few open files."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return subprocess.run(
        [sys.executable, "-m", f"stages.{name}"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, hard)),
        capture_output=True,
        text=True,
    )


def test_more_titles_than_open_files_are_no_error(workspace, set_params):
    genres = ["daily", "comic"]
    set_params({"resize.side": 16, "label.genres": genres})
    titles = [
        title(number, [genres[number % 2]], {1: encode(picture(number, 20, 16))}) for number in range(1, TITLES + 1)
    ]
    write_raw(workspace / "data/raw", titles)
    for stage in ("resize", "label", "validate", "zero_center", "split", "baseline"):
        process = run_stage(stage)
        assert process.returncode == 0, process.stderr


def test_more_pictures_without_titles_than_open_files_are_no_error(workspace, set_params):
    set_params(
        {"crawl.source": "folder", "crawl.folder.path": "pictures", "resize.side": 16, "label.genres": ["a", "b"]}
    )
    for number in range(2 * TITLES):
        path = workspace / "pictures" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(picture(number, 20, 16)))
    for stage in ("crawl", "resize", "label", "validate", "zero_center", "split"):
        process = run_stage(stage)
        assert process.returncode == 0, process.stderr
    assert len([*(workspace / "data/resized").glob("*.npy")]) == 1
