"""Is the commit a result? Everything is built anew in a fresh clone with an empty cache, and compared stage by stage.

Reads:  the commit (HEAD unless --rev names another), never the working tree; no remote
Writes: nothing but a temporary folder (TMPDIR), removed at the end; a table on stdout

Everything must be equal byte for byte. With --tolerance, for another machine, what is computed from a network's outputs may differ, and
then the scores of metrics/summary.json may, by so much; what comes before stays exact.
"""

import json
import os
import shutil
import subprocess
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
NETWORKS = ("features", "style")  # they, and what follows from them, depend on the last bits of a network's outputs
Lock = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """One stage's outputs, as paths: those that are equal to the committed ones, and those that are not."""

    equal: list[str]
    different: list[str]


def compare(committed: Lock, rebuilt: Lock) -> dict[str, Compared]:
    """Two dvc.lock files, stage by stage, in the committed order; an output that only one of them has is different."""
    found = {}
    for name in [*committed, *(name for name in rebuilt if name not in committed)]:
        before, after = (outputs(lock.get(name, {})) for lock in (committed, rebuilt))
        every = sorted(before.keys() | after.keys())
        equal = [path for path in every if path in before and before[path] == after.get(path)]
        found[name] = Compared(equal, [path for path in every if path not in equal])
    return found


def outputs(stage: dict[str, Any]) -> dict[str, str]:
    """Digests by path."""
    return {out["path"]: out["md5"] for out in stage.get("outs", [])}


def exact(lock: Lock) -> list[str]:
    """Stages that read nothing that comes out of a network."""
    tainted = [name for name in lock if name.partition("@")[0] in NETWORKS]
    for name in tainted:  # grows while it is gone through
        tainted += [other for other in lock if other not in tainted and reads(lock[other], lock[name])]
    return [name for name in lock if name not in tainted]


def upstream(lock: Lock, targets: list[str]) -> Lock:
    """The stages that are built to reach some, these included; a target is a stage's name, with or without its matrix item."""
    chosen = [name for name in lock if name in targets or name.partition("@")[0] in targets]
    for name in chosen:
        chosen += [other for other in lock if other not in chosen and reads(lock[name], lock[other])]
    return {name: stage for name, stage in lock.items() if name in chosen}


def reads(stage: dict[str, Any], maker: dict[str, Any]) -> bool:
    """Does a stage depend on an output of another, on something in one, or on a folder that has one in it?"""
    needed, made = [Path(dep["path"]) for dep in stage.get("deps", [])], [Path(path) for path in outputs(maker)]
    return any(need.is_relative_to(path) or path.is_relative_to(need) for need in needed for path in made)


def farthest(committed: Any, rebuilt: Any, name: str = "") -> tuple[float, str]:
    """The largest difference between two metrics files' numbers, and the key it stands at; infinite where they have not the same keys."""
    if isinstance(committed, dict) and isinstance(rebuilt, dict) and committed.keys() == rebuilt.keys():
        each = [farthest(committed[key], rebuilt[key], f"{name}.{key}".lstrip(".")) for key in sorted(committed)]
        return max(each, default=(0.0, name))
    if isinstance(committed, list) and isinstance(rebuilt, list) and len(committed) == len(rebuilt):
        each = [
            farthest(one, other, f"{name}[{i}]") for i, (one, other) in enumerate(zip(committed, rebuilt, strict=True))
        ]
        return max(each, default=(0.0, name))
    if isinstance(committed, int | float) and isinstance(rebuilt, int | float):
        return abs(committed - rebuilt), name
    return (0.0 if committed == rebuilt else float("inf")), name


def report(found: dict[str, Compared]) -> str:
    """A line a stage."""
    width = max(map(len, found))
    return "\n".join(f"{name:<{width}}  {line(each)}" for name, each in found.items())


def line(each: Compared) -> str:
    """How many of a stage's outputs are equal, and the names of the others."""
    equal = [f"{len(each.equal)} equal"] if each.equal else []
    different = [f"DIFFERENT: {', '.join(each.different)}"] if each.different else []
    return ", ".join(equal + different)


@contextmanager
def fresh_clone(revision: str) -> Iterator[Path]:
    """A clone of the repository here, at a commit, with an empty DVC cache."""
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        clone = Path(folder) / "webtoon-genre"
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", "--detach", revision], check=True)
        yield clone


