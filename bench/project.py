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
class Spent:
    """What a command took: seconds of the wall's clock from its process's start to its end, and CPU seconds of it and its children."""

    wall: float
    cpu: float


class Project:
    """A folder and where its DVC notes what it has seen of files and remotes; None: where it does for everyone."""

    def __init__(self, folder: Path, notes: Path | None = None):
        self.folder, self.raw = folder, folder / "data/raw"
        self.environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
        if notes is not None:
            self.environment["DVC_SITE_CACHE_DIR"] = str(notes)

    @classmethod
    def new(cls, folder: Path, remote: Path, notes: Path) -> "Project":
        """An empty project with a remote."""
        folder.mkdir()
        made = cls(folder, notes)
        made.run("git", "init", "--quiet", "--initial-branch", "main")
        made.dvc("init", "--quiet")
        made.dvc("remote", "add", "--default", "storage", str(remote))
        return made

    def track(self) -> None:
        """Let data/raw be the output of a stage."""
        (self.folder / "dvc.yaml").write_text(PIPELINE)

    def commit(self, message: str) -> None:
        """Commit what git is to hold."""
        self.run("git", "add", "--all")
        self.run(*GIT, "commit", "--quiet", "--message", message)

    def clone(self, folder: Path, notes: Path) -> "Project":
        """A clone with an empty cache."""
        self.run("git", "clone", "--quiet", str(self.folder), str(folder))
        return Project(folder, notes)

    def follow(self) -> None:
        """Take over the commits of the project that this one is a clone of."""
        self.run("git", "pull", "--quiet")

    def dvc(self, *arguments: str) -> Spent:
        """What a command of DVC takes."""
        return self.timed(*arguments)[0]

    def settled(self, command: str) -> Spent:
        """What a command takes that finds everything up to date; InputError where it does not."""
        spent, printed = self.timed(command)
        if CLEAN not in printed:
            raise InputError(f"dvc {command} in {self.folder} has something to do: {printed.strip()}")
        return spent

    def timed(self, *arguments: str) -> tuple[Spent, str]:
        """What a command of DVC takes, and what it prints."""
        begun, used = time.perf_counter(), children()
        printed = self.run(sys.executable, "-m", "dvc", *arguments)
        return Spent(time.perf_counter() - begun, children() - used), printed

    def run(self, *command: str) -> str:
        """What a command prints; InputError where it fails."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"{' '.join(command)} failed in {self.folder}: {(done.stdout + done.stderr).strip()}")
        return done.stdout


def children() -> float:
    """CPU seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
