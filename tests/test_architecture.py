"""The package's structure: floors, no import circles, plain imports, empty `__init__.py` files."""

import ast
from pathlib import Path

import pytest

from workflow.graph import imported_files

FLOORS = {
    "core": 1, "backbones": 1,
    "cluster": 2, "data": 2, "demo_site": 2, "evaluation": 2, "plotting": 2, "reproducibility": 2,
    "inference": 3, "crawl": 3, "features": 3,
    "training": 4,
    "experiments": 5, "grid": 5,
    "report": 6, "service": 6,
    "cli.py": 7,
}  # fmt: skip
FILES = sorted(Path("webtoon_genre").rglob("*.py"))
MODULES = [path for path in FILES if path.name != "__init__.py"]


@pytest.fixture(autouse=True)
def repository(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])


def folder(path: Path) -> str:
    """The first level below webtoon_genre."""
    return path.parts[1]


def test_every_folder_has_a_floor():
    assert {folder(path) for path in MODULES} == set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_file_imports_only_from_its_folder_or_from_lower_floors(path):
    targets = {folder(target) for target in imported_files(path) if target.parts[0] == "webtoon_genre"}
    wrong = {name for name in targets - {folder(path)} if FLOORS[name] >= FLOORS[folder(path)]}
    assert wrong == set()


def test_no_module_imports_itself_by_way_of_others():
    imports = {path: imported_files(path) - {path} for path in MODULES}
    while imports:
        leaves = {path for path, targets in imports.items() if not targets & imports.keys()}
        assert leaves, f"a circle among {sorted(map(str, imports))}"
        imports = {path: targets for path, targets in imports.items() if path not in leaves}


@pytest.mark.parametrize("path", [*FILES, *sorted(Path("stages").glob("*.py"))], ids=str)
def test_imports_name_what_they_import(path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    assert not any(alias.name == "*" for node in nodes for alias in node.names)
    assert all(node.level == 0 for node in nodes)


def test_package_files_are_empty_but_for_the_version_and_load():
    contents = {path: path.read_text(encoding="utf-8") for path in FILES if path.name == "__init__.py"}
    version = contents.pop(Path("webtoon_genre/__init__.py"))
    tree = ast.parse(version)
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["load"]
    assert '\n__version__ = "' in version
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == [
        "from typing import TYPE_CHECKING"
    ]  # importing the package costs nothing
    assert set(contents.values()) == {""}
    assert Path("stages/__init__.py").read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("path", [*MODULES, *sorted(Path("stages").glob("[!_]*.py"))], ids=str)
def test_every_module_states_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", sorted(Path("tests").rglob("test_*.py")), ids=str)
def test_no_test_imports_another_test(path):
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
    modules = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
    assert not any(
        part.startswith("test_") for name in modules if name.startswith("tests.") for part in name.split(".")[:-1]
    )
