"""The tiny pipeline, stage by stage, each disturbed before it succeeds: what DVC printed, and what became of the files."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.hostile_machine import ON_IT, SETTINGS
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone

HERE = Path(__file__).parent
DISKS = ("data", "models", "metrics", "plots")  # where stages write, each on a small file system of its own
PAGE = 4096  # bytes in which these file systems give room
LARGE = "1g"
FULL, KILLED, LEFT, READ_ONLY = "full", "killed", "killed-then-read-only", "read-only"
NO_DISK = "this user may not mount a small file system"
FAULTS = (FULL, KILLED, LEFT, READ_ONLY)  # in the order in which a stage meets them
FEATURES = f"data/features/{BACKBONE}.npy"


@dataclass(frozen=True)
class Case:
    """How a stage is disturbed."""

    stage: str  # as DVC names it
    writes: str  # what it writes when it is killed
    disk: str  # which of DISKS has room for half of what it writes there
    quick: bool = False  # whether it meets a full disk and read-only ones in every run of the tests
    reads: str | None = None  # what it reads when it is killed in every run of the tests; it would take long to write

    @property
    def module(self) -> str:
        """`stages.` what."""
        return self.stage.partition("@")[0]

    def faults(self, every: bool) -> list[str]:
        """Those that it meets."""
        usual = (FULL, KILLED, READ_ONLY) if self.quick else (KILLED,)
        return [fault for fault in FAULTS if every or fault in usual]

    def killed_at(self, every: bool) -> str:
        """The file that it is at when it is killed."""
        return self.writes if every or self.reads is None else self.reads


CASES = [
    Case("crawl", "data/raw/episodes.parquet", "data", quick=True),
    Case("resize", "data/.part-resized/index.parquet", "data", quick=True),
    Case("label", "data/labels.parquet", "plots", quick=True),
    Case("validate", "metrics/validate.md", "metrics"),
    Case("zero_center", "plots/zero_center/mean.png", "data", quick=True),
    Case("split", "metrics/split.json", "data", quick=True),
    Case("baseline", "metrics/baseline.json", "metrics", quick=True),
    Case(f"pretrained@{BACKBONE}", f"models/pretrained/{BACKBONE}.weights.h5", "models", quick=True),
    Case(f"features@{BACKBONE}", f"data/features/{BACKBONE}.npy", "data"),
    Case(f"train@{BACKBONE}", f"plots/train/{BACKBONE}", "models"),
    Case(f"evaluate@{BACKBONE}", f"plots/evaluate/.part-{BACKBONE}/genres.png", "plots"),
    Case(f"handling@{BACKBONE}-0", f"metrics/handling/{BACKBONE}-0.json", "models"),
    Case(f"handling@{BACKBONE}-4", f"metrics/handling/{BACKBONE}-4.json", "metrics"),
    Case("select", "plots/handling", "plots", quick=True),
    Case("finetune", "metrics/finetune.json", "models"),
    Case("balance", "plots/balance.png", "plots", reads=FEATURES),
    Case("pairs", "plots/pairs_map.png", "plots", reads=FEATURES),
    Case("label_limit", "plots/label_limit.png", "metrics", reads=FEATURES),
    Case("criterion", "plots/criterion.png", "plots", reads=FEATURES),
    Case("ambiguity", "plots/ambiguity_titles.jpg", "data", reads=FEATURES),
    Case("style", "metrics/style.md", "metrics", reads="data/mean.npz"),
    Case("leakage", "plots/leakage_neighbours.png", "plots"),
    Case("summary", "plots/curves.png", "plots", quick=True),
]


@dataclass
class Seen:
    """A `dvc repro` of one stage: its exit code, all that it printed, files of earlier stages that it lost or changed."""

    code: int
    printed: str
    lost: list[str]
    seconds: float


@dataclass
class Chain:
    """A repository in which stage after stage is disturbed and then succeeds."""

    clone: Clone
    lock: dict[str, list[str]]  # of an undisturbed run: outputs by stage, in the order in which they ran
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)  # by stage and fault
    finished: dict[str, Seen] = field(default_factory=dict)  # by stage: the run after its faults
    kept: dict[str, list[str]] = field(default_factory=dict)  # by stage: hidden files that a kill left

    def repro(self, case: Case, again: bool = False, on: str = "", **environment: str) -> Seen:
        """Run this one stage; `again`: though there is nothing new, and then what it made itself is not to be lost either.

        on: what comes before the command line.
        """
        before, start = digests(self.clone.folder), time.monotonic()
        force = " --force" if again else ""
        done = self.clone.run(f"{on} dvc repro{force} --single-item {case.stage}", **environment)
        seconds = time.monotonic() - start
        after = digests(self.clone.folder)
        own = () if again else tuple(self.lock[case.stage])
        lost = [path for path in before if before[path] != after.get(path) and not path.startswith(own)]
        return Seen(done.returncode, done.stdout + done.stderr, lost, seconds)

    def killed(self, case: Case, target: str) -> Seen:
        """Run it until it is at the file `target`."""
        seen = self.repro(case, **deadly(case.module, target))
        self.kept[case.stage] = hidden(self.clone.folder)
        return seen

    def on_full_disk(self, case: Case, undisturbed: Path) -> Seen:
        """Run it with room for half of what it writes to its disk in an undisturbed run."""
        room = sum(size(undisturbed / path) for path in self.lock[case.stage] if path.startswith(case.disk)) // 2
        with full(self.clone.folder / case.disk, room):
            return self.repro(case)

    def on_read_only_disks(self, case: Case, again: bool) -> Seen:
        """Run it where it can write nothing."""
        with read_only(*(self.clone.folder / name for name in DISKS)):
            return self.repro(case, again)

    def run(self, case: Case, faults: list[str], killed_at: str, undisturbed: Path) -> None:
        """Disturb a stage by those of `faults` that come before its success, let it succeed on another machine, and disturb it again."""
        if FULL in faults:
            self.seen[case.stage, FULL] = self.on_full_disk(case, undisturbed)
        self.seen[case.stage, KILLED] = self.killed(case, killed_at)
        if LEFT in faults:
            self.seen[case.stage, LEFT] = self.on_read_only_disks(case, again=False)
        self.finished[case.stage] = self.repro(case, on=ON_IT, **SETTINGS)
        if READ_ONLY in faults:
            self.seen[case.stage, READ_ONLY] = self.on_read_only_disks(case, again=True)


def deadly(module: str, target: str) -> dict[str, str]:
    """The environment in which a stage is killed while it writes `target`, or as it begins to read it."""
    return {"PYTHONPATH": str(HERE), "KILLED_STAGE": module, "KILLED_AT": target}


def outputs(lock: Path) -> dict[str, list[str]]:
    """The outputs of each stage in a dvc.lock, in its order."""
    stages = YAML(typ="safe").load(lock.read_text(encoding="utf-8"))["stages"]
    return {name: [out["path"] for out in stage["outs"]] for name, stage in stages.items()}


def digests(folder: Path) -> dict[str, str]:
    """Of each file of the DISKS in `folder` that is no leftover: digest by path."""
    return {
        path.relative_to(folder).as_posix(): md5(path.read_bytes()).hexdigest()
        for disk in DISKS
        for path in sorted((folder / disk).rglob("*"))
        if path.is_file() and not concealed(path.relative_to(folder))
    }


def hidden(folder: Path) -> list[str]:
    """The files of the DISKS that are hidden, or in a hidden folder."""
    files = [path.relative_to(folder) for disk in DISKS for path in (folder / disk).rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in files if concealed(path))


def concealed(path: Path) -> bool:
    """Whether it is hidden, or in a hidden folder."""
    return any(part.startswith(".") for part in path.parts)


def size(path: Path) -> int:
    """Bytes of a file, or of the files of a folder."""
    return path.stat().st_size if path.is_file() else sum(each.stat().st_size for each in path.rglob("*"))


def mount(*words: str) -> bool:
    """Mount; whether this user may."""
    return subprocess.run(["mount", *words], capture_output=True).returncode == 0


@contextmanager
def disk(folder: Path, room: str = LARGE) -> Iterator[bool]:
    """A small file system at `folder`; false where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = mount("-t", "tmpfs", "-o", f"size={room}", "none", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def own_disk(folder: Path, room: str = LARGE) -> Iterator[None]:
    """`disk` for a test that is nothing without it: skipped where this user may not mount one, as in a container without the right to."""
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
    """The table of docs/crash-safety.md: a column a fault; what is not tried in every run of the tests is in brackets."""
    lines = ["| " + " | ".join(["stage", *(f"`{fault}`" for fault in FAULTS)]) + " |", "|---" * 5 + "|"]
    lines += ["| " + " | ".join([case.stage, *(cell(case, fault) for fault in FAULTS)]) + " |" for case in CASES]
    return "\n".join(lines)


def cell(case: Case, fault: str) -> str:
    """What a stage's fault is about."""
    if fault == KILLED and case.reads is not None:
        return f"reads `{case.reads}` (writes `{case.writes}`)"
    told = {KILLED: f"writes `{case.writes}`", FULL: f"`{case.disk}/`"}.get(fault, "all four")
    return told if fault in case.faults(every=False) else f"({told})"


if __name__ == "__main__":
    print(table())  # noqa: T201
