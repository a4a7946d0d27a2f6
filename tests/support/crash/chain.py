"""Stages of the tiny pipeline under faults before they succeed: DVC's output, and the state of the files."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from tests.support.exhaustive import parameter
from tests.support.hostile_machine import PREFIX, environment
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone
from workflow import graph

DISKS = (
    "data",
    "models",
    "metrics",
    "plots",
    "report",
)  # folders that stages write to, each on a separate small file system
PAGE = 4096  # bytes; these file systems allocate whole pages
LARGE = "1g"
FULL, KILLED, LEFT, READ_ONLY = "full", "killed", "killed-then-read-only", "read-only"
NO_DISK = "this user may not mount a small file system"
FAULTS = (FULL, KILLED, LEFT, READ_ONLY)  # in the order in which a stage meets them


@dataclass(frozen=True)
class Case:
    """The faults of one stage."""

    stage: str  # DVC's name of it
    writes: str  # the file that it writes when it is killed
    disk: str  # the one of DISKS with room for half of the stage's files there
    usual: tuple[str, ...] = ()  # the faults that every run of the slow tests tries

    @property
    def module(self) -> str:
        """The stage's module in `stages`."""
        return self.stage.partition("@")[0]


DIFFERENT: dict[str, dict[str, Any]] = {  # experiments with other faults than experiment_cases has by default
    "label_limit": {"disk": "metrics"},
    "ambiguity": {"disk": "data"},
    "style": {"writes": "metrics/style.md", "disk": "metrics"},
}


def experiment_cases() -> list[Case]:
    """The experiments of dvc.yaml: each is killed at its last figure."""
    stages = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    cases = []
    for name in graph.experiments(list(stages)):
        figure = stages[name]["plots"][-1]
        path = figure if isinstance(figure, str) else next(iter(figure))
        cases.append(Case(**{"stage": name, "writes": path, "disk": "plots", **DIFFERENT.get(name, {})}))
    return cases


CASES = [  # each fault is usual for a stage that resumes, one that replaces a folder, or one of several outputs
    Case("crawl", "data/raw/episodes.parquet", "data", usual=(FULL, KILLED, READ_ONLY)),
    Case("resize", "data/.part-resized/index.parquet", "data", usual=(FULL, KILLED)),
    Case("label", "data/labels.parquet", "plots"),
    Case("validate", "metrics/validate.md", "metrics"),
    Case("zero_center", "plots/zero_center/mean.png", "data"),
    Case("split", "metrics/split.json", "data", usual=(KILLED, LEFT)),
    Case("baseline", "metrics/baseline.json", "metrics"),
    Case(f"pretrained@{BACKBONE}", f"models/pretrained/{BACKBONE}.weights.h5", "models"),
    Case(f"features@{BACKBONE}", f"data/features/{BACKBONE}.npy", "data"),
    Case(f"train@{BACKBONE}", f"plots/train/{BACKBONE}", "models"),
    Case(f"evaluate@{BACKBONE}", f"plots/evaluate/.part-{BACKBONE}/genres.png", "plots"),
    Case(f"handling@{BACKBONE}", f"metrics/handling/{BACKBONE}.json", "models", usual=(FULL, KILLED)),
    Case("select", "plots/handling", "plots"),
    Case("finetune", "metrics/finetune.json", "models"),
    Case("export", "models/best", "models"),
    *experiment_cases(),
    Case("summary", "plots/curves.png", "plots"),
    Case("cards", "data/croissant.json", "data"),
    Case("report", "report/index.html", "report"),
]


@dataclass
class Outcome:
    """One `dvc repro` of one stage: its exit code, its output, files of earlier stages that it removed or changed."""

    code: int
    output: str
    lost: list[str]
    seconds: float


