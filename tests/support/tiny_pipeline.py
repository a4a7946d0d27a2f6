"""The tiny pipeline, run once for all test files: dvc.lock, metrics, plots and DVC's cache, of which each repository gets a copy."""

import fcntl
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from tests.support.tiny_params import shrink

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
MADE = ("dvc.lock", "metrics", "plots")  # by `dvc repro`, and in git, at least in part
DECIDES = (
    "stages/",
    "params.yaml",
    "dvc.yaml",
    "requirements.lock",
    "tests/support/tiny_params.py",
)  # what a run makes
GIT = "git -c user.name=t -c user.email=t@example.org"


class Clone:
    """A git and DVC repository in which commands are typed."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command line, however it ends; variables of the environment by name."""
        ours = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
        for name in ("DVC_EXP_BASELINE_REV", "GIT_DIR", "GIT_INDEX_FILE"):
            ours.pop(name, None)
        return subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=ours | environment,
            capture_output=True,
            text=True,
            timeout=1200,
        )

    def type(self, command: str, check: bool = True, **environment: str) -> str:
        """Run a command line; what it printed, both streams."""
        result = self.run(command, **environment)
        printed = result.stdout + result.stderr
        assert result.returncode == 0 or not check, printed
        return printed

    def ran(self, printed: str) -> list[str]:
        """Which stages DVC says it ran, in order, backbones left off."""
        return [
            line.split("'")[1].partition("@")[0] for line in printed.splitlines() if line.startswith("Running stage '")
        ]


def listed() -> list[str]:
    """The files of the working tree that git knows or would take, without what `dvc repro` makes."""
    told = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return sorted(
        name
        for name in told.stdout.splitlines()
        if (REPOSITORY / name).is_file() and name.partition("/")[0] not in MADE
    )


def sources(folder: Path) -> Clone:
    """The working tree as a repository of its own with tiny params, committed on branch main; nothing is built."""
    for name in listed():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)
    shrink(folder / "params.yaml")
    made = Clone(folder)
    made.type(f"git init -q -b main && git add -A && {GIT} commit -qm start")
    made.type("git config user.name t && git config user.email t@example.org")
    return made


def products(cache: Path) -> Path:
    """A folder under `cache` with what `dvc repro` makes of these sources and printed, made by the first process that asks for it."""
    decisive = [REPOSITORY / name for name in listed() if name.startswith(DECIDES)]
    digest = sha256(b"".join(path.read_bytes() for path in decisive)).hexdigest()[:16]
    folder = cache / digest
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for old in cache.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            build(cache / "building", folder)
    return folder


def build(workplace: Path, target: Path) -> None:
    """Run the pipeline in `workplace` and keep in `target` what it made."""
    made = sources(workplace)
    printed = made.type("dvc repro")
    (workplace / "printed").write_text(printed)
    part = target.with_suffix(".part")
    for name in (*MADE, "printed", ".dvc/cache"):
        place(workplace / name, part / name)
    part.rename(target)
    shutil.rmtree(workplace)


def place(source: Path, target: Path) -> None:
    """Copy a file or folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def committed(cache: Path, folder: Path) -> Clone:
    """A repository in `folder` whose pipeline has run, in two commits: `start` and `run`. It has a DVC cache of its own."""
    kept = products(cache)
    made = sources(folder)
    for name in (*MADE, ".dvc/cache"):
        place(kept / name, folder / name)
    made.type("dvc checkout -q && git add -A && git commit -qm run")
    return made