def resolved(revision: str) -> str:
    """The commit that a name stands for."""
    asked = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    told = subprocess.run(asked, capture_output=True, text=True)
    if told.returncode:
        raise InputError(f"--rev is {revision!r}: no commit of this repository; git log shows them")
    return told.stdout.strip()


def read_lock(clone: Path) -> Lock:
    """The stages of dvc.lock."""
    path = clone / "dvc.lock"
    if not path.exists():
        raise InputError("dvc.lock is not in the commit: run `dvc repro`, then commit dvc.lock")
    return parsed(path.read_bytes())


def current(clone: Path, lock: Lock) -> Lock:
    """The stages that dvc.yaml has: dvc.lock also keeps those that it had, of other backbones perhaps, and nothing builds them."""
    stages = dvc("--cd", str(clone), "stage", "list", "--name-only").split()
    return {name: stage for name, stage in lock.items() if name in stages}


def parsed(text: bytes | None) -> Lock:
    """The stages of a dvc.lock, by name; none without the file."""
    return YAML(typ="safe").load(text.decode("utf-8"))["stages"] if text else {}


def rebuild(clone: Path, committed: Lock, targets: list[str]) -> None:
    """`dvc repro`, its output shown, after removing what git brought of the outputs: DVC would not run a stage that only writes these."""
    for path in [clone / name for stage in committed.values() for name in outputs(stage)]:
        path.unlink(missing_ok=True) if not path.is_dir() else shutil.rmtree(path)
    environment = {name: value for name, value in os.environ.items() if name != "DVC_EXP_BASELINE_REV"}
    if shutil.which("dvc") is None:
        raise InputError("dvc is not on PATH: `make verify` sets it")
    if subprocess.run(["dvc", "repro", *targets], cwd=clone, env=environment).returncode:
        raise InputError("dvc repro failed in the fresh clone: its own lines above tell why")


def dirty(clone: Path) -> list[str]:
    """What `git status` lists."""
    told = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def verdict(found: dict[str, Compared], sure: list[str], distance: tuple[float, str], tolerance: float | None) -> str:
    """One line; raises InputError where the commit is no result."""
    different = [name for name, each in found.items() if each.different]
    if not different:
        return f"All {sum(len(each.equal) for each in found.values())} outputs are equal byte for byte"
    early = [name for name in different if name in sure]
    if early or tolerance is None:
        first, many = (early or different)[0], len(different)
        raise InputError(
            f"{first} is not what is committed ({many} stages differ); docs/versions.md tells what can be the cause"
        )
    apart, key = distance
    if apart > tolerance:
        raise InputError(f"{SUMMARY}: {key} differs by {apart:.6f}, more than the tolerance of {tolerance}")
    return f"{len(different)} stages differ, all with a network; the scores by {apart:.6f} at most ({key}), within {tolerance}"


def main(
    targets: Annotated[list[str] | None, typer.Argument(help="stages to stop at; without any, everything")] = None,
    rev: Annotated[str, typer.Option(help="the commit")] = "HEAD",
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="what scores may differ by, on another machine")
    ] = None,
) -> None:
    """Rebuild a commit in a fresh clone with an empty cache and compare."""
    if dirty(Path()):
        typer.echo("verify: what is not committed here is left out", err=True)
    with fresh_clone(resolved(rev)) as clone:
        committed, before = current(clone, read_lock(clone)), json.loads((clone / SUMMARY).read_text(encoding="utf-8"))
        wanted = upstream(committed, targets) if targets else committed
        rebuild(clone, wanted, targets or [])
        rebuilt, changed = current(clone, read_lock(clone)), dirty(clone)
        distance = farthest(before, json.loads((clone / SUMMARY).read_text(encoding="utf-8")))
    found = compare(wanted, {name: stage for name, stage in rebuilt.items() if name in wanted or name not in committed})
    typer.echo("\n" + report(found) + "\n")
    told = verdict(found, exact(committed), distance, tolerance)
    if changed and tolerance is None:
        raise InputError(f"git status is not clean after dvc repro: {', '.join(changed)}")
    typer.echo(told)


if __name__ == "__main__":
    run(main, "verify", "workflow")
