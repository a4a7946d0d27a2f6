"""webtoon_genre/cluster/ray_data.py: what is refused, and what a worker takes, without a cluster."""

import pytest

from webtoon_genre.cluster import ray_data
from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core.errors import InputError

JOB = ray_data.Job(lambda locate: locate, cores=1, gpu=False)


def ray_params(address: str) -> ClusterParams:
    """The params of a cluster without a storage."""
    return ClusterParams(engine="ray", address=address, storage=None)


def test_an_address_without_a_port_is_one_line():
    with pytest.raises(
        InputError, match=r"^cluster\.address is 'here'; give the host:port that `ray start --head` prints$"
    ):
        next(ray_data.run(JOB, [1], ray_params("here")))


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_one_line():
    with pytest.raises(
        InputError,
        match=r"^no Ray cluster answers at cluster\.address 127\.0\.0\.1:9 \(.*\); start one with `ray start --head`$",
    ):
        next(ray_data.run(JOB, [1], ray_params("127.0.0.1:9")))


def test_a_missing_ray_is_one_line(monkeypatch):
    monkeypatch.setattr(ray_data.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"^cluster\.engine is ray, which is not installed here; "):
        next(ray_data.run(JOB, [1], ray_params("127.0.0.1:9")))


@pytest.mark.parametrize(
    ("machines", "gpu", "expected"),
    [
        ([{"CPU": 5}, {"CPU": 2}, {}], True, ({"num_cpus": 2}, 3)),
        ([{"CPU": 8, "GPU": 2}, {"CPU": 8}], True, ({"num_cpus": 2, "num_gpus": 1}, 2)),
        ([{"CPU": 8, "GPU": 2}, {"CPU": 8}], False, ({"num_cpus": 2}, 8)),
        ([{"CPU": 3, "GPU": 2}], True, ({"num_cpus": 2, "num_gpus": 1}, 1)),
    ],
)
def test_workers_fill_the_cores_or_gpus_of_machines_that_are_alive(monkeypatch, machines, gpu, expected):
    ray = pytest.importorskip("ray")
    nodes = [{"Alive": True, "Resources": machine} for machine in machines]
    monkeypatch.setattr(ray, "nodes", lambda: [*nodes, {"Alive": False, "Resources": {"CPU": 99}}])
    assert ray_data.worker_resources(2, gpu) == expected
