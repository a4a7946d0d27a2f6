"""Which files of stages/ a module's code depends on, read from its import statements, wherever in the file they stand."""

import ast
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def closure(path: Path) -> set[Path]:
    """`path` and every module of stages/ that it imports, directly or not, relative to the repository."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(imported(current))
    return found


def imported(path: Path) -> set[Path]:
    """The modules of stages/ that one file imports; packages' `__init__.py` are empty and do not count."""
    names = set()
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    candidates = {Path(*name.split(".")).with_suffix(".py") for name in names if name.startswith("stages.")}
    return {candidate for candidate in candidates if (REPOSITORY / candidate).is_file()}