@dataclass
class Chain:
    """A repository in which every stage has run; one after the other is undone, meets its faults and then succeeds."""

    clone: Clone
    lock: dict[str, list[str]]  # outputs by stage
    undisturbed: dict[str, str]  # digests of the files of a run without faults
    faulty: dict[tuple[str, str], Outcome] = field(default_factory=dict)  # by stage and fault
    finished: dict[str, Outcome] = field(default_factory=dict)  # by stage: the run after its faults
    leftovers: dict[str, list[str]] = field(default_factory=dict)  # by stage: hidden files after the kill

    def undo(self, case: Case) -> None:
        """Remove the outputs of a stage; its entry in dvc.lock is that of another command, and DVC's cache knows no run of it."""
        for path in (self.clone.folder / name for name in self.lock[case.stage]):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.clone.folder / ".dvc/cache/runs", ignore_errors=True)
        lock = self.clone.folder / "dvc.lock"
        before, entry = lock.read_text(encoding="utf-8").split(f"\n  {case.stage}:\n")
        lock.write_text(f"{before}\n  {case.stage}:\n{entry.replace('cmd: ', 'cmd: other ', 1)}", encoding="utf-8")

    def repro(self, case: Case, force: bool = False, prefix: str = "", **variables: str) -> Outcome:
        """Run this stage alone; `force`: although nothing changed, and then it must not lose its outputs either.

        prefix: the beginning of the command line.
        """
        before, start = digests(self.clone.folder), time.monotonic()
        option = " --force" if force else ""
        result = self.clone.run(f"{prefix} dvc repro{option} --single-item {case.stage}", **variables)
        seconds = time.monotonic() - start
        after = digests(self.clone.folder)
        outs = () if force else tuple(self.lock[case.stage])
        lost = [path for path in before if before[path] != after.get(path) and not path.startswith(outs)]
        return Outcome(result.returncode, result.stdout + result.stderr, lost, seconds)

    def run_killed(self, case: Case) -> Outcome:
        """Run the stage until it reaches the file that it writes."""
        outcome = self.repro(case, **kill_variables(case.module, case.writes))
        self.leftovers[case.stage] = hidden_files(self.clone.folder)
        return outcome

    def run_on_full_disk(self, case: Case, room: int) -> Outcome:
        """Run the stage with so many bytes left on its disk."""
        with full(self.clone.folder / case.disk, room):
            return self.repro(case)

    def run_on_read_only_disks(self, case: Case, force: bool) -> Outcome:
        """Run the stage with all disks read-only."""
        with read_only(*(self.clone.folder / name for name in DISKS)):
            return self.repro(case, force)

    def run(self, case: Case, faults: list[str]) -> None:
        """Undo a stage; run it under those of `faults` that come before its success, on another machine, on read-only disks."""
        paths = [path for path in self.lock[case.stage] if path.startswith(case.disk)]
        room = sum(size(self.clone.folder / path) for path in paths) // 2  # for half of the files that it writes there
        self.undo(case)
        if FULL in faults:
            self.faulty[case.stage, FULL] = self.run_on_full_disk(case, room)
        if KILLED in faults:
            self.faulty[case.stage, KILLED] = self.run_killed(case)
        if LEFT in faults:
            self.faulty[case.stage, LEFT] = self.run_on_read_only_disks(case, force=False)
        self.finished[case.stage] = self.repro(case, prefix=PREFIX, **environment(self.clone.folder.parent / "home"))
        if READ_ONLY in faults:
            self.faulty[case.stage, READ_ONLY] = self.run_on_read_only_disks(case, force=True)


def fault_parameters() -> list[ParameterSet]:
    """A parameter for each stage and fault; those that are not usual are exhaustive."""
    return [
        parameter((case, fault), f"{case.stage}-{fault}", fault in case.usual) for case in CASES for fault in FAULTS
    ]


def selected_cases(items: Iterable[pytest.Item]) -> list[tuple[Case, list[str]]]:
    """The stages of the selected tests of a chain, each with the faults of these tests, in the order of CASES."""
    tests = [item.callspec.params for item in items if "chain" in item.fixturenames and hasattr(item, "callspec")]
    stages = {params["case"].stage for params in tests if "case" in params}
    faults = {(params["case"].stage, params["fault"]) for params in tests if "fault" in params}
    return [
        (case, [fault for fault in FAULTS if (case.stage, fault) in faults]) for case in CASES if case.stage in stages
    ]


