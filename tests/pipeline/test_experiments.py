"""DVC experiments with the commands of the documentation: queued, compared, applied, turned into a branch, and restored."""

import json
import time

import pytest

from tests.support.tiny_params import BACKBONE

pytestmark = pytest.mark.slow
PATIENCE = 900  # seconds for two queued experiments on a busy machine
FROZEN = "select finetune export cards report"  # stages that would follow another learning rate: the commands need none of them


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed, and a grid of two learning rates, queued and run in parallel."""
    repository = pipeline()
    repository.type(f"dvc freeze {FROZEN} && git commit -qam frozen")
    repository.queue_output = repository.type("dvc exp run --queue -S 'lr=1e-4,1e-5'")
    repository.type("dvc queue start -j 2")
    deadline = time.monotonic() + PATIENCE
    while any(state in (status := repository.type("dvc queue status")) for state in ("Queued", "Running")):
        assert time.monotonic() < deadline, status
        time.sleep(3)  # the command takes a second of a core
    assert status.count("Success") == 2, status
    yield repository
    repository.type("dvc queue stop")


def experiments_by_rate(clone) -> dict[float, dict]:
    """The experiments in `dvc exp show`, by learning rate."""
    (baseline,) = json.loads(clone.type("dvc exp show --json --hide-workspace"))
    experiments = {}
    for experiment in baseline["experiments"]:
        (revision,) = experiment["revs"]
        experiments[revision["data"]["params"]["params.yaml"]["data"]["lr"]] = revision
    return experiments


def summary_of(clone, experiment: dict) -> dict:
    """metrics/summary.json of an experiment's commit."""
    return json.loads(clone.type(f"git show {experiment['rev']}:metrics/summary.json"))


def test_a_queued_grid_leaves_the_workspace_unchanged(clone):
    assert clone.queue_output.count("Queued experiment") == 2
    assert clone.type("git status --porcelain") == ""
    assert "Data and pipelines are up to date." in clone.type("dvc status")


def test_each_experiment_of_the_grid_is_shown_with_its_scores(clone):
    experiments = experiments_by_rate(clone)
    assert sorted(experiments) == [1e-5, 1e-4]
    for experiment in experiments.values():
        scores = experiment["data"]["metrics"]["metrics/summary.json"]["data"]["backbones"][BACKBONE]
        assert scores.items() <= summary_of(clone, experiment)["backbones"][BACKBONE].items()


def test_two_experiments_are_compared(clone):
    experiments = experiments_by_rate(clone)
    names = " ".join(experiments[lr]["name"] for lr in (1e-5, 1e-4))
    params = json.loads(clone.type(f"dvc exp diff {names} --json"))["params"]["params.yaml"]
    assert params == {"lr": {"old": 1e-5, "new": 1e-4, "diff": pytest.approx(1e-4 - 1e-5)}}


def test_an_experiment_is_applied_and_undone(clone):
    experiment = experiments_by_rate(clone)[1e-4]
    clone.type(f"dvc exp apply {experiment['name']}")
    applied = json.loads((clone.folder / "metrics/summary.json").read_text())
    assert applied == summary_of(clone, experiment)
    assert "Data and pipelines are up to date." in clone.type("dvc status")
    clone.type("git checkout -q . && dvc checkout -q")


def test_an_experiment_becomes_a_branch(clone):
    name = experiments_by_rate(clone)[1e-4]["name"]
    clone.type(f"dvc exp branch {name} quick")
    clone.type("git checkout -q quick && dvc checkout -q")
    assert "lr: 0.0001" in (clone.folder / "params.yaml").read_text()
    assert clone.stages_run(clone.type("dvc repro")) == []
    clone.type("git checkout -q main && dvc checkout -q && git branch -qD quick")


def test_a_temporary_run_restores_an_earlier_training_and_leaves_the_workspace_unchanged(clone):
    for experiment in experiments_by_rate(clone).values():
        clone.type(f"dvc exp remove {experiment['name']}")
    output = clone.type("dvc exp run --temp -S lr=1e-4 -n aside")
    assert "train" not in clone.stages_run(output)
    assert f"Stage 'train@{BACKBONE}' is cached - skipping run, checking out outputs" in output
    assert clone.type("git status --porcelain") == ""
    assert "aside" in clone.type("dvc exp list --name-only")
