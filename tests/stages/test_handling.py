"""stages/handling.py: the grid, trial by trial, on any engine."""

import json
import re
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import handling, train
from tests.conftest import REPOSITORY, edit_params
from tests.support.grid_runs import RATES, SMALL, UNITS, finished, start, wait_for
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import read
from webtoon_genre.data.tables import DATASET, read_table, write_table
from webtoon_genre.grid import processes
from webtoon_genre.grid.trials import Trial


@pytest.fixture
def small_grid(training_workspace, set_params):
    """A workspace with a grid of four trials, with four layers unfrozen."""
    set_params(SMALL)
    return training_workspace


@pytest.fixture
def frozen_grid(small_grid, set_params):
    """The same with all layers frozen."""
    set_params({"handling.grid.unfreeze": [0]})
    return small_grid


@pytest.fixture(scope="module")
def rows_of_one_process(pipeline_inputs, tmp_path_factory) -> bytes:
    """The metrics of `small_grid` by one process."""
    folder = tmp_path_factory.mktemp("one_process")
    shutil.copytree(pipeline_inputs, folder, dirs_exist_ok=True)
    edit_params(folder / "params.yaml", SMALL)
    process = start(folder)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return (folder / f"metrics/handling/{BACKBONE}.json").read_bytes()


def trial_rows(workspace: Path) -> list[dict]:
    """The rows that the stage wrote."""
    return json.loads((workspace / f"metrics/handling/{BACKBONE}.json").read_text())["cells"]


def test_each_trial_is_a_row_in_the_order_of_the_params(small_grid):
    handling.main(BACKBONE)
    rows = trial_rows(small_grid)
    assert [(row["units"], row["lr"]) for row in rows] == [(units, lr) for units in UNITS for lr in RATES]
    assert set(rows[0]) == {
        "accuracy", "best_epoch", "epochs", "loss", "lr", "trainable_parameters", "unfreeze", "units", "val_accuracy",
        "val_accuracy_interval", "val_loss", "val_titles",
    }  # fmt: skip
    assert rows[0]["trainable_parameters"] < rows[2]["trainable_parameters"]


@pytest.mark.slow
@pytest.mark.parametrize("layers", [pytest.param(0, marks=pytest.mark.exhaustive), 4])
def test_a_trial_equals_a_model_of_train_with_the_same_params(small_grid, set_params, layers):
    # the last trial of a grid, and one model trained alone: equal to the last digit
    set_params({"handling.grid.unfreeze": [layers]})
    handling.main(BACKBONE)
    row = trial_rows(small_grid)[3]
    assert row.pop("unfreeze") == layers
    set_params({"lr": row["lr"], "head.units": row["units"], "train.unfreeze": layers, "train.epochs": 2})
    train.main(BACKBONE)
    single = json.loads((small_grid / f"metrics/train/{BACKBONE}.json").read_text())["cells"][0]
    assert {**single, "units": row["units"], "lr": row["lr"]} == row


def test_a_finished_run_leaves_rows_and_times_only(frozen_grid):
    handling.main(BACKBONE)
    assert not (frozen_grid / f"models/.handling/{BACKBONE}-0").exists()
    seconds = json.loads((frozen_grid / f"logs/handling/{BACKBONE}-0.json").read_text())
    assert sorted(seconds) == sorted(Trial(units, lr).name for units in UNITS for lr in RATES)


@pytest.mark.slow
def test_test_rows_change_nothing(frozen_grid):
    handling.main(BACKBONE)
    before = trial_rows(frozen_grid)
    rows = read_table(frozen_grid / "data/dataset.parquet", DATASET)
    test = rows["split"] == "test"
    swapped = pd.concat([rows[~test], rows[test].assign(label=1 - rows[test]["label"])]).sort_index()
    swapped["genre"] = swapped["label"].map(rows.drop_duplicates("label").set_index("label")["genre"])
    write_table(swapped, DATASET, frozen_grid / "data/dataset.parquet")
    handling.main(BACKBONE)
    assert trial_rows(frozen_grid) == before


@pytest.mark.slow
def test_several_processes_give_the_rows_of_one(small_grid, set_params, run_stage, rows_of_one_process):
    set_params({"handling.workers": 2, "memory": 0})  # activations are in files that both processes map
    process = run_stage("handling", BACKBONE)
    assert process.returncode == 0, process.stderr
    assert (small_grid / f"metrics/handling/{BACKBONE}.json").read_bytes() == rows_of_one_process


@pytest.mark.slow
def test_a_killed_run_resumes_after_its_finished_trials(small_grid, rows_of_one_process):
    process = start(small_grid)
    wait_for(lambda: finished(small_grid))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    before = finished(small_grid)
    assert 0 < len(before) < 4
    stamps = [path.stat().st_mtime_ns for path in before]
    process = start(small_grid)
    wait_for(lambda: len(finished(small_grid)) > len(before))
    assert [path.stat().st_mtime_ns for path in before] == stamps  # not trained again
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert (small_grid / f"metrics/handling/{BACKBONE}.json").read_bytes() == rows_of_one_process


