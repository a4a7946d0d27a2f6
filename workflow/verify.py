"""Is a commit a result? Rebuild it in a fresh clone with an empty cache, and compare stage by stage.

Reads:  the commit (HEAD unless --rev names another), never the working tree; no remote
Writes: nothing but a temporary folder (TMPDIR), removed at the end; a table on stdout

Everything must be equal byte for byte. With --tolerance, for another machine, what is computed from a network's outputs may differ, and
the scores of metrics/summary.json by the tolerance at most; earlier stages must be equal all the same.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from workflow.command import dvc

SUMMARY = "metrics/summary.json"
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")  # in the text of an interval: "[-0.010, +0.090], 62 titles"
NETWORKS = ("features", "style")  # they, and the stages after them, depend on the last bits of a network's outputs
Lock = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One stage's outputs, as paths: those that equal the committed ones, and those that do not."""

    equal: list[str]
    different: list[str]


def compare_locks(committed: Lock, rebuilt: Lock) -> dict[str, Comparison]:
    """Compare two dvc.lock files, stage by stage, in the committed order; an output that only one of them has is different."""
    comparisons = {}
    for name in [*committed, *(name for name in rebuilt if name not in committed)]:
        before, after = (outputs(lock.get(name, {})) for lock in (committed, rebuilt))
        paths = sorted(before.keys() | after.keys())
        equal = [path for path in paths if path in before and before[path] == after.get(path)]
        comparisons[name] = Comparison(equal, [path for path in paths if path not in equal])
    return comparisons


def outputs(stage: dict[str, Any]) -> dict[str, str]:
    """Digests of a stage's outputs by path."""
    return {out["path"]: out["md5"] for out in stage.get("outs", [])}


def exact_stages(lock: Lock) -> list[str]:
    """Stages that read nothing that depends on a network's outputs."""
    inexact = [name for name in lock if name.partition("@")[0] in NETWORKS]
    for name in inexact:  # grows during the loop
        inexact += [reader for reader in lock if reader not in inexact and reads(lock[reader], lock[name])]
    return [name for name in lock if name not in inexact]


def upstream_stages(lock: Lock, targets: list[str]) -> Lock:
    """The targets and the stages that they need; a target is a stage's name, with or without its matrix item."""
    needed = [name for name in lock if name in targets or name.partition("@")[0] in targets]
    for name in needed:  # grows during the loop
        needed += [writer for writer in lock if writer not in needed and reads(lock[name], lock[writer])]
    return {name: stage for name, stage in lock.items() if name in needed}


def reads(reader: dict[str, Any], writer: dict[str, Any]) -> bool:
    """Does one stage depend on an output of another, on something in it, or on a folder that contains it?"""
    deps, outs = [Path(dep["path"]) for dep in reader.get("deps", [])], [Path(path) for path in outputs(writer)]
    return any(dep.is_relative_to(out) or out.is_relative_to(dep) for dep in deps for out in outs)


def largest_difference(committed: Any, rebuilt: Any, name: str = "") -> tuple[float, str]:
    """The largest difference between the numbers of two metrics files, those in texts too, and its key; infinite where keys differ."""
    if isinstance(committed, dict) and isinstance(rebuilt, dict) and committed.keys() == rebuilt.keys():
        differences = [
            largest_difference(committed[key], rebuilt[key], f"{name}.{key}".lstrip(".")) for key in sorted(committed)
        ]
        return max(differences, default=(0.0, name))
    if isinstance(committed, list) and isinstance(rebuilt, list) and len(committed) == len(rebuilt):
        differences = [
            largest_difference(*items, f"{name}[{index}]")
            for index, items in enumerate(zip(committed, rebuilt, strict=True))
        ]
        return max(differences, default=(0.0, name))
    if isinstance(committed, int | float) and isinstance(rebuilt, int | float):
        return abs(committed - rebuilt), name
    if isinstance(committed, str) and isinstance(rebuilt, str):
        (words, numbers), (others, more) = split_numbers(committed), split_numbers(rebuilt)
        return largest_difference(numbers, more, name) if words == others else (float("inf"), name)
    return (0.0 if committed == rebuilt else float("inf")), name


def split_numbers(text: str) -> tuple[list[str], list[float]]:
    """The parts of a text between its numbers, and the numbers."""
    return NUMBER.split(text), [float(number) for number in NUMBER.findall(text)]


def format_report(comparisons: dict[str, Comparison]) -> str:
    """Format one line a stage."""
    width = max(map(len, comparisons))
    return "\n".join(f"{name:<{width}}  {format_counts(comparison)}" for name, comparison in comparisons.items())


def format_counts(comparison: Comparison) -> str:
    """Format the number of a stage's equal outputs, and the names of the others."""
    equal = [f"{len(comparison.equal)} equal"] if comparison.equal else []
    different = [f"DIFFERENT: {', '.join(comparison.different)}"] if comparison.different else []
    return ", ".join(equal + different)


