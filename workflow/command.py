"""Answers of git and of DVC's own commands; it decides nothing."""

import json
import subprocess
import sys
from typing import Any

from webtoon_genre.core.errors import InputError


def git(*arguments: str) -> str:
    """What git prints."""
    return answer(["git", *arguments]).decode("utf-8", "replace").rstrip("\n")


def at(commit: str, path: str) -> bytes | None:
    """A file of a commit; None where the commit has no such file."""
    result = subprocess.run(["git", "show", f"{commit}:{path}"], capture_output=True)
    return result.stdout if result.returncode == 0 else None


def dvc(*arguments: str) -> str:
    """What a command of this environment's DVC prints."""
    return answer([sys.executable, "-m", "dvc", *arguments]).decode("utf-8")


def told(*arguments: str) -> dict[str, Any]:
    """What a command of DVC's tells with --json; empty where there is nothing to tell."""
    return json.loads(dvc(*arguments, "--json") or "{}")


def answer(command: list[str]) -> bytes:
    """A command's stdout; InputError with its complaint where it fails."""
    result = subprocess.run(command, capture_output=True)
    if result.returncode:
        raise InputError(complaint(result.stderr.decode("utf-8", "replace")))
    return result.stdout


def complaint(text: str) -> str:
    """What git or DVC complained of, as one line: the line they mark as the error, or the first two, which name the file and the place."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line.split(": ", 1)[1] for line in lines if line.startswith(("ERROR: ", "fatal: "))]
    return marked[0] if marked else " ".join(lines[:2])
