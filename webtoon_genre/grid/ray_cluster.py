"""Trials on the machines of a Ray cluster, one a task; the task of a machine that is lost runs on another one."""

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

PACKAGE = Path(__file__).parents[1]  # the code that workers run; Ray sends it to them
TIMEOUT = 10  # seconds for the cluster to answer
RETRIES = 10  # of a trial whose process or machine was lost
_runners: dict[str, TrialRunner] = {}  # of this process, where it is a worker: that of the last job


def run(runner: TrialRunner, trials: Sequence[Trial], address: str, name: str) -> Iterator[tuple[Trial, TrialResult]]:
    """Run `trials` on the cluster at `address` and yield each when it is done. `name`: of the job, unlike any other's."""
    if importlib.util.find_spec("ray") is None:
        raise InputError("handling.engine is ray, which is not installed here; install webtoon-genre[ray]")
    import ray

    connect(address)
    try:
        task = ray.remote(run_trial).options(max_retries=RETRIES, **task_resources(runner.runtime.intra_op))
        job = ray.put(pack(name, runner))
        pending = {task.remote(job, trial): trial for trial in trials}
        while pending:
            done, _ = ray.wait(list(pending))
            for reference in done:
                yield pending.pop(reference), task_result(reference)
    finally:
        ray.shutdown()


def connect(address: str) -> None:
    """Join the cluster; a plain connection is tried first, since Ray itself takes minutes to report that nobody answers."""
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
    """What a task needs of a machine: a GPU if the cluster has any, and `intra_op` cores."""
    import ray

    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(machine.get("CPU", 0) >= intra_op for machine in machines):
        most = max((int(machine.get("CPU", 0)) for machine in machines), default=0)
        raise InputError(f"runtime.intra_op is {intra_op}: no machine of the Ray cluster has more than {most} cores")
    return {"num_cpus": intra_op, "num_gpus": int(any(machine.get("GPU", 0) for machine in machines))}


def task_result(reference: "ray.ObjectRef") -> TrialResult:
    """The result of a task, or InputError with the reason why there is none."""
    import ray

    try:
        return ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"a trial was lost {RETRIES} times ({reason}); run the stage again: it resumes after the finished trials"
        ) from None


def run_trial(job: JobSpec, trial: Trial) -> TrialResult:
    """Run one trial; a process builds the runner of a job once."""
    if job.name not in _runners:
        _runners.clear()
        _runners[job.name] = job.runner()
    return _runners[job.name].run(trial)