@pytest.mark.exhaustive
def test_finished_trials_of_other_params_are_trained_again(frozen_grid, set_params):
    handling.main(BACKBONE)
    before = trial_rows(frozen_grid)
    set_params({"handling.epochs": 3})
    process = start(frozen_grid)
    wait_for(lambda: finished(frozen_grid, "0"))
    process.kill()
    process.communicate()
    set_params({"handling.epochs": 2})
    handling.main(BACKBONE)
    assert trial_rows(frozen_grid) == before


def test_the_study_s_grid_of_216_trials_is_params_alone(workspace, set_params):
    page = (REPOSITORY / "docs/handling.md").read_text(encoding="utf-8")
    overrides = re.findall(r"-S '?([\w.]+)=([^\s'\\]+)'?", page.partition("## The default grid")[2].partition("##")[0])
    set_params({key: YAML(typ="safe", pure=True).load(value) for key, value in overrides})
    params = read(handling.Params)
    grid = params.handling.grid
    depths = [layers for backbone in ("resnet50", "inception_v3", "vgg16", "vgg19") for layers in grid.depths(backbone)]
    assert grid.unfreeze == [0, 10, 20, 30, 40, "all"]
    assert (len(depths), len(depths) * len(grid.trials())) == (24, 216)
    assert params.head.pool == "flatten"


OVERFLOW = [0.01, 1e30]  # learning rates: with the second, weights overflow
FAILED = {
    "accuracy": None, "best_epoch": None, "epochs": None, "loss": None, "trainable_parameters": None, "val_accuracy": None,
    "val_accuracy_interval": None, "val_loss": None, "val_titles": None, "failed": "loss is nan in epoch 1 at the learning rate 1e+30",
}  # fmt: skip


@pytest.mark.slow
def test_a_trial_whose_loss_is_not_finite_is_recorded_as_failed_and_the_others_count(frozen_grid, set_params, caplog):
    caplog.set_level("INFO")
    handling.main(BACKBONE)
    before = trial_rows(frozen_grid)
    set_params({"handling.grid.lr": OVERFLOW})
    handling.main(BACKBONE)
    rows = trial_rows(frozen_grid)
    assert [rows[0], rows[2]] == [before[0], before[2]]
    assert [rows[1], rows[3]] == [{"unfreeze": 0, "units": units, "lr": 1e30, **FAILED} for units in UNITS]
    assert caplog.messages[-1].endswith("; 2 of 4 trials failed")


def test_a_grid_of_which_all_trials_fail_is_recorded(frozen_grid, set_params, caplog):
    caplog.set_level("INFO")
    set_params({"handling.grid.lr": OVERFLOW[1:], "handling.grid.units": [4]})
    handling.main(BACKBONE)
    assert trial_rows(frozen_grid) == [{"unfreeze": 0, "units": 4, "lr": 1e30, **FAILED}]
    assert (
        caplog.messages[-1] == f"{BACKBONE}-0: 1 of 1 trials failed: loss is nan in epoch 1 at the learning rate 1e+30"
    )


@pytest.mark.exhaustive
def test_a_failed_trial_is_the_same_in_several_processes_and_after_a_kill(frozen_grid, set_params, run_stage):
    set_params({"handling.grid.lr": OVERFLOW})
    assert run_stage("handling", BACKBONE).returncode == 0
    rows = (frozen_grid / f"metrics/handling/{BACKBONE}.json").read_bytes()
    set_params({"handling.workers": 2})
    process = start(frozen_grid)
    wait_for(lambda: finished(frozen_grid, "0") or process.poll() is not None)
    process.kill()
    process.communicate()
    process = run_stage("handling", BACKBONE)
    assert process.returncode == 0, process.stderr
    assert (frozen_grid / f"metrics/handling/{BACKBONE}.json").read_bytes() == rows


def test_of_a_frozen_backbone_only_heads_are_trained(small_grid, set_params):
    set_params({"handling.grid.frozen": [BACKBONE], "handling.grid.units": [4], "handling.grid.lr": [0.01]})
    handling.main(BACKBONE)
    assert [row["unfreeze"] for row in trial_rows(small_grid)] == [0]


@pytest.mark.slow
def test_more_layers_than_the_backbone_has_are_one_line(small_grid, set_params, run_stage):
    set_params({"handling.grid.unfreeze": [999]})
    process = run_stage("handling", BACKBONE)
    assert process.returncode == 1
    assert process.stderr == "handling: unfreeze is 999: this backbone has 54 layers; give 0 to 54, or all\n"


def test_an_engine_without_its_address_is_one_line(training_workspace, set_params):
    set_params({"cluster.engine": "ray"})
    with pytest.raises(InputError, match=r"engine ray needs cluster\.address, the cluster's host:port$"):
        handling.main(BACKBONE)


def test_without_gpus_workers_are_bound_to_different_cores(monkeypatch):
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
    assert processes.worker_devices(2, None) == ["5"]  # one GPU: one trial at a time
