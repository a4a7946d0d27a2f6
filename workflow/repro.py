"""Rebuild what is not up to date, independent stages side by side: DVC by itself runs one stage after the other.

Runs `dvc --wait-for-lock repro --single-item STAGE` for each stage, in the order of the graph, at most `--jobs` at once, in processes that
import DVC once. DVC locks the files that a stage reads and writes, and the repository only between commands. After a failure no other
stage starts, and the exit code is 1. Stages, outputs and dvc.lock are those of `dvc repro`.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Annotated, TextIO

import typer

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.workers import end_with_parent
from workflow.command import dvc_json

NOTICES = (
    "Updating lock file",
    "Generating lock file",
    "To track",
    "To enable",
    "Use `dvc push`",
    "\tgit add",
    "\tdvc config",
    "Running",
)
Graph = Mapping[str, set[str]]  # by stage, the stages whose outputs it reads


def read_graph() -> Graph:
    """The graph of the stages, in the order of dvc.yaml."""
    from dvc.repo import Repo

    with Repo() as repo:
        graph = repo.index.graph
        order = [stage for stage in repo.index.stages if stage in graph]
        return {stage.addressing: {dep.addressing for dep in graph.successors(stage)} for stage in order}


def affected_stages(graph: Graph, changed: Iterable[str]) -> Graph:
    """The part of the graph that `changed` stages and all that read their outputs are; an output that stays the same ends a branch."""
    affected = set(changed)
    while more := {stage for stage, deps in graph.items() if stage not in affected and deps & affected}:
        affected |= more
    return {stage: deps & affected for stage, deps in graph.items() if stage in affected}


def start_worker() -> None:
    """Prepare a process that runs stages: what it and they print goes through `print_lines`; `python` in dvc.yaml is this one."""
    end_with_parent()
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    stderr = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    reader, writer = os.pipe()
    for descriptor in (1, 2):
        os.dup2(writer, descriptor)
    os.close(writer)
    Thread(
        target=print_lines, args=(os.fdopen(reader, encoding="utf-8", errors="backslashreplace"), stderr), daemon=True
    ).start()


def print_lines(source: TextIO, target: TextIO) -> None:
    """Print whole lines, so that those of stages side by side do not mix, without DVC's notices."""
    for line in source:
        if line.strip() and not line.startswith(NOTICES):
            target.write(line)
            target.flush()


def run_stage(stage: str) -> bool:
    """Run a stage that is not up to date, and return whether it succeeded."""
    from dvc.cli import main

    return main(["--wait-for-lock", "repro", "--single-item", stage]) == 0


def run_stages(graph: Graph, jobs: int) -> str | None:
    """Run all stages of the graph, at most `jobs` at once; the name of one that failed, None where all succeeded."""
    waiting, running, failed = dict(graph), dict[Future[bool], str](), None
    with ProcessPoolExecutor(jobs, get_context("spawn"), start_worker) as pool:
        while running or (waiting and failed is None):
            blocking = {*waiting, *running.values()}
            ready = [stage for stage, deps in waiting.items() if not deps & blocking] if failed is None else []
            for stage in ready[: jobs - len(running)]:
                del waiting[stage]
                running[pool.submit(run_stage, stage)] = stage
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                stage = running.pop(future)
                failed = failed if future.result() else stage
    return failed


def main(jobs: Annotated[int, typer.Option(min=1, help="stages at once; each may hold 4 GB")] = 2) -> None:
    """Rebuild what is not up to date."""
    graph = affected_stages(read_graph(), dvc_json("status"))
    if not graph:
        typer.echo("Data and pipelines are up to date.")
    if failed := run_stages(graph, jobs):
        raise InputError(f"stage {failed} failed, see above; stages that ended before are recorded: run again")


if __name__ == "__main__":
    run(main, "repro", "workflow")
