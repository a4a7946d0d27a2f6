"""The tiny pipeline, run once for all test files: dvc.lock, metrics, plots and DVC's cache, copied into each test's repository."""

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
# written by `dvc repro`, and in git, at least in part
PRODUCTS = ("dvc.lock", "metrics", "plots", "MODEL_CARD.md", "DATA_CARD.md", "data/croissant.json")
INPUTS = (  # what a run's products depend on
    "stages/",
    "webtoon_genre/",
    "workflow/check",
    "params.yaml",
    "dvc.yaml",
    "requirements.lock",
    "tests/support/tiny_params.py",
)
GIT = "git -c user.name=t -c user.email=t@example.org"


class Clone:
    """A git and DVC repository in which commands are run."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command line, whatever its exit code; `variables` are added to the environment."""
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
        for name in ("DVC_EXP_BASELINE_REV", "GIT_DIR", "GIT_INDEX_FILE"):
            environment.pop(name, None)
        return subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=1200,
        )

    def type(self, command: str, check: bool = True, **variables: str) -> str:
        """Run a command line and return its output, both streams."""
        result = self.run(command, **variables)
        output = result.stdout + result.stderr
        assert result.returncode == 0 or not check, output
        return output

    def stages_run(self, output: str) -> list[str]:
        """The stages that DVC ran according to its output, in order, without their matrix items."""
        return [
            line.split("'")[1].partition("@")[0] for line in output.splitlines() if line.startswith("Running stage '")
        ]


def source_files() -> list[str]:
    """The files of the working tree that git tracks or would add, without the products of `dvc repro`."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return sorted(
        name
        for name in result.stdout.splitlines()
        if (REPOSITORY / name).is_file() and name not in PRODUCTS and name.partition("/")[0] not in PRODUCTS
    )


def source_clone(folder: Path) -> Clone:
    """Copy the working tree into a new repository with tiny params, committed on branch main, without products."""
    for name in source_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)
    shrink(folder / "params.yaml")
    clone = Clone(folder)
    clone.type(f"git init -q -b main && git add -A && {GIT} commit -qm start")
    clone.type("git config user.name t && git config user.email t@example.org")
    return clone


def pipeline_products(cache: Path) -> Path:
    """A folder below `cache` with the products of `workflow.repro` for these sources, and its output; the first process creates it."""
    inputs = [REPOSITORY / name for name in source_files() if name.startswith(INPUTS)]
    digest = sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()[:16]
    folder = cache / digest
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for path in cache.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
            run_pipeline(cache / "building", folder)
    return folder


def run_pipeline(work: Path, target: Path) -> None:
    """Run the pipeline in `work` and move its products to `target`."""
    clone = source_clone(work)
    (work / "printed").write_text(clone.type("python -m workflow.repro"))
    part = target.with_suffix(".part")
    for name in (*PRODUCTS, "printed", ".dvc/cache"):
        copy(work / name, part / name)
    part.rename(target)
    shutil.rmtree(work)


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def committed_clone(cache: Path, folder: Path) -> Clone:
    """Create a repository in `folder` whose pipeline has run, in two commits, `start` and `run`, with a separate DVC cache."""
    products = pipeline_products(cache)
    clone = source_clone(folder)
    for name in (*PRODUCTS, ".dvc/cache"):
        copy(products / name, folder / name)
    clone.type("dvc checkout -q && git add -A && git commit -qm run")
    return clone
