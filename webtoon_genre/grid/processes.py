"""Cells on this machine: one after the other in this process, or in several, each bound to a GPU or to cores of its own."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

from webtoon_genre.core.errors import InputError
from webtoon_genre.grid.job_spec import JobSpec, on_disk, pack
from webtoon_genre.grid.trials import Trial, TrialResult, TrialRunner

Device = str | list[int]  # a GPU by its number, or cores
_trainer: TrialRunner  # of this process, where it is a worker


def run(trainer: TrialRunner, cells: Sequence[Trial], workers: int | None) -> Iterator[tuple[Trial, TrialResult]]:
    """Train `cells`; each is given when it is done. `workers`: processes at once; None: as many as there are GPUs, or cores to fill."""
    bound = worker_devices(trainer.runtime.intra_op, workers)[: len(cells)]
    if len(bound) <= 1:
        yield from ((cell, trainer.train(cell)) for cell in cells)
        return
    with tempfile.TemporaryDirectory(prefix="handling-") as folder:
        job = on_disk(pack("", trainer), trainer, Path(folder))
        yield from run_in_processes(job, cells, bound)


def worker_devices(intra_op: int, workers: int | None) -> list[Device]:
    """Where workers are bound: a GPU each, however many are asked for; without GPUs `intra_op` cores each, as far as they go."""
    import keras

    if gpus := keras.distribution.list_devices("gpu"):
        names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        visible = names if len(names) == len(gpus) else [str(number) for number in range(len(gpus))]
        return list(visible[:workers])
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    count = workers or max(1, len(cores) // intra_op)
    return [[cores[(worker * intra_op + each) % len(cores)] for each in range(intra_op)] for worker in range(count)]


def run_in_processes(
    job: JobSpec, cells: Sequence[Trial], bound: Sequence[Device]
) -> Iterator[tuple[Trial, TrialResult]]:
    """Train `cells` in as many processes as there are places."""
    context = get_context("spawn")  # TensorFlow's threads do not survive a fork
    free: Queue[Device] = context.Queue()
    for place in bound:
        free.put(place)
    with ProcessPoolExecutor(len(bound), context, start_worker, (job, free)) as pool:
        waiting = {pool.submit(run_trial, cell): cell for cell in cells}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BrokenProcessPool:
            raise InputError(
                "a worker process was killed, perhaps for want of memory; run it again: finished cells are kept"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def start_worker(job: JobSpec, free: "Queue[Device]") -> None:
    """Bind this process to the next free place, and unpack the job in it."""
    global _trainer
    place = free.get()
    if isinstance(place, str):
        os.environ["CUDA_VISIBLE_DEVICES"] = place
    elif hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, place)
    _trainer = job.trainer()


def run_trial(cell: Trial) -> TrialResult:
    """Train one cell with this process's trainer."""
    return _trainer.train(cell)
