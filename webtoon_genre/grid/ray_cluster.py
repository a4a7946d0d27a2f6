"""Cells on the machines of a Ray cluster, one a task; a task whose machine is lost is given to another one."""

import importlib.util
import logging
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webtoon_genre.core.errors import InputError
from webtoon_genre.grid.job_spec import JobSpec, pack
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner

if TYPE_CHECKING:
    import ray

PACKAGE = Path(__file__).parent.parent  # the code that workers run, sent to them as it is here
TIMEOUT = 10  # seconds for the cluster to answer
RETRIES = 10  # of a cell whose process or machine was lost
_trainers: dict[str, TrialRunner] = {}  # of this process, where it is a worker: the last job's


def run(trainer: TrialRunner, cells: Sequence[Trial], address: str, name: str) -> Iterator[tuple[Trial, TrialResult]]:
    """Train `cells` on the cluster at `address`; each is given when it is done. `name`: of the job, unlike any other's."""
    if importlib.util.find_spec("ray") is None:
        raise InputError("handling.engine is ray, which is not installed here; install webtoon-genre[ray]")
    import ray

    connect(address)
    try:
        task = ray.remote(run_trial).options(max_retries=RETRIES, **task_resources(trainer.runtime.intra_op))
        job = ray.put(pack(name, trainer))
        waiting = {task.remote(job, cell): cell for cell in cells}
        while waiting:
            done, _ = ray.wait(list(waiting))
            for each in done:
                yield waiting.pop(each), task_result(each)
    finally:
        ray.shutdown()


def connect(address: str) -> None:
    """Join the cluster; Ray itself takes minutes to tell that nobody is there, so that is asked first."""
    import ray

    environment = {"py_modules": [str(PACKAGE)]}
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"handling.address is {address!r}; give the host:port that `ray start --head` prints")
    try:
        socket.create_connection((host, int(port)), TIMEOUT).close()
        ray.init(address, runtime_env=environment, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"no Ray cluster answers at handling.address {address} ({reason}); start one with `ray start --head`"
        ) from None


def task_resources(intra_op: int) -> dict[str, Any]:
    """What a task takes of a machine: a GPU if the cluster has any, and the cores that runtime.intra_op names."""
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(each.get("CPU", 0) >= intra_op for each in machines):
        most = max((int(each.get("CPU", 0)) for each in machines), default=0)
        raise InputError(f"runtime.intra_op is {intra_op}: no machine of the Ray cluster has more than {most} cores")
    return {"num_cpus": intra_op, "num_gpus": int(any(each.get("GPU", 0) for each in machines))}


def task_result(reference: "ray.ObjectRef") -> TrialResult:
    """What a task gave, or one line of why it gave nothing."""
    import ray

    try:
        return ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"a cell was lost {RETRIES} times ({reason}); run it again: finished cells are kept") from None


def run_trial(job: JobSpec, cell: Trial) -> TrialResult:
    """Train one cell; the job is unpacked once a process."""
    if job.name not in _trainers:
        _trainers.clear()
        _trainers[job.name] = job.trainer()
    return _trainers[job.name].train(cell)
