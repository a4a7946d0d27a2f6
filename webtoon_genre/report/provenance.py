"""What each figure and metrics file was made from, by dvc.lock: stage, command, params, and digests of data.

Code has no digests here: it is that of the commit which holds dvc.lock. An edit of code that changes no output changes no page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError

DATA = (paths.DATA.name, paths.MODELS.name, paths.METRICS.name, paths.PLOTS.name)  # top-level folders of outputs


@dataclass(frozen=True)
class Stage:
    """A run of a stage, or of an item of it. inputs, outputs: md5 by path, of data only. params: by dotted key."""

    name: str
    item: str
    command: str
    inputs: dict[str, str]
    params: dict[str, Any]
    outputs: dict[str, str]

    @property
    def full_name(self) -> str:
        """The name that DVC's commands take."""
        return f"{self.name}@{self.item}" if self.item else self.name

    def figures(self, suffixes: tuple[str, ...]) -> list[str]:
        """The pictures among the outputs."""
        return [path for path in self.outputs if Path(path).suffix in suffixes]


def read_stages(lock: Path, last: str) -> list[Stage]:
    """The runs of all stages but `last`: a stage after those whose outputs it reads, and by name where none reads the other's."""
    if not lock.is_file():
        raise InputError(f"{lock} is not there; `dvc repro {last}` makes it")
    runs = YAML(typ="safe").load(lock.read_text(encoding="utf-8"))["stages"]
    stages = [run_of(key, run) for key, run in runs.items() if key != last]
    depths: dict[str, int] = {}
    return sorted(stages, key=lambda stage: (depth(stage, stages, depths), stage.full_name))


def depth(stage: Stage, stages: list[Stage], depths: dict[str, int]) -> int:
    """The length of the longest chain of stages before one; depths: of stages that are known, by name."""
    if stage.full_name not in depths:
        depths[stage.full_name] = 0  # a stage of an outdated lock may seem to read its own outputs
        before = [other for other in stages if other is not stage and reads(stage, other)]
        depths[stage.full_name] = max((depth(other, stages, depths) + 1 for other in before), default=0)
    return depths[stage.full_name]


def reads(stage: Stage, other: Stage) -> bool:
    """Whether an input of a stage is an output of another one, lies in it, or contains it."""
    return any(
        path == output or path.startswith(f"{output}/") or output.startswith(f"{path}/")
        for path in stage.inputs
        for output in other.outputs
    )


def run_of(key: str, run: dict[str, Any]) -> Stage:
    """An entry of dvc.lock."""
    name, _, item = key.partition("@")
    params = {key: value for section in run.get("params", {}).values() for key, value in flatten(section)}
    return Stage(
        name,
        item,
        run["cmd"],
        {path: digest for path, digest in digests(run.get("deps", [])) if path.split("/")[0] in DATA},
        params,
        dict(digests(run.get("outs", []))),
    )


def digests(entries: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    """Path and md5 of each entry."""
    for entry in entries:
        yield entry["path"], entry["md5"]


def flatten(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested params."""
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def maker_of(stages: list[Stage], path: str) -> Stage | None:
    """The stage that wrote a file, by itself or in a folder."""
    for stage in stages:
        if any(path == output or path.startswith(f"{output}/") for output in stage.outputs):
            return stage
    return None
