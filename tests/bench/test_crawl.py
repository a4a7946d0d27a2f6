"""bench/crawl.py: both clients receive the same answers and the report covers both; no test depends on times."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import clients
from tests.conftest import REPOSITORY
from webtoon_genre.core.errors import InputError


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    command = [sys.executable, "-m", "bench.crawl", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300)


def cells(line: str) -> Sequence[str]:
    """Split a line of the table into cells."""
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.fixture(scope="module")
def run() -> subprocess.CompletedProcess[str]:
    """A run at a tiny scale, served from memory."""
    return bench("--scale", "0.0005", "--served", "memory")


def test_both_clients_receive_the_same_answers(run):
    assert run.returncode == 0, run.stderr
    assert "both received the same" in run.stderr


def test_both_clients_have_a_row_with_the_same_number_of_images(run):
    header, rule, crawl, bare = (cells(line) for line in run.stdout.splitlines() if line.startswith("|"))
    assert len(header) == len(rule) == len(crawl) == len(bare)
    assert (crawl[:3], bare[:3]) == (["memory", "1", "crawl"], ["memory", "1", "aiohttp"])
    assert crawl[3] == bare[3] != "0"


def test_a_row_shows_memory_over_the_run_and_its_peak(run):
    header, _, crawl, _ = (cells(line) for line in run.stdout.splitlines() if line.startswith("|"))
    assert header[-6:] == ["RSS at 10%", "RSS at 25%", "RSS at 50%", "RSS at 75%", "RSS at 100%", "peak RSS"]
    assert all(int(value) > 0 for value in crawl[-6:])


def test_the_conclusion_states_the_ratio_and_the_server_s_share(run):
    conclusion = next(line for line in run.stdout.splitlines() if line.startswith("memory: "))
    assert "a ratio of " in conclusion
    assert "is the server's CPU time" in conclusion


def test_clients_that_received_different_answers_are_not_compared(tmp_path: Path):
    (tmp_path / "crawl.log").write_text("3 http://a/1\n4 http://a/2\n")
    (tmp_path / "aiohttp.log").write_text("4 http://a/2\n5 http://a/1\n")
    with pytest.raises(InputError) as error:
        clients.check(tmp_path)
    assert str(error.value) == "the crawl and the loop received different answers: 2, the first is 3 http://a/1"


def test_a_bad_argument_is_one_line():
    result = bench("--rounds", "0")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "bench: --rounds is 0; at least 1\n")
