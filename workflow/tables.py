"""The tables in README.md and docs/ that follow from the code and the metrics: results, stages, files, re-runs...

Reads:  dvc.yaml, metrics/, docstrings and imports of the code
Writes: each page, between `<!-- NAME: ... -->` and `<!-- end -->`; with --check nothing: it names the pages that differ, with exit code 1
"""

import ast
import json
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import summary
from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_text
from webtoon_genre.features.backbone import architecture_file, backbone_names
from workflow.graph import CHECK, code_folders, experiments

PAGES = (
    "README.md",
    "docs/stages.md",
    "docs/architecture.md",
    "docs/files.md",
    "docs/handling.md",
    "docs/experiments.md",
    "docs/pretrained.md",
)
TREES = ("stages", "webtoon_genre", "workflow", "bench", "tests")
MARKER = re.compile(r"(<!-- (\w+): [^\n]*-->\n)(.*?)(\n<!-- end -->)", re.DOTALL)


def read_stages() -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml, in order."""
    return YAML(typ="safe").load(paths.GRAPH.read_text(encoding="utf-8"))["stages"]


def output_paths(entries: list[Any]) -> list[str]:
    """Output paths of a stage without options, the matrix items written B and U."""
    names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
    return [name.replace("${item.backbone}", "B") for name in names]


def stage_table() -> str:
    """One row a stage: its description and its outputs."""
    rows = ["| stage | description | writes |", "|---|---|---|"]
    for name, stage in read_stages().items():
        outputs = [path for kind in ("outs", "metrics", "plots") for path in output_paths(stage.get(kind, []))]
        title = name + {1: "@B", 2: "@B-U"}.get(len(stage.get("matrix", {})), "")
        rows.append(f"| {title} | {stage['desc'].removesuffix('.')} | {', '.join(f'`{path}`' for path in outputs)} |")
    return "\n".join(rows)


def first_sentence(path: Path) -> str:
    """A module's docstring up to the first full stop or semicolon."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.split(r"[.;](?:\s|$)", " ".join(docstring.split()), maxsplit=1)[0]


def file_table() -> str:
    """One row a module, a heading a folder, from the modules' docstrings."""
    lines = []
    for tree in TREES:
        for folder in sorted({path.parent for path in Path(tree).rglob("*.py")}):
            modules = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
            if modules:
                lines += ["", f"## {folder.as_posix()}", "", "| module | contents |", "|---|---|"]
                lines += [f"| {path.name} | {first_sentence(path)} |" for path in modules]
    return "\n".join(lines[1:])


def rerun_table() -> str:
    """One row a folder of webtoon_genre: the stages that run again after an edit in it."""
    folders_of = {stage: code_folders(stage) for stage in read_stages() if stage != CHECK}
    rows = ["| folder | stages that run again |", "|---|---|"]
    for folder in sorted({folder for folders in folders_of.values() for folder in folders}):
        users = [stage for stage, folders in folders_of.items() if folder in folders]
        rows.append(f"| {folder} | {'all' if len(users) == len(folders_of) else ', '.join(users)} |")
    return "\n".join(rows)


def outcome_table() -> str:
    """One row an experiment: the outcome in its metrics."""
    rows = ["| experiment | outcome |", "|---|---|"]
    for name in experiments(list(read_stages())):
        outcome = json.loads(paths.metrics(name).read_text(encoding="utf-8"))["outcome"]
        rows.append(f"| {name} | {outcome} |")
    return "\n".join(rows)


def results_table() -> str:
    """The table of models that `make repro` prints last."""
    table = summary.table(summary.collect())
    return "\n".join(["```", table.partition("\n\nWhere to look next")[0].rstrip(), "```"])


def grid_table() -> str:
    """The best trial of each backbone and `unfreeze`, as `select` wrote it."""
    return paths.table("handling").read_text(encoding="utf-8").rstrip()


def backbone_table() -> str:
    """One row a backbone: its module's first sentence."""
    rows = ["| backbone | architecture |", "|---|---|"]
    return "\n".join([*rows, *(f"| {name} | {first_sentence(architecture_file(name))} |" for name in backbone_names())])


TABLES = {
    "results": results_table,
    "stages": stage_table,
    "files": file_table,
    "reruns": rerun_table,
    "outcomes": outcome_table,
    "grid": grid_table,
    "backbones": backbone_table,
}


def filled(page: str) -> str:
    """The text of a page with its tables written anew."""
    text = Path(page).read_text(encoding="utf-8")
    return MARKER.sub(
        lambda match: f"{match[1]}{TABLES[match[2]]()}{match[4]}" if match[2] in TABLES else match[0], text
    )


def main(check: bool = False) -> None:
    """Write the tables anew; with --check, only compare."""
    different = [page for page in PAGES if filled(page) != Path(page).read_text(encoding="utf-8")]
    if check and different:
        raise InputError(f"tables of {', '.join(different)} are not up to date; run `python -m workflow.tables`")
    for page in different:
        write_text(Path(page), filled(page))


if __name__ == "__main__":
    run(main, "tables", "workflow")