def kill_variables(module: str, target: str) -> dict[str, str]:
    """The environment in which a stage is killed while it writes `target`."""
    return {"PYTHONPATH": str(Path(__file__).parent), "KILLED_STAGE": module, "KILLED_AT": target}


def outputs(lock: Path) -> dict[str, list[str]]:
    """The outputs of every stage in a dvc.lock, in its order."""
    stages = YAML(typ="safe").load(lock.read_text(encoding="utf-8"))["stages"]
    return {name: [out["path"] for out in stage["outs"]] for name, stage in stages.items()}


def digests(folder: Path) -> dict[str, str]:
    """Digests of the files of DISKS in `folder` that are not hidden, by path."""
    return {
        path.relative_to(folder).as_posix(): md5(path.read_bytes()).hexdigest()
        for disk in DISKS
        for path in sorted((folder / disk).rglob("*"))
        if path.is_file() and not is_hidden(path.relative_to(folder))
    }


def hidden_files(folder: Path) -> list[str]:
    """The files of DISKS that are hidden, or in a hidden folder."""
    files = [path.relative_to(folder) for disk in DISKS for path in (folder / disk).rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in files if is_hidden(path))


def is_hidden(path: Path) -> bool:
    """Whether a path, or a folder in it, begins with a dot."""
    return any(part.startswith(".") for part in path.parts)


def size(path: Path) -> int:
    """Bytes of a file, or of the files of a folder."""
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.rglob("*"))


def mount(*arguments: str) -> bool:
    """Run `mount`; return whether it succeeded, as it does for a user with the right to mount."""
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0


@contextmanager
def disk(folder: Path, room: str = LARGE) -> Iterator[bool]:
    """A small file system at `folder`; False where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = mount("-t", "tmpfs", "-o", f"size={room}", "none", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def required_disk(folder: Path, room: str = LARGE) -> Iterator[None]:
    """`disk` for a test that needs it: skipped where this user may not mount one, as in a container without the right to."""
    with disk(folder, room) as mounted:
        if not mounted:
            pytest.skip(NO_DISK)
        yield


@contextmanager
def full(folder: Path, room: int = 0) -> Iterator[None]:
    """The file system at `folder` has only `room` bytes left."""
    state = os.statvfs(folder)
    used = (state.f_blocks - state.f_bfree) * state.f_frsize
    assert mount("-o", f"remount,size={max(used + room // PAGE * PAGE, PAGE)}", str(folder))
    try:
        yield
    finally:
        assert mount("-o", f"remount,size={LARGE}", str(folder))


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """The file systems at `folders` are read-only."""
    assert all(mount("-o", "remount,ro", str(folder)) for folder in folders)
    try:
        yield
    finally:
        assert all(mount("-o", "remount,rw", str(folder)) for folder in folders)


def table() -> str:
    """The table of docs/crash-safety.md, one column a fault; in brackets: what is exhaustive."""
    lines = ["| " + " | ".join(["stage", *(f"`{fault}`" for fault in FAULTS)]) + " |", "|---" * 5 + "|"]
    experiments = {case.stage for case in experiment_cases()}
    rows = [(case.stage, case) for case in CASES if case.stage not in experiments]
    last = [name for name, _ in rows].index("summary")
    rows.insert(last, ("every experiment", Case("", "its last figure", "plots")))
    lines += ["| " + " | ".join([name, *(describe(case, fault) for fault in FAULTS)]) + " |" for name, case in rows]
    return "\n".join(lines)


def describe(case: Case, fault: str) -> str:
    """The table's entry for a stage's fault."""
    text = {KILLED: f"writes `{case.writes}`", FULL: f"`{case.disk}/`"}.get(fault, "all")
    return text if fault in case.usual else f"({text})"


if __name__ == "__main__":
    print(table())  # noqa: T201
