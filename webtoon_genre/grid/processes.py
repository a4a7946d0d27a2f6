"""Trials on this machine: one after the other in this process, or in several, each bound to a GPU or to its own cores."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.workers import end_with_parent
from webtoon_genre.grid.job_spec import JobSpec, on_disk, pack
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner

Device = str | list[int]  # the number of a GPU, or cores
_runner: TrialRunner  # of this process, where it is a worker


def run(runner: TrialRunner, trials: Sequence[Trial], workers: int | None) -> Iterator[tuple[Trial, TrialResult]]:
    """Run `trials` and yield each when it is done. `workers`: processes at once; None: one a GPU, or as many as cores allow."""
    devices = worker_devices(runner.runtime.intra_op, workers)[: len(trials)]
    if len(devices) <= 1:
        yield from ((trial, runner.run(trial)) for trial in trials)
        return
    with tempfile.TemporaryDirectory(prefix="handling-") as folder:
        job = on_disk(pack(runner), runner, Path(folder))
        yield from run_in_processes(job, trials, devices)


def worker_devices(intra_op: int, workers: int | None) -> list[Device]:
    """The device of each worker: one GPU, however many workers are asked for; without GPUs `intra_op` cores, reused in turn."""
    import keras

    if gpus := keras.distribution.list_devices("gpu"):
        names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        visible = names if len(names) == len(gpus) else [str(number) for number in range(len(gpus))]
        return list(visible[:workers])
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    count = workers or max(1, len(cores) // intra_op)
    return [[cores[(worker * intra_op + core) % len(cores)] for core in range(intra_op)] for worker in range(count)]


def run_in_processes(
    job: JobSpec, trials: Sequence[Trial], devices: Sequence[Device]
) -> Iterator[tuple[Trial, TrialResult]]:
    """Run `trials` in one process for each device."""
    context = get_context("spawn")  # TensorFlow's threads do not survive a fork
    free: Queue[Device] = context.Queue()
    for device in devices:
        free.put(device)
    with ProcessPoolExecutor(len(devices), context, start_worker, (job, free)) as pool:
        pending = {pool.submit(run_trial, trial): trial for trial in trials}
        try:
            for future in as_completed(pending):
                yield pending[future], future.result()
        except BrokenProcessPool:
            raise InputError(
                "a worker process was killed, perhaps for lack of memory; run the stage again: it resumes after the finished trials"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def start_worker(job: JobSpec, free: "Queue[Device]") -> None:
    """Bind this process to the next free device, and build its runner."""
    global _runner
    end_with_parent()
    device = free.get()
    if isinstance(device, str):
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    elif hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, device)
    _runner = job.runner()


def run_trial(trial: Trial) -> TrialResult:
    """Run one trial with this process's runner."""
    return _runner.run(trial)
