"""webtoon_genre/grid/ray_cluster.py: the grid on a Ray cluster of this machine, of which a node is killed."""

import warnings

import pytest
from test_handling import SMALL, finished, start, wait_for

from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core.errors import InputError
from webtoon_genre.grid import ray_cluster


@pytest.fixture(scope="module")
def nodes():
    """A Ray cluster of two nodes, one core each, on this machine; it tells nobody of itself."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster

        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        other = made.add_node(num_cpus=1)
    yield made, other
    made.shutdown()


@pytest.fixture
def small(prepared, set_params, nodes):
    """A workspace with a grid of six cells a cut, to be trained on the cluster."""
    grid = {**SMALL["handling.grid"], "units": [4, 8, 16]}
    address = nodes[0].address
    set_params({**SMALL, "handling.grid": grid, "handling.engine": "ray", "handling.address": address})
    return prepared


def test_a_cluster_that_loses_a_node_in_mid_grid_gives_the_table_of_this_machine(small, set_params, run_stage, nodes):
    process = start(small, BACKBONE, "4")
    wait_for(lambda: finished(small) or process.poll() is not None)
    assert 0 < len(finished(small)) < 6
    nodes[0].remove_node(nodes[1], allow_graceful=False)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    far = (small / f"metrics/handling/{BACKBONE}-4.json").read_bytes()
    set_params({"handling.engine": "local", "handling.workers": 1})
    assert run_stage("handling", BACKBONE, "4").returncode == 0
    assert (small / f"metrics/handling/{BACKBONE}-4.json").read_bytes() == far


def test_more_cores_than_any_machine_of_the_cluster_has_is_one_line(small, set_params, run_stage):
    set_params({"runtime.intra_op": 3})
    done = run_stage("handling", BACKBONE, "0")
    assert done.returncode == 1
    assert done.stderr == "handling: runtime.intra_op is 3: no machine of the Ray cluster has more than 1 cores\n"


def test_a_cluster_that_does_not_answer_is_one_line(small, set_params, run_stage):
    set_params({"handling.address": "127.0.0.1:9"})
    done = run_stage("handling", BACKBONE, "0")
    assert done.returncode == 1
    assert done.stderr.startswith("handling: no Ray cluster answers at handling.address 127.0.0.1:9 (")
    assert done.stderr.endswith("; start one with `ray start --head`\n")
    assert done.stderr.count("\n") == 1


def test_an_address_that_is_none_is_one_line():
    with pytest.raises(
        InputError, match=r"^handling\.address is 'here'; give the host:port that `ray start --head` prints$"
    ):
        ray_cluster.connect("here")


def test_without_ray_is_one_line(monkeypatch):
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"^handling\.engine is ray, which is not installed here; "):
        next(ray_cluster.run(None, [], "127.0.0.1:9", "x"))
