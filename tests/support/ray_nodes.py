"""A Ray cluster of two nodes on this machine, two cores each; the second one does not see the folder of the tests' workspaces.

The second node has a mount namespace of its own, in which that folder is empty. Its folder for temporary files shows what it read.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from webtoon_genre.cluster import ray_data
from webtoon_genre.cluster.params import ClusterParams

CORES = 2
COPIES = "webtoon-genre-*/*/[!.]*"  # files that workers got from elsewhere, in their folder for temporary files
HIDE_AND_START = 'mount -t tmpfs none "$0" && mkdir -p "$TMPDIR" && exec "$@"'


@dataclass
class Nodes:
    """A cluster. session: Ray's folder, with all logs. hidden: what the second node does not see. scratch: its own, outside `hidden`."""

    address: str
    session: Path
    hidden: Path
    scratch: Path
    second: subprocess.Popen | None = None

    def start_second(self) -> None:
        """Start the second node, unless it runs, with an empty folder for temporary files."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        if self.second is not None and self.second.poll() is None:
            return
        ray = Path(sys.executable).with_name("ray")
        command = [ray, "start", f"--address={self.address}", f"--num-cpus={CORES}", "--block"]
        self.second = subprocess.Popen(
            [*unshare(), "sh", "-c", HIDE_AND_START, self.hidden, *command],
            cwd="/",
            env={**os.environ, "TMPDIR": str(self.scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_nodes(self.address, 2)

    def kill_second(self) -> None:
        """End all processes of the second node at once, as when its machine loses power."""
        assert self.second is not None
        processes = psutil.Process(self.second.pid).children(recursive=True)
        for process in [*processes, self.second]:
            process.kill()
        self.second.wait()

    def read_by_second(self) -> list[str]:
        """The md5 of the files that workers of the second node got from elsewhere."""
        return sorted(path.parent.name + path.name for path in self.scratch.glob(COPIES))


def unshare() -> list[str]:
    """The command that runs another one in a mount namespace; the test is skipped where the system refuses it."""
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this system has no mount namespaces for this user: a node without the data cannot be made")
    return command


def wait_for_nodes(address: str, count: int, seconds: float = 60) -> None:
    """Return when so many nodes of the cluster are alive."""
    from ray._private.state import GlobalState
    from ray._raylet import GcsClientOptions

    state = GlobalState()
    state._initialize_global_state(GcsClientOptions.create(address, None, True, True))
    end = time.monotonic() + seconds
    while sum(node["Alive"] for node in state.node_table()) != count:
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def two_nodes(hidden: Path, scratch: Path) -> Iterator[Nodes]:
    """The cluster, with its first node running."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": CORES, "include_dashboard": False},
    )
    nodes = Nodes(cluster.address, Path(cluster.head_node.get_session_dir_path()), hidden, scratch)
    try:
        yield nodes
    finally:
        ray.shutdown()
        if nodes.second is not None and nodes.second.poll() is None:
            nodes.kill_second()
        cluster.shutdown()


def run_after(here: Path, scratch: Path) -> Callable[..., Iterator]:
    """`ray_data.run`, whose workers on a node that sees `here` wait until another one has copied a file to `scratch`.

    With little work the first node would do all of it.
    """
    run = ray_data.run

    def run_job(job: ray_data.Job, items: Sequence, params: ClusterParams) -> Iterator:
        def build(locate: Callable[[Path], Path]) -> Callable:
            function = job.build(locate)

            def wait_and_work(item: object) -> object:
                end = time.monotonic() + 300
                while here.exists() and not [*scratch.glob(COPIES)] and time.monotonic() < end:
                    time.sleep(0.1)
                return function(item)

            return wait_and_work

        return run(replace(job, build=build), items, params)

    return run_job


def main_after(here: Path, scratch: Path, main: Callable[[str], None], argument: str) -> None:
    """Run a stage in this process with `run_after`."""
    ray_data.run = run_after(here, scratch)
    main(argument)
