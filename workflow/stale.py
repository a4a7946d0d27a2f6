"""Is dvc.lock up to date? Answers from what git holds, without data, so that it works in a clone that has none.

Reads:  dvc.yaml, dvc.lock, params.yaml, code and metrics in the working tree; lists of files in folders that DVC holds, from its cache
        or the default remote
Writes: a line for each reason that a stage must run again, and exit code 1 if there is one

`dvc repro --pull --allow-missing --dry` asks the same, but finds a stage up to date that read another version of a folder's part
(data/raw/titles.parquet) than the lock has now, stops at the first stage whose data are missing, and ignores deleted code and metrics.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import md5
from pathlib import Path
from typing import Any

import typer

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from workflow.command import dvc, dvc_json
from workflow.verify import Lock, outputs, parse_lock

WORDS = {"modified": "changed", "deleted": "is missing", "new": "is new"}
Digests = dict[str, str]  # by path


def stale_reasons() -> list[str]:
    """Reasons why stages of the working tree must run again, one line each."""
    path = Path("dvc.lock")
    lock = parse_lock(path.read_bytes() if path.exists() else None)
    stages = dvc("stage", "list", "--name-only").split()  # dvc.lock also has stages that dvc.yaml has dropped
    status = dvc_json("status")
    never = [f"{stage}: has not run yet" for stage in stages if stage not in lock]
    current = {stage: lock[stage] for stage in stages if stage in lock}
    changes = changed_files({stage: status[stage] for stage in current if stage in status})
    return [*never, *changes, *outdated_inputs(current, list_folder)]


def changed_files(status: dict[str, list[Any]]) -> Iterator[str]:
    """Lines of what `dvc status` reports of stages, without data."""
    for stage, entries in status.items():
        for entry in entries:
            if isinstance(entry, str):
                yield f"{stage}: its {entry.removeprefix('changed ')} changed"
            else:
                yield from (f"{stage}: {line}" for states in entry.values() for line in format_states(states))


def format_states(states: dict[str, Any]) -> Iterator[str]:
    """Lines of files and params that changed."""
    data = git_ignored(list(states))
    for path, state in states.items():
        if isinstance(state, dict):
            yield from (f"{key} in {path} {WORDS.get(word, word)}" for key, word in state.items())
        elif path not in data:
            yield f"{path} {WORDS.get(state, state)}"


def git_ignored(paths: list[str]) -> set[str]:
    """Those paths that git ignores: exactly what DVC caches, as tests/pipeline/test_graph.py checks."""
    names = "".join(f"{path}\0{path}/\0" for path in paths)  # a pattern for folders matches no missing path without /
    command = ["git", "check-ignore", "--no-index", "--stdin", "-z"]
    lines = subprocess.run(command, input=names, capture_output=True, text=True).stdout.split("\0")
    return {path.rstrip("/") for path in lines if path}


def outdated_inputs(lock: Lock, list_files: Callable[[str], Digests | None]) -> Iterator[str]:
    """Lines of dependencies whose digest is not the one that another stage of the same lock wrote."""
    written = {path: digest for stage in lock.values() for path, digest in outputs(stage).items()}
    for name, stage in lock.items():
        for dep in stage.get("deps", []):
            if expected_digest(dep["path"], written, list_files) not in (None, dep["md5"]):
                yield f"{name}: {dep['path']} has a newer version"


def expected_digest(path: str, written: Digests, list_files: Callable[[str], Digests | None]) -> str | None:
    """The digest that a dependency must have according to the stages' outputs; None where they do not determine it."""
    if path in written:
        return written[path]
    if parts := files_below(path, written):
        return None if any(digest.endswith(".dir") for digest in parts.values()) else folder_digest(parts)
    parents = [out for out in written if path.startswith(f"{out}/")]
    files = list_files(parents[0]) if parents else None
    if files is None:
        return None
    return files.get(path) or folder_digest(files_below(path, files))


def files_below(path: str, digests: Digests) -> Digests:
    """The content of a folder, by the path within."""
    return {name.removeprefix(f"{path}/"): digest for name, digest in digests.items() if name.startswith(f"{path}/")}


def folder_digest(files: Digests) -> str:
    """The digest that DVC gives a folder."""
    entries = [{"md5": digest, "relpath": name} for name, digest in sorted(files.items())]
    return md5(json.dumps(entries).encode()).hexdigest() + ".dir"


@cache
def list_folder(path: str) -> Digests | None:
    """The files of a folder in dvc.lock; None where neither the cache nor the default remote has their list."""
    try:
        entries = json.loads(dvc("ls", ".", path, "--recursive", "--show-hash", "--json"))
    except InputError:
        typer.echo(
            f"stale: {path} cannot be listed here, stages that read a part of it are not checked; dvc pull {path}",
            err=True,
        )
        return None
    return {f"{path}/{entry['path']}": entry["md5"] for entry in entries}


def main() -> None:
    """Print whether dvc.lock is up to date, without data."""
    reasons = stale_reasons()
    for line in reasons:
        typer.echo(line)
    if reasons:
        count = len({line.partition(":")[0] for line in reasons})
        raise InputError(
            f"dvc.lock is not up to date (stages to run: {count}); run `dvc repro` and commit what it writes"
        )
    typer.echo("dvc.lock is up to date")


if __name__ == "__main__":
    run(main, "stale", "workflow")
