"""webtoon_genre/plotting/artists.py: the only module that imports matplotlib, so that no user's configuration is read."""

import ast
from pathlib import Path

from tests.conftest import REPOSITORY


def test_no_other_module_imports_matplotlib():
    folders = ("bench", "stages", "webtoon_genre", "workflow")
    files = [path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    importing = [path.relative_to(REPOSITORY).as_posix() for path in files if imports_matplotlib(path)]
    assert importing == ["webtoon_genre/plotting/artists.py"]


def imports_matplotlib(path: Path) -> bool:
    """Whether a file has an import statement of matplotlib."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] == "matplotlib" for name in names)
