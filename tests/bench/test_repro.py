"""bench/repro.py: how the records of processes become the times of stages."""

import json
import os
import subprocess
import sys

import pytest

from bench import repro
from tests.conftest import REPOSITORY
from webtoon_genre.core.errors import InputError


def record(pid: int, parent: int, module: str, begin: float, end: float, *arguments: str, **values) -> dict:
    """A process; `values` are its imports, CPU seconds and memory."""
    times = {"imports": 1.0, "cpu": 2.0, "memory": 10**9} | values
    return {"pid": pid, "parent": parent, "command": ["-m", module, *arguments], "begin": begin, "end": end, **times}


def test_the_pauses_between_the_stages_of_one_process_of_dvc_are_dvc_s_time():
    records = [
        record(1, 0, "dvc", 0, 20, "repro", cpu=8.0),
        record(2, 1, "stages.crawl", 2, 5, imports=0.5),
        record(3, 1, "stages.train", 9, 15, "vgg16", imports=4.0, memory=3 * 10**9),
    ]
    crawl, train = repro.stage_times(records)
    assert (crawl.name, crawl.start, crawl.work, crawl.dvc, crawl.dvc_cpu) == ("crawl", 0.5, 2.5, 2, 4.0)
    assert (train.name, train.start, train.work, train.dvc, train.memory) == ("train@vgg16", 4.0, 2.0, 9, 3 * 10**9)


def test_with_a_process_of_dvc_for_each_stage_its_time_is_that_around_the_stage():
    records = [
        record(1, 0, "workflow.repro", 0, 20),
        record(2, 1, "dvc", 1, 8),
        record(3, 1, "dvc", 1, 10),
        record(4, 2, "workflow.check", 3, 6),
        record(5, 3, "stages.split", 4, 8),
    ]
    assert [(times.name, times.dvc) for times in repro.stage_times(records)] == [("check", 4), ("split", 5)]


def test_the_table_has_a_row_a_stage_and_the_sums():
    records = [record(1, 0, "dvc", 0, 10), record(2, 1, "stages.crawl", 2, 5), record(3, 1, "stages.split", 6, 9)]
    lines = repro.table(repro.stage_times(records), 10.4).splitlines()
    assert lines[2] == "| crawl | 1.0 | 2.0 | 2.0 | 2.0 | 1.0 | 1.0 |"
    assert lines[4] == "| sum | 2.0 | 4.0 | 4.0 | 4.0 | 2.0 | 1.0 |"
    assert lines[-1] == "From begin to end: 10 s."


def test_params_are_set_by_key_with_values_in_yaml_and_comments_stay(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("# why\nlr: 0.1\nas_of: '2022-08-19'\ntrain:\n  backbones:\n  - vgg16\n")
    repro.set_params(path, ["lr=1e-3", "as_of=2022-08-20", "train.backbones=[mobilenet_v2]"])
    assert path.read_text() == "# why\nlr: 1e-3\nas_of: '2022-08-20'\ntrain:\n  backbones: [mobilenet_v2]\n"


@pytest.mark.parametrize("change", ["learning_rate=1", "train.backbone=vgg16", "crawl.demo.scale=1", "lr.x=1"])
def test_a_key_that_is_not_there_is_one_line(tmp_path, change):
    path = tmp_path / "params.yaml"
    path.write_text("lr: 0.1\ntrain:\n  backbones: []\n")
    with pytest.raises(InputError, match=rf"^'{change}' names no key of params.yaml; give KEY=VALUE, such as "):
        repro.set_params(path, [change])


def test_a_process_records_its_command_imports_and_memory(tmp_path):
    path = os.pathsep.join([str(repro.STOPWATCH), str(REPOSITORY)])
    environment = {**os.environ, "PYTHONPATH": path, "STOPWATCH": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "json.tool", "--help"], env=environment, capture_output=True)
    [file] = tmp_path.iterdir()
    content = json.loads(file.read_text())
    assert content["command"] == ["-m", "json.tool", "--help"]
    assert 0 < content["imports"] <= content["end"] - content["begin"]
    assert content["memory"] > 10**6
