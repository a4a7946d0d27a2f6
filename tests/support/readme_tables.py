"""The parts of README.md that follow from the code: `python tests/support/readme_tables.py` writes them anew, test_readme.py compares."""

import ast
import json
import re
from pathlib import Path

from ruamel.yaml import YAML

from tests.support.import_closure import REPOSITORY, closure

README = REPOSITORY / "README.md"
OTHERS = {
    "params.yaml": "every setting, commented",
    "dvc.yaml": "the graph of stages",
    "dvc.lock": "what the graph last made, by hash",
    "metrics/": "small JSON and Markdown, in git",
    "plots/": "figures; those shown here are in git, the others in DVC's cache",
    "pyproject.toml": "dependencies as ranges, tools' settings",
    "requirements.lock": "dependencies with hashes; requirements-gpu.lock is the same with CUDA",
    "Makefile": "repro, verify, review, test, check, servers, setup, lock",
    "DECISIONS.md": "context, choice, cost; negative results",
    "CHANGELOG.md": "what changed for users",
    ".ci/run": "what CI runs",
    "docs/crawling.md": "the crawl: manners, resuming, limits, faults, speed",
    "docs/experiments.md": "the experiments after the first result, and how to add one",
    "docs/handling.md": "the grid: trunk and tail, several machines",
    "docs/versions.md": "a commit is a result: verify, what results depend on, another machine",
    "docs/remotes.md": "where data is kept, and what is seen when that fails",
    "docs/crash-safety.md": "each stage, each fault, each test",
    "docs/registry.md": "dataset and model for other projects, by version",
    "docs/schema-changes.md": "old commits' data under new code, and new data under old",
    "docs/review.md": "pull requests, and hooks before commits and pushes",
    ".github/": "the same checks on GitHub, and the comment on a pull request",
}
EXPERIMENTS = ("balance", "pairs", "label_limit", "criterion", "ambiguity", "style", "leakage")
ORDER = (
    "stages",
    "stages/sources",
    "stages/sources/demo",
    "stages/backbones",
    "stages/lib",
    "workflow",
    "tests",
    "tests/crash",
    "tests/hostile",
    "bench",
)


def stages() -> dict[str, dict]:
    """dvc.yaml's stages, in order."""
    return YAML(typ="safe", pure=True).load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def paths(entries: list) -> list[str]:
    """Output paths of a stage, options left off, the matrix item written B."""
    names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]
    return [name.replace("${item.backbone}", "B").replace("${item.unfreeze}", "U") for name in names]


def stage_table() -> str:
    """One row a stage: what it does, reads, writes."""
    rows = ["| stage | does | writes |", "|---|---|---|"]
    for name, stage in stages().items():
        written = [path for kind in ("outs", "metrics", "plots") for path in paths(stage.get(kind, []))]
        shown = name + {1: "@B", 2: "@B-U"}.get(len(stage.get("matrix", {})), "")
        rows.append(f"| {shown} | {stage['desc'].removesuffix('.')} | {', '.join(f'`{path}`' for path in written)} |")
    return "\n".join(rows)


def first_sentence(path: Path) -> str:
    """What a module's docstring says first, up to the first full stop or semicolon."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.split(r"[.;](?:\s|$)", " ".join(docstring.split()), maxsplit=1)[0]


def file_tree() -> str:
    """One line a file, from the modules' own docstrings."""
    lines = [f"{name:<28}{what}" for name, what in OTHERS.items()]
    for folder in ORDER:
        files = sorted(path for path in (REPOSITORY / folder).glob("*.py") if path.name != "__init__.py")
        if files:
            lines.append(f"{folder}/")
            lines += [f"  {path.name:<26}{first_sentence(path)}".rstrip() for path in files]
    return "```\n" + "\n".join(lines) + "\n```"


def reruns() -> str:
    """Which stages import which module of stages/lib."""
    imported = {name: closure(Path(f"stages/{name}.py")) for name in stages()}
    rows = ["| stages/lib | runs again |", "|---|---|"]
    for path in sorted((REPOSITORY / "stages/lib").glob("*.py")):
        relative = path.relative_to(REPOSITORY)
        users = [name for name, modules in imported.items() if relative in modules]
        if path.name != "__init__.py":
            rows.append(f"| {path.stem} | {'all' if len(users) == len(imported) else ', '.join(users)} |")
    return "\n".join(rows)


def outcomes() -> str:
    """What each experiment's metrics say in one sentence."""
    rows = ["| stage | outcome |", "|---|---|"]
    for name in EXPERIMENTS:
        told = json.loads((REPOSITORY / f"metrics/{name}.json").read_text(encoding="utf-8"))["outcome"]
        rows.append(f"| {name} | {told} |")
    return "\n".join(rows)


def blocks() -> dict[str, str]:
    """What must stand behind each marker."""
    grid = (REPOSITORY / "metrics/handling.md").read_text(encoding="utf-8").rstrip()
    return {"stages": stage_table(), "files": file_tree(), "reruns": reruns(), "grid": grid, "outcomes": outcomes()}


def block(text: str, marker: str) -> str:
    """What stands between a marker's comment and the next heading or paragraph of prose."""
    return re.search(rf"<!-- {marker}: [^\n]*-->\n(.*?)\n<!-- end -->", text, re.DOTALL)[1]


if __name__ == "__main__":
    written = README.read_text(encoding="utf-8")
    for name, content in blocks().items():
        written = written.replace(block(written, name) + "\n<!-- end -->", content + "\n<!-- end -->")
    README.write_text(written, encoding="utf-8")
