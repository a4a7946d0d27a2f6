"""Is dvc.lock up to date? Told from what git holds: data are not looked at, so that it may be asked in a clone that has none.

Reads:  dvc.yaml, dvc.lock, params.yaml, code and metrics in the working tree; lists of files in folders that DVC holds, from its cache
        or the default remote
Writes: a line for each reason that a stage must run again, and exit code 1 if there is one

`dvc repro --allow-missing --dry` asks the same, but it ends at the first such stage, complaining of data that is not there, passes over
code and metrics that were deleted, and compares no folder with the files that other stages put into it.
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
from workflow.command import dvc, told
from workflow.verify import Lock, outputs, parsed

WORDS = {"modified": "changed", "deleted": "is missing", "new": "is new"}
Digests = dict[str, str]  # by path


def stale() -> list[str]:
    """Why stages of the working tree must run again, a line a reason."""
    path = Path("dvc.lock")
    lock = parsed(path.read_bytes() if path.exists() else None)
    stages = dvc("stage", "list", "--name-only").split()  # dvc.lock also keeps stages that dvc.yaml has dropped
    status = told("status")
    never = [f"{stage}: has not run yet" for stage in stages if stage not in lock]
    current = {stage: lock[stage] for stage in stages if stage in lock}
    return [*never, *changed({stage: status[stage] for stage in current if stage in status}), *apart(current, listing)]


def changed(status: dict[str, list[Any]]) -> Iterator[str]:
    """What `dvc status` tells of stages, without data."""
    for stage, entries in status.items():
        for entry in entries:
            if isinstance(entry, str):
                yield f"{stage}: its {entry.removeprefix('changed ')} changed"
            else:
                yield from (f"{stage}: {line}" for paths in entry.values() for line in states(paths))


def states(paths: dict[str, Any]) -> Iterator[str]:
    """Files and params that changed."""
    data = ignored(list(paths))
    for path, state in paths.items():
        if isinstance(state, dict):
            yield from (f"{key} in {path} {WORDS.get(word, word)}" for key, word in state.items())
        elif path not in data:
            yield f"{path} {WORDS.get(state, state)}"


def ignored(paths: list[str]) -> set[str]:
    """Those that git ignores: exactly what DVC caches, as tests/pipeline/test_graph.py holds."""
    asked = "".join(f"{path}\0{path}/\0" for path in paths)  # a pattern for folders matches none that is not there
    command = ["git", "check-ignore", "--no-index", "--stdin", "-z"]
    found = subprocess.run(command, input=asked, capture_output=True, text=True).stdout.split("\0")
    return {path.rstrip("/") for path in found if path}


def apart(lock: Lock, listing: Callable[[str], Digests | None]) -> Iterator[str]:
    """Where a stage read something else than another stage of the same lock wrote."""
    made = {path: digest for stage in lock.values() for path, digest in outputs(stage).items()}
    for name, stage in lock.items():
        for dep in stage.get("deps", []):
            if expected(dep["path"], made, listing) not in (None, dep["md5"]):
                yield f"{name}: {dep['path']} was made anew since"


def expected(path: str, made: Digests, listing: Callable[[str], Digests | None]) -> str | None:
    """The digest that something read must have, by what was made; None where nothing tells."""
    if path in made:
        return made[path]
    if parts := below(path, made):
        return None if any(digest.endswith(".dir") for digest in parts.values()) else folder(parts)
    around = [out for out in made if path.startswith(f"{out}/")]
    files = listing(around[0]) if around else None
    if files is None:
        return None
    return files.get(path) or folder(below(path, files))


def below(path: str, digests: Digests) -> Digests:
    """What lies in a folder, by the path within."""
    return {name.removeprefix(f"{path}/"): digest for name, digest in digests.items() if name.startswith(f"{path}/")}


def folder(files: Digests) -> str:
    """The digest that DVC gives a folder."""
    entries = [{"md5": digest, "relpath": name} for name, digest in sorted(files.items())]
    return md5(json.dumps(entries).encode()).hexdigest() + ".dir"


@cache
def listing(path: str) -> Digests | None:
    """The files of a folder that dvc.lock names; None where neither the cache nor the default remote has their list."""
    try:
        entries = json.loads(dvc("ls", ".", path, "--recursive", "--show-hash", "--json"))
    except InputError:
        typer.echo(
            f"stale: {path} cannot be listed here, what reads a part of it is not compared; dvc pull {path}", err=True
        )
        return None
    return {f"{path}/{entry['path']}": entry["md5"] for entry in entries}


def main() -> None:
    """Tell whether dvc.lock is up to date, without data."""
    found = stale()
    for line in found:
        typer.echo(line)
    if found:
        many = len({line.partition(":")[0] for line in found})
        raise InputError(
            f"dvc.lock is not up to date (stages to run: {many}); run `dvc repro` and commit what it writes"
        )
    typer.echo("dvc.lock is up to date")


if __name__ == "__main__":
    run(main, "stale", "workflow")
