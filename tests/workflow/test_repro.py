"""workflow/repro.py: which stages run, in which order, and how many at once."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from webtoon_genre.core.errors import InputError
from workflow import repro

GRAPH = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}, "e": set()}


class Recorder:
    """A stand-in for `run_stage`: it records what begins after what ended, and how many stages run at once."""

    def __init__(self, failing: str = "", wait_for: int = 1):
        self.failing, self.barrier = failing, threading.Barrier(wait_for)
        self.running: set[str] = set()
        self.most, self.ended, self.ended_before = 0, [], {}

    def __call__(self, stage: str) -> bool:
        self.running.add(stage)
        self.most = max(self.most, len(self.running))
        self.ended_before[stage] = set(self.ended)
        if stage in "bc":
            self.barrier.wait(timeout=10)
        self.running.remove(stage)
        self.ended.append(stage)
        return stage != self.failing


@pytest.fixture
def record(monkeypatch) -> Callable[..., Recorder]:
    """A function that makes a Recorder in the place of `run_stage`."""

    def make(**options) -> Recorder:
        recorder = Recorder(**options)
        monkeypatch.setattr(repro, "run_stage", recorder)
        monkeypatch.setattr(repro, "ProcessPoolExecutor", lambda jobs, *_: ThreadPoolExecutor(jobs))
        return recorder

    return make


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_each_stage_runs_once_after_those_whose_outputs_it_reads(record, jobs):
    recorder = record()
    assert repro.run_stages(GRAPH, jobs) is None
    assert sorted(recorder.ended) == sorted(GRAPH)
    assert all(GRAPH[stage] <= before for stage, before in recorder.ended_before.items())
    assert recorder.most <= jobs


def test_independent_stages_run_side_by_side(record):
    record(wait_for=2)  # b and c wait for each other
    assert repro.run_stages({"b": set(), "c": set()}, 2) is None


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_a_failure_no_other_stage_begins(record, jobs):
    recorder = record(failing="b")
    assert repro.run_stages({"b": set(), "d": {"b"}, "e": {"d"}}, jobs) == "b"
    assert recorder.ended == ["b"]


def test_only_stages_that_changed_and_those_that_read_their_outputs_run():
    assert repro.affected_stages(GRAPH, ["c"]) == {"c": set(), "d": {"c"}}
    assert repro.affected_stages(GRAPH, []) == {}
    assert repro.affected_stages(GRAPH, ["a", "e"]) == GRAPH


def test_a_failed_stage_is_one_line(record, monkeypatch):
    record(failing="b")
    monkeypatch.setattr(repro, "read_graph", lambda: GRAPH)
    monkeypatch.setattr(repro, "dvc_json", lambda command: {"b": ["changed command"]})
    with pytest.raises(
        InputError, match=r"^stage b failed, see above; stages that ended before are recorded: run again$"
    ):
        repro.main(2)


def test_where_nothing_changed_no_stage_runs(record, monkeypatch, capsys):
    recorder = record()
    monkeypatch.setattr(repro, "read_graph", lambda: GRAPH)
    monkeypatch.setattr(repro, "dvc_json", lambda command: {})
    repro.main(2)
    assert recorder.ended == []
    assert capsys.readouterr().out == "Data and pipelines are up to date.\n"


def test_lines_of_stages_are_printed_without_dvc_s_notices():
    printed = io.StringIO()
    text = "Running stage 'crawl':\n> python -m stages.crawl\n\ncrawl: 1 of 2\nUpdating lock file 'dvc.lock'\nERROR: failed\n"
    repro.print_lines(io.StringIO(text), printed)
    assert printed.getvalue() == "> python -m stages.crawl\ncrawl: 1 of 2\nERROR: failed\n"
