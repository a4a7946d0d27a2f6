"""webtoon_genre/grid/ray_cluster.py: the grid on a Ray cluster of this machine, one of whose nodes is killed."""

import json
import warnings

import pytest

from tests.support.grid_runs import SMALL, finished, start, wait_for
from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.grid import ray_cluster


@pytest.fixture(scope="module")
def nodes():
    """A Ray cluster of two nodes, one core each, on this machine, without usage statistics."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        node = cluster.add_node(num_cpus=1)
    yield cluster, node
    cluster.shutdown()


@pytest.fixture
def cluster_grid(training_workspace, set_params, nodes):
    """A workspace with a grid of six trials for each `unfreeze`, to be run on the cluster."""
    grid = {**SMALL["handling.grid"], "units": [4, 8, 16]}
    address = nodes[0].address
    set_params({**SMALL, "handling.grid": grid, "handling.engine": "ray", "handling.address": address})
    return training_workspace


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_gives_the_rows_of_this_machine(cluster_grid, set_params, run_stage, nodes):
    process = start(cluster_grid)
    wait_for(lambda: finished(cluster_grid) or process.poll() is not None)
    assert 0 < len(finished(cluster_grid)) < 6
    nodes[0].remove_node(nodes[1], allow_graceful=False)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    rows = (cluster_grid / f"metrics/handling/{BACKBONE}.json").read_bytes()
    set_params({"handling.engine": "local", "handling.workers": 1})
    assert run_stage("handling", BACKBONE).returncode == 0
    assert (cluster_grid / f"metrics/handling/{BACKBONE}.json").read_bytes() == rows


@pytest.mark.slow
def test_a_trial_whose_loss_is_not_finite_is_recorded_as_failed_and_the_others_count(
    cluster_grid, set_params, run_stage
):
    set_params({"handling.grid.lr": [0.01, 1e30], "handling.grid.units": [4], "handling.grid.unfreeze": [0]})
    process = run_stage("handling", BACKBONE)
    assert process.returncode == 0, process.stderr
    rows = json.loads((cluster_grid / f"metrics/handling/{BACKBONE}.json").read_text())["cells"]
    assert [row.get("failed") for row in rows] == [None, "loss is nan in epoch 1 at the learning rate 1e+30"]
    assert 0 <= rows[0]["val_accuracy"] <= 1


@pytest.mark.slow
def test_more_cores_than_any_machine_of_the_cluster_has_is_one_line(cluster_grid, set_params, run_stage):
    set_params({"runtime.intra_op": 3})
    process = run_stage("handling", BACKBONE)
    assert process.returncode == 1
    assert process.stderr == "handling: runtime.intra_op is 3: no machine of the Ray cluster has more than 1 cores\n"


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_one_line(cluster_grid, set_params, run_stage):
    set_params({"handling.address": "127.0.0.1:9"})
    process = run_stage("handling", BACKBONE)
    assert process.returncode == 1
    assert process.stderr.startswith("handling: no Ray cluster answers at handling.address 127.0.0.1:9 (")
    assert process.stderr.endswith("; start one with `ray start --head`\n")
    assert process.stderr.count("\n") == 1


def test_an_address_without_a_port_is_one_line():
    with pytest.raises(
        InputError, match=r"^handling\.address is 'here'; give the host:port that `ray start --head` prints$"
    ):
        ray_cluster.connect("here")


def test_a_missing_ray_is_one_line(monkeypatch):
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"^handling\.engine is ray, which is not installed here; "):
        next(ray_cluster.run(None, [], "127.0.0.1:9", "x"))