@contextmanager
def fresh_clone(revision: str) -> Iterator[Path]:
    """A clone of this repository at a commit, with an empty DVC cache."""
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        clone = Path(folder) / "webtoon-genre"
        command = ["git", "clone", "--quiet", "--config", "core.autocrlf=false", ".", str(clone)]
        subprocess.run(command, check=True)
        subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", "--detach", revision], check=True)
        yield clone


def resolve_commit(revision: str) -> str:
    """The hash of the commit that `revision` names."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise InputError(f"--rev is {revision!r}: no commit of this repository; git log shows them")
    return result.stdout.strip()


def read_lock(clone: Path) -> Lock:
    """Read the stages of dvc.lock."""
    path = clone / "dvc.lock"
    if not path.exists():
        raise InputError("dvc.lock is not in the commit: run `dvc repro`, then commit dvc.lock")
    return parse_lock(path.read_bytes())


def current_stages(clone: Path, lock: Lock) -> Lock:
    """The stages of `lock` that dvc.yaml has: dvc.lock also has dropped ones, of other backbones perhaps, which nothing builds."""
    stages = dvc("--cd", str(clone), "stage", "list", "--name-only").split()
    return {name: stage for name, stage in lock.items() if name in stages}


def parse_lock(text: bytes | None) -> Lock:
    """The stages of a dvc.lock, by name; none without the file."""
    return YAML(typ="safe").load(text.decode("utf-8"))["stages"] if text else {}


def rebuild(clone: Path, committed: Lock, targets: list[str]) -> None:
    """Run `dvc repro`, its output shown, after removing the outputs in git: DVC would not run a stage that writes only these."""
    for path in [clone / name for stage in committed.values() for name in outputs(stage)]:
        path.unlink(missing_ok=True) if not path.is_dir() else shutil.rmtree(path)
    command = [sys.executable, "-m", "dvc", "repro", *targets]
    if subprocess.run(command, cwd=clone, env=dvc_environment(clone)).returncode:
        raise InputError("dvc repro failed in the fresh clone; the lines above give the reason")


def dvc_environment(clone: Path) -> dict[str, str]:
    """The environment without the user's configuration of DVC, whose cache may not be empty, and with this Python first on PATH."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DVC_")}
    nothing = str(clone.parent / "no configuration")
    environment |= {"DVC_GLOBAL_CONFIG_DIR": nothing, "DVC_SYSTEM_CONFIG_DIR": nothing, "DVC_NO_ANALYTICS": "1"}
    return environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def git_status(clone: Path) -> list[str]:
    """The lines of `git status`."""
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout.splitlines()


def judge(
    comparisons: dict[str, Comparison], exact: list[str], difference: tuple[float, str], tolerance: float | None
) -> str:
    """Return the conclusion as one line; InputError where the commit is no result."""
    different = [name for name, comparison in comparisons.items() if comparison.different]
    if not different:
        total = sum(len(comparison.equal) for comparison in comparisons.values())
        return f"All {total} outputs are equal byte for byte"
    early = [name for name in different if name in exact]
    if early or tolerance is None:
        first, count = (early or different)[0], len(different)
        raise InputError(f"{first} differs from the commit ({count} stages differ); docs/versions.md lists the causes")
    distance, key = difference
    if distance > tolerance:
        raise InputError(f"{SUMMARY}: {key} differs by {distance:.6f}, more than the tolerance of {tolerance}")
    return (
        f"{len(different)} stages differ, all with a network; the scores by {distance:.6f} at most ({key}), "
        f"within {tolerance}"
    )


def main(
    targets: Annotated[list[str] | None, typer.Argument(help="stages to stop at; without any, everything")] = None,
    rev: Annotated[str, typer.Option(help="the commit")] = "HEAD",
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="allowed difference of scores, on another machine")
    ] = None,
) -> None:
    """Rebuild a commit in a fresh clone with an empty cache and compare."""
    if git_status(Path()):
        typer.echo("verify: uncommitted changes are left out", err=True)
    with fresh_clone(resolve_commit(rev)) as clone:
        committed = current_stages(clone, read_lock(clone))
        scores = json.loads((clone / SUMMARY).read_text(encoding="utf-8"))
        needed = upstream_stages(committed, targets) if targets else committed
        rebuild(clone, needed, targets or [])
        rebuilt, changes = current_stages(clone, read_lock(clone)), git_status(clone)
        difference = largest_difference(scores, json.loads((clone / SUMMARY).read_text(encoding="utf-8")))
    compared = {name: stage for name, stage in rebuilt.items() if name in needed or name not in committed}
    comparisons = compare_locks(needed, compared)
    typer.echo("\n" + format_report(comparisons) + "\n")
    conclusion = judge(comparisons, exact_stages(committed), difference, tolerance)
    if changes and tolerance is None:
        raise InputError(f"git status is not clean after dvc repro: {', '.join(changes)}")
    typer.echo(conclusion)


if __name__ == "__main__":
    run(main, "verify", "workflow")
