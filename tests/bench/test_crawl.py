"""bench/crawl.py: both clients are given the same, and the report tells of both; nothing here looks at times."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import clients
from tests.conftest import REPOSITORY
from webtoon_genre.core.errors import InputError


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, run as a person runs it."""
    command = [sys.executable, "-m", "bench.crawl", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)


def cells(line: str) -> Sequence[str]:
    """A table's line, cell by cell."""
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def ended() -> subprocess.CompletedProcess[str]:
    """A run at a tiny scale, served from memory."""
    return bench("--scale", "0.0005", "--served", "memory")


def test_both_clients_are_given_the_same_answers(ended):
    assert ended.returncode == 0, ended.stderr
    assert "both were given the same" in ended.stderr


def test_each_client_has_a_row_with_as_many_images_as_the_other(ended):
    header, rule, crawl, bare = (cells(line) for line in ended.stdout.splitlines() if line.startswith("|"))
    assert len(header) == len(rule) == len(crawl) == len(bare)
    assert (crawl[:3], bare[:3]) == (["memory", "1", "crawl"], ["memory", "1", "aiohttp"])
    assert crawl[3] == bare[3] != "0"


def test_memory_is_told_over_the_run_and_at_its_peak(ended):
    header, _, crawl, _ = (cells(line) for line in ended.stdout.splitlines() if line.startswith("|"))
    assert header[-6:] == ["RSS at 10%", "RSS at 25%", "RSS at 50%", "RSS at 75%", "RSS at 100%", "peak RSS"]
    assert all(int(value) > 0 for value in crawl[-6:])


def test_the_ratio_and_the_server_s_share_are_told(ended):
    told = next(line for line in ended.stdout.splitlines() if line.startswith("memory: "))
    assert "a ratio of " in told
    assert "is the server's CPU time" in told


def test_clients_that_were_given_different_answers_are_not_compared(tmp_path: Path):
    (tmp_path / "crawl.log").write_text("3 http://a/1\n4 http://a/2\n")
    (tmp_path / "aiohttp.log").write_text("4 http://a/2\n5 http://a/1\n")
    with pytest.raises(InputError) as error:
        clients.check(tmp_path)
    assert str(error.value) == "the crawl and the loop were given different answers: 2, the first is 3 http://a/1"


def test_a_bad_argument_is_one_line():
    refused = bench("--rounds", "0")
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", "bench: --rounds is 0; at least 1\n")
