"""Output of git and of DVC's commands; it decides nothing."""

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from webtoon_genre.core.errors import InputError


def git(*arguments: str) -> str:
    """Run git and return its stdout."""
    return run_command(["git", *arguments]).decode("utf-8", "replace").rstrip("\n")


def file_at(commit: str, path: str) -> bytes | None:
    """Read a file of a commit; None where the commit has no such file."""
    result = subprocess.run(["git", "show", f"{commit}:{path}"], capture_output=True)
    return result.stdout if result.returncode == 0 else None


def dvc(*arguments: str) -> str:
    """Run DVC of this environment and return its stdout."""
    return run_command([sys.executable, "-m", "dvc", *arguments]).decode("utf-8")


def dvc_json(*arguments: str) -> dict[str, Any]:
    """Run a DVC command with --json and parse its output; empty where DVC prints nothing."""
    return json.loads(dvc(*arguments, "--json") or "{}")


def cached_files(commit: str, files: list[str]) -> dict[str, bytes]:
    """Read those outputs of a commit that DVC's cache or its default remote has, whatever the remote fails with."""
    if not files:
        return {}
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        with suppress(InputError):
            run_command([sys.executable, "-m", "workflow.fetch", commit, folder, *files])
        copies = {path: Path(folder) / path for path in files}
        return {path: copy.read_bytes() for path, copy in copies.items() if copy.is_file()}


def run_command(command: list[str]) -> bytes:
    """Run a command and return its stdout; InputError with its error line where it fails."""
    result = subprocess.run(command, capture_output=True)
    if result.returncode:
        raise InputError(error_line(result.stderr.decode("utf-8", "replace")))
    return result.stdout


def error_line(stderr: str) -> str:
    """The error of git or DVC as one line: the line that they mark as such, or the first two, which name the file and the position."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    marked = [line.split(": ", 1)[1] for line in lines if line.startswith(("ERROR: ", "fatal: "))]
    return marked[0] if marked else " ".join(lines[:2])
