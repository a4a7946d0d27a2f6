"""Experiments by DVC, as the README types them: queued, compared, applied, branched, and restored in place of trained."""

import json
import time

import pytest

from tests.support.tiny_params import BACKBONE

PATIENCE = 900  # seconds for two queued experiments on a busy machine


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed, and a grid of two learning rates queued and run side by side."""
    made = pipeline()
    made.queued = made.type("dvc exp run --queue -S 'lr=1e-3,1e-5'")
    made.type("dvc queue start -j 2")
    deadline = time.monotonic() + PATIENCE
    while any(state in (told := made.type("dvc queue status")) for state in ("Queued", "Running")):
        assert time.monotonic() < deadline, told
        time.sleep(3)  # asking costs a second of a core
    assert told.count("Success") == 2, told
    yield made
    made.type("dvc queue stop")


def shown(clone) -> dict[float, dict]:
    """What `dvc exp show` tells of each experiment, by learning rate."""
    (baseline,) = json.loads(clone.type("dvc exp show --json --hide-workspace"))
    found = {}
    for each in baseline["experiments"]:
        (revision,) = each["revs"]
        found[revision["data"]["params"]["params.yaml"]["data"]["lr"]] = revision
    return found


def scores(clone, experiment: dict) -> dict:
    """metrics/summary.json as an experiment committed it."""
    return json.loads(clone.type(f"git show {experiment['rev']}:metrics/summary.json"))


def test_a_queued_grid_leaves_the_workspace_as_it_is(clone):
    assert clone.queued.count("Queued experiment") == 2
    assert clone.type("git status --porcelain") == ""
    assert "Data and pipelines are up to date." in clone.type("dvc status")


def test_each_experiment_of_the_grid_is_shown_with_its_scores(clone):
    found = shown(clone)
    assert sorted(found) == [1e-5, 1e-3]
    for each in found.values():
        told = each["data"]["metrics"]["metrics/summary.json"]["data"]["backbones"][BACKBONE]
        assert told.items() <= scores(clone, each)["backbones"][BACKBONE].items()


def test_two_experiments_are_compared(clone):
    found = shown(clone)
    names = " ".join(found[lr]["name"] for lr in (1e-5, 1e-3))
    params = json.loads(clone.type(f"dvc exp diff {names} --json"))["params"]["params.yaml"]
    assert params == {"lr": {"old": 1e-5, "new": 1e-3, "diff": pytest.approx(1e-3 - 1e-5)}}


def test_an_experiment_is_applied_and_taken_back(clone):
    experiment = shown(clone)[1e-3]
    clone.type(f"dvc exp apply {experiment['name']}")
    applied = json.loads((clone.folder / "metrics/summary.json").read_text())
    assert applied == scores(clone, experiment)
    assert "Data and pipelines are up to date." in clone.type("dvc status")
    clone.type("git checkout -q . && dvc checkout -q")


def test_an_experiment_becomes_a_branch(clone):
    name = shown(clone)[1e-3]["name"]
    clone.type(f"dvc exp branch {name} quick")
    clone.type("git checkout -q quick && dvc checkout -q")
    assert "lr: 0.001" in (clone.folder / "params.yaml").read_text()
    assert clone.ran(clone.type("dvc repro")) == []
    clone.type("git checkout -q main && dvc checkout -q && git branch -qD quick")


def test_what_was_trained_before_is_restored_from_the_run_cache(clone):
    for each in shown(clone).values():
        clone.type(f"dvc exp remove {each['name']}")
    printed = clone.type("dvc exp run -S lr=1e-3")
    assert "train" not in clone.ran(printed)
    assert f"Stage 'train@{BACKBONE}' is cached - skipping run, checking out outputs" in printed
    clone.type("git checkout -q . && dvc checkout -q")


def test_a_temporary_run_leaves_the_workspace_as_it_is(clone):
    printed = clone.type("dvc exp run --temp -S lr=1e-5 -n aside")
    assert "train" not in clone.ran(printed)  # restored too
    assert clone.type("git status --porcelain") == ""
    assert "aside" in clone.type("dvc exp list --name-only")
