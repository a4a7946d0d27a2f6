"""Stages on a Ray cluster of two nodes, one of which lacks the data: the bytes of this machine."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from stages import features, handling, resize
from tests.support.grid_runs import SMALL, wait_for
from tests.support.head_runs import train_heads
from tests.support.image_factory import encode, picture, title, write_raw
from tests.support.new_process import in_new_process
from tests.support.pipeline_inputs import BACKBONE
from tests.support.ray_nodes import CORES, Nodes, main_after, run_after, two_nodes
from tests.support.remote_servers import Remote, s3rver
from tests.support.synthetic_features import write_dataset
from webtoon_genre.cluster import ray_data
from webtoon_genre.cluster.params import LOCAL, ClusterParams
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's own


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A cluster whose second node sees no workspace of the tests."""
    scratch = Path(tempfile.mkdtemp(prefix="node-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        with two_nodes(tmp_path_factory.getbasetemp(), scratch / "tmp") as nodes:
            yield nodes
    shutil.rmtree(scratch)


@pytest.fixture
def nodes(cluster: Nodes) -> Nodes:
    """The cluster with both nodes running; the second one has read nothing."""
    cluster.start_second()
    return cluster


@pytest.fixture
def on_cluster(nodes, workspace, set_params):
    """Params of a workspace that choose the cluster."""
    set_params({"cluster.engine": "ray", "cluster.address": nodes.address})


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """A file that only the first node sees."""
    path = tmp_path / "seen-by-the-first-node"
    path.touch()
    return path


@pytest.fixture
def reads_first(nodes: Nodes, seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of the first node wait until the second one has read a file."""
    monkeypatch.setattr(ray_data, "run", run_after(seen, nodes.scratch))


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """An S3 server, and the environment variables with which fsspec reaches it."""
    with s3rver() as remote:
        monkeypatch.setenv("FSSPEC_S3_ENDPOINT_URL", remote.options["endpointurl"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", remote.options["access_key_id"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", remote.options["secret_access_key"])
        for name, value in remote.environment.items():
            monkeypatch.setenv(name, value)
        yield remote


@pytest.fixture
def raw(workspace: Path) -> Path:
    """Thumbnails of six titles."""
    titles = [title(number, ["daily"], {1: encode(picture(number)), 2: b"no picture"}) for number in range(1, 7)]
    write_raw(workspace / "data/raw", titles)
    return workspace / "data/raw"


def digests(folder: Path) -> dict[str, str]:
    """The md5 of each file of a folder."""
    return {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_resize_writes_the_same_bytes_where_a_node_reads_from_s3(
    raw, nodes, reads_first, on_cluster, set_params, storage
):
    set_params({"cluster.engine": "local"})
    resize.main()
    local = digests(paths.RESIZED)
    shutil.rmtree(paths.RESIZED)
    set_params({"cluster.engine": "ray", "cluster.storage": storage.url})
    resize.main()
    assert digests(paths.RESIZED) == local
    read = nodes.read_by_second()
    assert read
    assert set(read) <= set(digests(raw / "thumbnails").values())
    objects = {path.parent.name + path.name.partition(".")[0] for path in storage.store.rglob("*_object")}
    assert objects == set(digests(raw / "thumbnails").values())
    log = storage.process.log.read_text()
    answers = {md5: log.count(f"files/md5/{md5[:2]}/{md5[2:]} 200 ") for md5 in objects}
    assert {md5 for md5, count in answers.items() if count > 1} == set(read)  # all were written once


def test_features_of_a_cluster_that_loses_a_node_are_those_of_this_machine(
    training_workspace, nodes, seen, on_cluster, set_params
):
    set_params({"features.batch": 4, "augment.copies": 1, "cluster.engine": "local"})
    in_new_process(features.main, BACKBONE)
    files = [paths.features(BACKBONE), paths.augmented_features(BACKBONE), paths.extractor(BACKBONE)]
    local = [path.read_bytes() for path in files]
    set_params({"cluster.engine": "ray"})
    killer = Thread(target=lambda: (wait_for(nodes.read_by_second, 300), nodes.kill_second()))
    killer.start()
    in_new_process(main_after, seen, nodes.scratch, features.main, BACKBONE)
    killer.join()
    assert nodes.second.poll() is not None
    assert [path.read_bytes() for path in files] == local


def test_handling_has_the_rows_of_this_machine_and_a_trial_may_fail(training_workspace, nodes, on_cluster, set_params):
    grid = {"frozen": [], "unfreeze": [4], "units": [4, 8], "lr": [0.01, 1e30]}
    set_params({**SMALL, "runtime.intra_op": CORES, "handling.grid": grid, "cluster.engine": "local"})
    rows = Path(f"metrics/handling/{BACKBONE}.json")
    in_new_process(handling.main, BACKBONE)
    local = rows.read_bytes()
    set_params({"cluster.engine": "ray"})
    in_new_process(handling.main, BACKBONE)
    assert rows.read_bytes() == local
    assert [row.get("failed") for row in json.loads(local)["cells"]] == [
        None, "loss is nan in epoch 1 at the learning rate 1e+30"
    ] * 2  # fmt: skip


def test_heads_have_the_weights_and_predictions_of_this_machine(workspace, nodes, on_cluster, set_params):
    set_params({"experiments.epochs": 4, "experiments.seeds": [*range(9)]})  # two chunks of heads for each run
    write_dataset(workspace)
    remote = in_new_process(train_heads, ClusterParams(engine="ray", address=nodes.address, storage=None))
    local = in_new_process(train_heads, LOCAL)
    for one, other in zip(remote, local, strict=True):
        np.testing.assert_array_equal(one.val, other.val)
        np.testing.assert_array_equal(one.test, other.test)
        for weights, expected in zip(one.heads, other.heads, strict=True):
            assert all(np.array_equal(*pair) for pair in zip(weights, expected, strict=True))


@pytest.fixture
def run_job(nodes: Nodes) -> Callable[..., list]:
    """A function that runs a job on the cluster; nested functions are pickled by value, since workers have no tests."""

    def run(function: Callable, items: Sequence, storage: str | None = None, **options: object) -> list:
        def build(locate: Callable[[Path], Path]) -> Callable:
            return lambda item: function(item, locate)

        job = ray_data.Job(build, gpu=False, **{"cores": 1, **options})
        return list(ray_data.run(job, items, ClusterParams(engine="ray", address=nodes.address, storage=storage)))

    return run


def test_an_input_error_of_a_worker_is_raised_here(run_job):
    def refuse(item: int, _: object) -> int:
        if item == 2:
            raise InputError("features of image 2 are not finite")
        return item

    with pytest.raises(InputError, match=r"^features of image 2 are not finite$"):
        run_job(refuse, [1, 2, 3])


def test_a_worker_that_is_lost_again_and_again_is_one_line(run_job, monkeypatch):
    monkeypatch.setattr(ray_data, "STARTS", 1)
    with pytest.raises(
        InputError, match=r"^a worker of the Ray cluster was lost 1 times, perhaps for lack of memory; "
    ):
        run_job(lambda *_: os._exit(1), [1])


def test_more_cores_than_any_machine_has_is_one_line(run_job):
    with pytest.raises(
        InputError, match=r"^a worker takes 3 cores \(runtime.intra_op\): no machine .* has more than 2$"
    ):
        run_job(lambda *_: None, [1], cores=3)


def test_workers_have_the_driver_s_keys_which_no_log_of_ray_has(
    run_job, nodes, reads_first, workspace, storage, monkeypatch
):
    monkeypatch.setenv("AWS_EXAMPLE", "not-for-logs")
    Path("file").write_text("content")

    def read(path: Path, locate: Callable[[Path], Path]) -> tuple[str, str | None]:
        return locate(path).read_text(), os.environ.get("AWS_EXAMPLE")

    results = run_job(read, [Path("file")] * 8, storage.url, files=[Path("file")])
    assert set(results) <= {("content", None), ("content", "not-for-logs")}
    assert ("content", "not-for-logs") in results  # of the node that lacks the file
    logs = [path for path in (nodes.session / "logs").rglob("*") if path.is_file()]
    assert logs
    assert not [path for path in logs if b"not-for-logs" in path.read_bytes()]
