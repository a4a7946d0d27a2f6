"""webtoon_genre/features/download.py against a loopback server that breaks off, is busy, forgets ranges and changes its files."""

import hashlib
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.conftest import REPOSITORY
from tests.support.weights_server import serving
from webtoon_genre.features import download

DATA = np.random.default_rng(3).bytes(900_000)
MD5 = f"md5:{hashlib.md5(DATA).hexdigest()}"
BREAK = 4 * download.CHUNK  # bytes, where answers break off
PART = MD5.replace(":", "-") + ".part"


@pytest.fixture
def shelf(monkeypatch):
    monkeypatch.setattr(download, "BACKOFF", 0.01)
    with serving() as shelf:
        shelf.files["/x.h5"] = DATA
        yield shelf


def fetched(shelf, folder, known_hash=MD5) -> bytes:
    file = download.fetch(f"{shelf.url}/x.h5", known_hash, folder, "weights")
    assert [path.name for path in folder.iterdir()] == [file.name]  # no part, no version
    return file.read_bytes()


def refused(shelf, folder, known_hash=MD5) -> str:
    with pytest.raises(download.DownloadError) as caught:
        download.fetch(f"{shelf.url}/x.h5", known_hash, folder, "weights")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_is_fetched_and_checked_by_either_hash(shelf, tmp_path, algorithm):
    assert fetched(shelf, tmp_path, f"{algorithm}:{hashlib.new(algorithm, DATA).hexdigest()}") == DATA


def test_a_broken_answer_is_gone_on_with_from_where_it_broke(shelf, tmp_path):
    shelf.pieces = [BREAK, 10**9]
    assert fetched(shelf, tmp_path) == DATA
    assert shelf.seen == [None, f"bytes={BREAK}-"]


def test_many_breaks_are_no_failure_while_bytes_come(shelf, tmp_path):
    shelf.pieces = [2 * download.CHUNK]
    assert fetched(shelf, tmp_path) == DATA
    assert len(shelf.seen) == 7


def test_a_server_without_ranges_begins_anew(shelf, tmp_path):
    shelf.ranges, shelf.pieces = False, [BREAK, 10**9]
    assert fetched(shelf, tmp_path) == DATA


def test_a_server_that_names_no_version_is_gone_on_with(shelf, tmp_path):
    shelf.etag, shelf.pieces = "", [BREAK, 10**9]
    assert fetched(shelf, tmp_path) == DATA
    assert shelf.seen[1] == f"bytes={BREAK}-"


def test_a_part_of_another_version_is_not_gone_on_with(shelf, tmp_path):
    (tmp_path / PART).write_bytes(b"old" * 1000)
    (tmp_path / PART.replace(".part", ".version")).write_text('"older"')
    assert fetched(shelf, tmp_path) == DATA
    assert shelf.seen == ["bytes=3000-"]


@pytest.mark.parametrize("part", [DATA, DATA + b"more"], ids=["whole", "too long"])
def test_a_part_with_nothing_missing_is_kept_if_it_is_whole_and_dropped_if_not(shelf, tmp_path, part):
    (tmp_path / PART).write_bytes(part)
    assert fetched(shelf, tmp_path) == DATA


def test_a_busy_server_is_asked_again_when_it_says(shelf, tmp_path):
    shelf.statuses = [(503, {}), (429, {"Retry-After": "1"})]
    started = time.monotonic()
    assert fetched(shelf, tmp_path) == DATA
    assert time.monotonic() - started >= 1
    assert len(shelf.seen) == 3


def test_a_server_that_stays_busy_is_given_up(shelf, tmp_path):
    shelf.statuses = [(503, {})] * 20
    assert refused(shelf, tmp_path).startswith("503 Server Error: Service Unavailable for url: http://127.0.0.1:")
    assert len(shelf.seen) == 1 + download.RETRIES


def test_a_server_that_always_breaks_off_is_given_up_and_what_came_stays(shelf, tmp_path):
    shelf.ranges, shelf.pieces = False, [BREAK]
    assert refused(shelf, tmp_path).startswith(f"it breaks off after {BREAK:,} bytes: ")
    assert (tmp_path / PART).read_bytes() == DATA[:BREAK]
    assert len(shelf.seen) == 1 + download.RETRIES


def test_a_wrong_checksum_tells_both_and_leaves_nothing(shelf, tmp_path):
    wrong = f"md5:{'0' * 32}"
    expected = f"MD5 hash of downloaded file (md5-{'0' * 32}) does not match the known hash: expected {wrong} but got {MD5[4:]}."
    assert refused(shelf, tmp_path, wrong) == expected
    assert list(tmp_path.iterdir()) == []


def test_a_web_page_is_told_from_a_file(shelf, tmp_path):
    shelf.kind = "text/html; charset=utf-8"
    assert refused(shelf, tmp_path) == "it answered with a web page, Content-Type text/html; charset=utf-8"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_not_asked_for_again(shelf, tmp_path):
    shelf.files.clear()
    assert refused(shelf, tmp_path).startswith("404 Client Error: Not Found for url: http://127.0.0.1:")
    assert len(shelf.seen) == 1


def test_a_server_that_is_not_there_is_one_line(shelf, tmp_path):
    with serving() as gone:
        pass
    assert "Connection refused" in refused(gone, tmp_path)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1:9/x.h5", "nonsense://x"])
def test_other_protocols_are_refused(tmp_path, url):
    with pytest.raises(download.DownloadError, match=r"^No connection adapters were found for "):
        download.fetch(url, MD5, tmp_path, "weights")


PROGRAM = "import pathlib, sys; from webtoon_genre.features.download import fetch; fetch(*sys.argv[1:3], pathlib.Path(sys.argv[3]), 'w')"


def test_a_killed_process_is_gone_on_with_by_the_next(shelf, tmp_path):
    shelf.slow = 5
    command = [sys.executable, "-c", PROGRAM, f"{shelf.url}/x.h5", MD5, str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    while download.size(tmp_path / PART) < BREAK:
        time.sleep(0.02)
        assert process.poll() is None
    process.kill()
    process.wait()
    shelf.slow = 0
    assert download.fetch(f"{shelf.url}/x.h5", MD5, tmp_path, "weights").read_bytes() == DATA
    assert int(shelf.seen[1].removeprefix("bytes=").removesuffix("-")) >= BREAK


def test_progress_is_told_in_megabytes_of_the_whole_file_also_after_a_break(shelf, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(download, "MB", 100_000)
    monkeypatch.setattr(download.Meter, "close", lambda meter: told.append((meter.done, meter.total)))
    shelf.pieces = [BREAK, 10**9]
    fetched(shelf, tmp_path)
    assert told == [(9, 9)]
