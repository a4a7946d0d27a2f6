"""dvc.yaml's lists that follow from the code: each stage's code by folder, its params, the metrics that `summary` collects, and what
`report` shows of other stages: their outputs, and their params, for which it depends on the whole of params.yaml.

Reads:  dvc.yaml, stages/, webtoon_genre/
Writes: dvc.yaml; with --check nothing: it names the stages whose lists differ, with exit code 1

DVC does not follow imports. A stage depends on its own file and on the folders of webtoon_genre that its imports reach, wherever in a file
they stand. An import of a package counts as an import of all its modules. Architectures (webtoon_genre/backbones) are chosen by name:
dvc.yaml names the one file by hand.
"""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing
from webtoon_genre.core.params import tracked_params
from webtoon_genre.experiments.probe import ExperimentParams

PACKAGE = Path("webtoon_genre")
BACKBONES = PACKAGE / "backbones"
CHECK, REPORT = "check", "report"
DATA = (paths.DATA.name, paths.MODELS.name)  # top-level folders


def import_closure(path: Path) -> set[Path]:
    """`path` and every file of the package that it imports, directly or not, relative to the repository."""
    files: set[Path] = set()
    queue = [path]
    while queue:
        current = queue.pop()
        if current not in files:
            files.add(current)
            queue.extend(imported_files(current))
    return files


@cache
def imported_files(path: Path) -> frozenset[Path]:
    """Files of the package that one file imports; `__init__.py` files are empty and do not count."""
    files: set[Path] = set()
    for name in imported_names(ast.parse(path.read_text(encoding="utf-8"))):
        module = Path(*name.split("."))
        if module.with_suffix(".py").is_file():
            files.add(module.with_suffix(".py"))
        elif module.is_dir() and module not in (PACKAGE, BACKBONES):
            files |= {file for file in module.glob("*.py") if file.name != "__init__.py"}
    return frozenset(files)


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Dotted names of the package's modules, packages and members in the import statements of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if Path(*node.module.split(".")).with_suffix(".py").is_file():
                names = [node.module]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] == PACKAGE.name)


def code_folders(stage: str) -> list[str]:
    """The folders that a stage's imports reach, sorted: the first level below webtoon_genre."""
    files = import_closure(Path("stages") / f"{stage}.py")
    folders = {PACKAGE / file.parts[1] for file in files if file.parts[0] == PACKAGE.name and len(file.parts) > 2}
    return sorted(folder.as_posix() for folder in folders - {BACKBONES})


def stage_params(stage: str) -> type[Any]:
    """The params model of a stage."""
    return import_module(f"stages.{stage}").Params


def experiments(stages: list[str]) -> list[str]:
    """The stages that are experiments: their params are ExperimentParams."""
    return [stage for stage in stages if stage != CHECK and issubclass(stage_params(stage), ExperimentParams)]


def is_code(dependency: str) -> bool:
    """Whether this module writes a dependency; architectures are named by hand."""
    path = Path(dependency)
    return path.parts[0] in ("stages", PACKAGE.name) and BACKBONES not in (path, path.parent)


def dependencies(stage: str, current: list[str], stages: list[str]) -> list[str]:
    """The dependencies of a stage: data and architectures as they are in dvc.yaml, the code anew, data first."""
    named = [dependency for dependency in current if not is_code(dependency)]
    if stage == "summary":
        names = {paths.metrics(name).as_posix() for name in experiments(stages)}
        stale = {
            name
            for name in named
            if Path(name).parent == paths.METRICS and Path(name).suffix and Path(name).stem not in stages
        }
        named = list(({*named} - stale) | names)
    data = sorted(dependency for dependency in named if not dependency.startswith(BACKBONES.as_posix()))
    architectures = sorted(set(named) - set(data))
    return [*data, f"stages/{stage}.py", *architectures, *code_folders(stage)]


def shown_data(graph: dict[str, Any], stages: list[str]) -> list[str]:
    """What the report depends on: all outputs of other stages, those of items and figures in a folder by folder, and all metrics.

    The folder plots is none of them: a fresh clone has a part of it, and DVC takes such a folder for changed.
    """
    entries = [
        out
        for stage in stages
        if stage != REPORT
        for kind in ("outs", "plots")
        for out in graph["stages"][stage].get(kind, [])
    ]
    outputs = [Path(next(iter(out)) if isinstance(out, dict) else out) for out in entries]
    data = {path.parent if "${" in path.name else path for path in outputs if path.parts[0] in DATA}
    figures = {Path(*path.parts[:2]) for path in outputs if path.parts[0] == paths.PLOTS.name}
    inside = {path for path in data if not data.isdisjoint(path.parents)}
    return sorted(path.as_posix() for path in data - inside | figures | {paths.METRICS})


def updated(graph: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """By stage, the lists `deps` and `params` that follow from the code."""
    stages = stage_names(graph)
    lists = {
        stage: {
            "deps": dependencies(stage, list(graph["stages"][stage]["deps"]), stages),
            "params": tracked_params(stage_params(stage)),
        }
        for stage in stages
    }
    if REPORT in stages:
        code = [path for path in lists[REPORT]["deps"] if is_code(path)]
        lists[REPORT] = {"deps": [*shown_data(graph, stages), paths.PARAMS.as_posix(), *code], "params": []}
    return lists


def stage_names(graph: dict[str, Any]) -> list[str]:
    """The stages of dvc.yaml that are files of stages/: all but `check`, which is workflow/check.py and reads params.yaml as a file."""
    return [stage for stage in graph["stages"] if stage != CHECK]


def main(check: bool = False) -> None:
    """Write the lists of dvc.yaml that follow from the code; with --check, only compare."""
    yaml = YAML()
    yaml.width = 1000
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    graph = yaml.load(paths.GRAPH.read_text(encoding="utf-8"))
    different = []
    for stage, lists in updated(graph).items():
        section = graph["stages"][stage]
        if any(list(section.get(key, [])) != values for key, values in lists.items()):
            different.append(stage)
        section["deps"][:] = lists["deps"]
        if lists["params"] and "params" in section:
            section["params"][:] = lists["params"]
        elif lists["params"]:
            section.insert(list(section).index("deps") + 1, "params", lists["params"])
    if check and different:
        raise InputError(f"dvc.yaml does not fit the code of {', '.join(different)}; run `python -m workflow.graph`")
    if different:
        with replacing(paths.GRAPH) as part, part.open("w", encoding="utf-8") as file:
            yaml.dump(graph, file)


if __name__ == "__main__":
    run(main, "graph", "workflow")
