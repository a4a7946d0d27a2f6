"""A git and DVC repository of one stage whose output is data/raw, in which commands are timed; its remote is a folder."""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from webtoon_genre.core.errors import InputError

PIPELINE = """stages:
  crawl:
    cmd: "true"
    outs:
      - data/raw:
          persist: true
"""
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
CLEAN = "Data and pipelines are up to date."


@dataclass(frozen=True)
class Duration:
    """The duration of a command: wall-clock seconds of its process, and CPU seconds of it and its children."""

    wall: float
    cpu: float


class Project:
    """A project folder, and DVC's folder of notes on files and remotes (core.site_cache_dir); None: the default one of the machine."""

    def __init__(self, folder: Path, notes: Path | None = None):
        self.folder, self.raw = folder, folder / "data/raw"
        self.environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
        if notes is not None:
            self.environment["DVC_SITE_CACHE_DIR"] = str(notes)

    @classmethod
    def new(cls, folder: Path, remote: Path, notes: Path) -> "Project":
        """Create an empty project with a remote."""
        folder.mkdir()
        project = cls(folder, notes)
        project.run("git", "init", "--quiet", "--initial-branch", "main")
        project.dvc("init", "--quiet")
        project.dvc("remote", "add", "--default", "storage", str(remote))
        return project

    def track(self) -> None:
        """Make data/raw the output of a stage."""
        (self.folder / "dvc.yaml").write_text(PIPELINE)

    def commit(self, message: str) -> None:
        """Commit all files that git does not ignore."""
        self.run("git", "add", "--all")
        self.run(*GIT, "commit", "--quiet", "--message", message)

    def clone(self, folder: Path, notes: Path) -> "Project":
        """Create a clone with an empty cache."""
        self.run("git", "clone", "--quiet", str(self.folder), str(folder))
        return Project(folder, notes)

    def follow(self) -> None:
        """Pull the commits of the project that this one is a clone of."""
        self.run("git", "pull", "--quiet")

    def dvc(self, *arguments: str) -> Duration:
        """Measure a command of DVC."""
        return self.timed(*arguments)[0]

    def dvc_unchanged(self, command: str) -> Duration:
        """Measure a command of DVC that finds everything up to date; InputError where it does not."""
        duration, output = self.timed(command)
        if CLEAN not in output:
            raise InputError(f"dvc {command} in {self.folder} is not up to date: {output.strip()}")
        return duration

    def timed(self, *arguments: str) -> tuple[Duration, str]:
        """Run a command of DVC; its duration and its output."""
        start, cpu_start = time.perf_counter(), children_cpu()
        output = self.run(sys.executable, "-m", "dvc", *arguments)
        return Duration(time.perf_counter() - start, children_cpu() - cpu_start), output

    def run(self, *command: str) -> str:
        """Run a command and return its stdout; InputError where it fails."""
        result = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if result.returncode:
            raise InputError(f"{' '.join(command)} failed in {self.folder}: {(result.stdout + result.stderr).strip()}")
        return result.stdout


def children_cpu() -> float:
    """CPU seconds of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
