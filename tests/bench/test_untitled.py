"""bench/untitled.py: all stages are measured on the same pictures, with and without titles; no test depends on times."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from bench import untitled
from tests.conftest import REPOSITORY


@pytest.mark.exhaustive
def test_every_stage_is_measured_for_each_size(tmp_path, monkeypatch):
    monkeypatch.setattr(untitled, "STAGES", ("crawl", "resize", "label"))
    lines = untitled.run(200, [1, 4], 1, tmp_path).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert [row[:2] for row in rows] == [[stage, size] for stage in untitled.STAGES for size in ("1", "4")]
    assert all(row[4:] == ["1.00", "1.00"] for row in rows if row[1] == "4")


def test_too_few_pictures_are_refused():
    command = [sys.executable, "-m", "bench.untitled", "--images", "5"]
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (1, "bench: --images is 5; at least 100\n")


def test_a_comment_changes_bytes_and_no_pixel():
    jpeg = untitled.draw(1)
    other = untitled.with_comment(jpeg, "2")
    assert other != jpeg
    assert np.array_equal(*(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (jpeg, other)))
