"""stages/handling.py: the grid, cell by cell, wherever it runs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages import handling, train
from tests.conftest import REPOSITORY
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core import params
from webtoon_genre.core.errors import InputError
from webtoon_genre.grid import processes
from webtoon_genre.grid.trials import Trial

UNITS, RATES = [4, 8], [0.01, 0.001]
SMALL = {
    "handling.grid": {"backbones": [BACKBONE], "unfreeze": [0, 4], "units": UNITS, "lr": RATES},
    "handling.epochs": 2,
    "handling.workers": 1,
    "runtime.intra_op": 1,
}


@pytest.fixture
def small(prepared, set_params):
    """A workspace with a grid of four cells a cut."""
    set_params(SMALL)
    return prepared


def cells(workspace: Path, layers: str = "4") -> list[dict]:
    """The rows of one stage."""
    return json.loads((workspace / f"metrics/handling/{BACKBONE}-{layers}.json").read_text())["cells"]


def test_each_cell_is_a_row_in_the_order_of_the_params(small):
    handling.main(BACKBONE, "4")
    rows = cells(small)
    assert [(row["units"], row["lr"]) for row in rows] == [(units, lr) for units in UNITS for lr in RATES]
    assert set(rows[0]) == {
        "accuracy", "best_epoch", "epochs", "loss", "lr", "trainable_parameters", "units", "val_accuracy", "val_loss",
    }  # fmt: skip
    assert rows[0]["trainable_parameters"] < rows[2]["trainable_parameters"]


@pytest.mark.parametrize("layers", [0, 4])
def test_a_cell_is_what_train_makes_of_the_same_settings(small, set_params, layers):
    # the last cell of a grid, and one model trained by itself: equal to the last digit
    handling.main(BACKBONE, str(layers))
    row = cells(small, str(layers))[3]
    alone = {"lr": row["lr"], "head.units": row["units"], "train.unfreeze": layers, "train.epochs": 2}
    set_params(alone)
    train.main(BACKBONE)
    trained = json.loads((small / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0]
    assert {**trained, "units": row["units"], "lr": row["lr"]} == row


def test_nothing_of_it_is_left_but_rows_and_times(small):
    handling.main(BACKBONE, "0")
    assert not (small / f"models/.handling/{BACKBONE}-0").exists()
    seconds = json.loads((small / f"logs/handling/{BACKBONE}-0.json").read_text())
    assert sorted(seconds) == sorted(Trial(units, lr).name for units in UNITS for lr in RATES)


def test_test_rows_are_not_looked_at(small):
    import pandas as pd

    from webtoon_genre.data.tables import DATASET, read_table, write_table

    handling.main(BACKBONE, "0")
    before = cells(small, "0")
    rows = read_table(small / "data/dataset.parquet", DATASET)
    test = rows["split"] == "test"
    other = pd.concat([rows[~test], rows[test].assign(label=1 - rows[test]["label"])]).sort_index()
    other["genre"] = other["label"].map(rows.drop_duplicates("label").set_index("label")["genre"])
    write_table(other, DATASET, small / "data/dataset.parquet")
    handling.main(BACKBONE, "0")
    assert cells(small, "0") == before


def test_several_processes_give_the_rows_of_one(small, set_params, run_stage):
    assert run_stage("handling", BACKBONE, "4").returncode == 0
    one = (small / f"metrics/handling/{BACKBONE}-4.json").read_bytes()
    set_params({"handling.workers": 2, "runtime.memory": 0})  # what crosses lies in files that both map
    done = run_stage("handling", BACKBONE, "4")
    assert done.returncode == 0, done.stderr
    assert (small / f"metrics/handling/{BACKBONE}-4.json").read_bytes() == one


def start(workspace: Path, *arguments: str) -> subprocess.Popen:
    """The stage in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "stages.handling", *arguments],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, seconds: float = 120) -> None:
    """Until `condition()`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def finished(workspace: Path, layers: str = "4") -> list[Path]:
    """Cells that a run under way has kept."""
    return sorted((workspace / f"models/.handling/{BACKBONE}-{layers}").rglob("[!.]*.json"))


def test_a_killed_run_goes_on_with_the_cells_that_were_not_finished(small, run_stage, set_params):
    assert run_stage("handling", BACKBONE, "4").returncode == 0
    whole = (small / f"metrics/handling/{BACKBONE}-4.json").read_bytes()
    (small / f"metrics/handling/{BACKBONE}-4.json").unlink()
    process = start(small, BACKBONE, "4")
    wait_for(lambda: finished(small))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    kept = finished(small)
    assert 0 < len(kept) < 4
    stamps = [path.stat().st_mtime_ns for path in kept]
    process = start(small, BACKBONE, "4")
    wait_for(lambda: len(finished(small)) > len(kept))
    assert [path.stat().st_mtime_ns for path in kept] == stamps  # not trained again
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert (small / f"metrics/handling/{BACKBONE}-4.json").read_bytes() == whole


def test_cells_that_were_finished_with_other_settings_are_trained_again(small, set_params):
    handling.main(BACKBONE, "0")
    before = cells(small, "0")
    set_params({"handling.epochs": 3})
    process = start(small, BACKBONE, "0")
    wait_for(lambda: finished(small, "0"))
    process.kill()
    process.communicate()
    set_params({"handling.epochs": 2})
    handling.main(BACKBONE, "0")
    assert cells(small, "0") == before


def test_the_study_s_grid_of_216_cells_is_one_line_away(workspace):
    path = workspace / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count("  grid: *small ") == 1
    path.write_text(text.replace("  grid: *small ", "  grid: *study "), encoding="utf-8")
    grid = params.read(handling.Params).handling.grid
    stages = [(backbone, layers) for backbone in grid.backbones for layers in grid.unfreeze]
    assert grid.unfreeze == [0, 10, 20, 30, 40, "all"]
    assert (len(stages), len(stages) * len(grid.cells())) == (24, 216)
    graph = YAML(typ="safe", pure=True).load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
    matrix = graph["stages"]["handling"]["matrix"]
    assert matrix == {"backbone": "${handling.grid.backbones}", "unfreeze": "${handling.grid.unfreeze}"}


def test_a_cut_that_is_no_number_is_one_line(small, run_stage):
    done = run_stage("handling", BACKBONE, "some")
    assert (done.returncode, done.stderr) == (1, "handling: UNFREEZE is 'some'; give a number of layers, or all\n")


def test_more_layers_than_there_are_is_one_line(small, run_stage):
    done = run_stage("handling", BACKBONE, "999")
    assert done.returncode == 1
    assert done.stderr.endswith("; give 0 to 65, or all\n") or "unfreeze is 999: this trunk has" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_engine_without_its_address_is_one_line(small, set_params):
    set_params({"handling.engine": "ray"})
    with pytest.raises(InputError, match=r"engine ray needs handling\.address, the cluster's host:port$"):
        handling.main(BACKBONE, "0")


def test_without_a_gpu_workers_are_bound_to_cores_of_their_own(monkeypatch):
    monkeypatch.setattr(processes.os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4}, raising=False)
    assert processes.worker_devices(2, None) == [[0, 1], [2, 3]]
    assert processes.worker_devices(2, 1) == [[0, 1]]
    assert processes.worker_devices(8, None) == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert processes.worker_devices(1, 3) == [[0], [1], [2]]


def test_with_gpus_there_is_a_worker_for_each(monkeypatch):
    import keras

    monkeypatch.setattr(keras.distribution, "list_devices", lambda _: ["gpu:0", "gpu:1"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert processes.worker_devices(2, None) == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert processes.worker_devices(2, None) == ["3", "5"]
    monkeypatch.setattr(keras.distribution, "list_devices", lambda _: ["gpu:0"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert processes.worker_devices(2, None) == ["5"]  # one GPU: one cell at a time
