"""Measure a run of the whole pipeline in a fresh clone with an empty cache: seconds, CPU seconds and memory of every stage.

Reads:  a commit, whose stages run in this environment
Writes: temporary folders only; a table in Markdown on stdout, the stages' own lines on stderr
bench/README.md explains the table.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from workflow.verify import fresh_clone, resolve_commit

STOPWATCH = Path(__file__).parent / "stopwatch"
GIGABYTE = 1e9
HEAD = ["stage", "start, s", "work, s", "DVC, s", "CPU, s", "DVC's CPU, s", "peak memory, GB"]


@dataclass(frozen=True)
class StageTimes:
    """One stage's seconds. start: of the interpreter and the imports; dvc: of DVC before and after it; memory: bytes at most."""

    name: str
    start: float
    work: float
    dvc: float
    cpu: float
    dvc_cpu: float
    memory: int


def run_pipeline(clone: Path, jobs: int, targets: Sequence[str] = ()) -> tuple[list[dict[str, Any]], float]:
    """Run the stages of a clone: the records of its processes, and the seconds in all. jobs: stages at once; 0: `dvc repro`.

    targets: stages that run with all before them, one after the other; empty: all stages.
    """
    command = ["workflow.repro", "--jobs", str(jobs)] if jobs and not targets else ["dvc", "repro", *targets]
    with tempfile.TemporaryDirectory(prefix="stopwatch-") as folder:
        settings = {"PYTHONPATH": str(STOPWATCH), "STOPWATCH": folder, "DVC_NO_ANALYTICS": "1"}
        settings["PATH"] = os.pathsep.join(
            [str(Path(sys.executable).parent), os.environ["PATH"]]
        )  # stages call `python`
        start = time.perf_counter()
        process = subprocess.run(
            [sys.executable, "-m", *command], cwd=clone, env={**os.environ, **settings}, stdout=sys.stderr
        )
        seconds = time.perf_counter() - start
        if process.returncode:
            raise InputError(f"the run failed with exit code {process.returncode}; see its lines above")
        records = [{**json.loads(path.read_text()), "pid": int(path.stem)} for path in sorted(Path(folder).iterdir())]
    return records, seconds


def stage_name(record: dict[str, Any]) -> str | None:
    """The stage that a process ran, None for any other: `-m stages.train resnet50` is train@resnet50."""
    module, *arguments = record["command"][1:]
    folder, _, name = module.partition(".")
    if folder not in ("stages", "workflow") or name == "repro":
        return None
    return "@".join([name, *arguments])


def stage_times(records: Sequence[dict[str, Any]]) -> list[StageTimes]:
    """The times of all stages in the order of their begin; DVC's: those of the process that ran it, or the pause since the stage before."""
    parents = {record["pid"]: record for record in records}
    earlier: dict[int, float] = {}
    times = []
    for record in sorted(records, key=lambda record: record["begin"]):
        if (name := stage_name(record)) is None:
            continue
        parent = parents.get(record["parent"])
        siblings = [other for other in records if other["parent"] == record["parent"] and stage_name(other)]
        begin = earlier.get(record["parent"], parent["begin"] if parent else record["begin"])
        pause = record["begin"] - begin
        if parent and record is max(siblings, key=lambda other: other["begin"]):
            pause += parent["end"] - record["end"]
        earlier[record["parent"]] = record["end"]
        seconds = record["end"] - record["begin"]
        dvc_cpu = parent["cpu"] / len(siblings) if parent else 0.0
        imports = record["imports"]
        times.append(StageTimes(name, imports, seconds - imports, pause, record["cpu"], dvc_cpu, record["memory"]))
    return times


def table(times: Sequence[StageTimes], seconds: float) -> str:
    """A row a stage, and the sums; `seconds` of the clock in all."""
    lines = [f"| {' | '.join(HEAD)} |", "|---" + "|--:" * (len(HEAD) - 1) + "|"]
    columns = ("start", "work", "dvc", "cpu", "dvc_cpu")
    for row in times:
        values = " | ".join(f"{getattr(row, column):.1f}" for column in columns)
        lines.append(f"| {row.name} | {values} | {row.memory / GIGABYTE:.1f} |")
    sums = " | ".join(f"{sum(getattr(row, column) for row in times):.1f}" for column in columns)
    lines.append(f"| sum | {sums} | {max(row.memory for row in times) / GIGABYTE:.1f} |")
    return "\n".join([*lines, "", f"From begin to end: {seconds:.0f} s."])


def save_results(clone: Path, folder: Path, times: Sequence[StageTimes]) -> None:
    """Copy metrics and plots of a run to `folder`, with its times.json."""
    for name in (paths.METRICS, paths.PLOTS):
        if (clone / name).is_dir():
            shutil.copytree(clone / name, folder / name)
    write_json(folder / "times.json", [asdict(row) for row in times])


def set_params(path: Path, changes: Sequence[str]) -> None:
    """Change keys of a params.yaml, each given as KEY=VALUE with a value in YAML; InputError for a key that is not there."""
    yaml = YAML()
    params = yaml.load(path)
    for change in changes:
        name, _, value = change.partition("=")
        *sections, key = name.split(".")
        section: Any = params
        for part in sections:
            section = section.get(part) if isinstance(section, dict) else None
        if not isinstance(section, dict) or key not in section:
            raise InputError(f"{change!r} names no key of params.yaml; give KEY=VALUE, such as crawl.demo.scale=1.0")
        loaded = yaml.load(value)
        section[key] = value if isinstance(loaded, date) else loaded  # DVC takes dates as strings alone
    yaml.dump(params, path)


def main(
    rev: Annotated[str, typer.Option(help="the commit")] = "HEAD",
    jobs: Annotated[int, typer.Option(min=0, help="stages at once; 0: plain `dvc repro`, one after the other")] = 2,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE of params.yaml before the run; may be repeated")
    ] = None,
    later: Annotated[
        list[str] | None, typer.Option("--then", help="KEY=VALUE of params.yaml, after which it runs again")
    ] = None,
    targets: Annotated[
        list[str] | None, typer.Option("--target", help="a stage that runs with all before it; may be repeated")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="a new folder, in which metrics and plots of the runs stay")
    ] = None,
) -> None:
    """Run the pipeline of a commit in a fresh clone and print what each stage took."""
    if results and results.exists():
        raise InputError(f"{results} exists; name a new folder with --results")
    with fresh_clone(resolve_commit(rev)) as clone:
        for number, settings in enumerate([changes or [], *([later] if later else [])]):
            set_params(clone / paths.PARAMS, settings)
            records, seconds = run_pipeline(clone, jobs, targets or [])
            typer.echo(
                "\n".join([*(f"Set: {change}" for change in settings), "", table(stage_times(records), seconds), ""])
            )
            if results:
                save_results(clone, results / str(number), stage_times(records))


if __name__ == "__main__":
    run(main, "repro", "bench")
