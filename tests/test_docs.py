"""README.md and docs/ against the code."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.pages import block
from workflow import tables
from workflow.graph import experiments

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
INDEX = (REPOSITORY / "docs/README.md").read_text(encoding="utf-8")
PAGES = sorted([*(REPOSITORY / "docs").glob("*.md"), *REPOSITORY.glob("*.md"), REPOSITORY / "bench/README.md"])
HISTORY = ("CHANGELOG.md", "DECISIONS.md")  # they name what was
LINK = re.compile(r"\]\(([^)#:]+)\)")


def relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("page", tables.PAGES)
def test_the_tables_that_follow_from_code_and_metrics_are_up_to_date(page, monkeypatch):
    # written by `python -m workflow.tables`
    monkeypatch.chdir(REPOSITORY)
    assert tables.filled(page) == Path(page).read_text(encoding="utf-8")


def test_every_table_is_on_a_page(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    markers = {match[2] for page in tables.PAGES for match in tables.MARKER.finditer(Path(page).read_text())}
    assert set(tables.TABLES) <= markers


def test_the_page_of_experiments_explains_each_number_that_reviewers_compare():
    page = (REPOSITORY / "docs/experiments.md").read_text(encoding="utf-8")
    summary = json.loads((REPOSITORY / "metrics/summary.json").read_text(encoding="utf-8"))
    blocks = {name: summary.get(name, {}) for name in experiments(list(tables.read_stages()))}
    keys = {f"{name}.{key}" for name, block in blocks.items() for key in block if not key.endswith("_interval")}
    assert {key for key in keys if f"\n| `{key}` |" not in page} == set()


def test_the_readme_is_for_one_sitting():
    lines = README.splitlines()
    assert len(lines) <= 180
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_file_that_a_page_links_to_is_there(path):
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [name for name in links if not (path.parent / name).exists()] == []


def test_every_page_of_docs_is_in_the_index():
    pages = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - {"README.md"}
    assert pages - set(LINK.findall(INDEX)) == set()
    assert "docs/README.md" in LINK.findall(README)


def test_every_make_target_that_a_page_names_is_there():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    named = set(re.findall(r"(?:`|^)make ([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE))
    assert {"repro", "test", "test-all", "verify", "review"} <= named
    assert [target for target in sorted(named) if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def defined_tests() -> set[str]:
    """The names of all test functions."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    code += "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests/crawl/faults").glob("*.py"))
    return set(re.findall(r"^def (test_\w+)", code, re.MULTILINE))


@pytest.mark.parametrize("path", [path for path in PAGES if path.parent.name == "docs"], ids=relative)
def test_every_test_that_a_page_of_docs_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"(?<![./\w])(test_\w+)\b(?!\.py)", text)) - defined_tests()) == []


def test_every_fault_in_the_table_of_the_crawl_has_a_test():
    rows = block((REPOSITORY / "docs/crawling.md").read_text(encoding="utf-8"), "faults").splitlines()[2:]
    assert len(rows) > 20
    assert [row for row in rows if not re.search(r"`test_\w+`", row)] == []


@pytest.mark.parametrize("path", [path for path in PAGES if path.name not in HISTORY], ids=relative)
def test_every_module_that_a_page_runs_is_there(path):
    modules = re.findall(
        r"python -m ((?:stages|webtoon_genre|workflow|bench|tests)[\w.]*)", path.read_text(encoding="utf-8")
    )
    missing = [
        name
        for name in modules
        if name != "stages.NAME"
        and not (REPOSITORY / name.replace(".", "/")).with_suffix(".py").is_file()
        and not (REPOSITORY / name.replace(".", "/") / "__main__.py").is_file()
    ]
    assert missing == []
