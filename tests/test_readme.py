"""README.md against the code."""

import json
import re

import pytest

from tests.support import readme_tables as readme
from tests.support.import_closure import REPOSITORY

TEXT = readme.README.read_text(encoding="utf-8")


@pytest.mark.parametrize("marker", ["stages", "files", "reruns", "grid", "outcomes"])
def test_what_follows_from_the_code_is_true(marker):
    # written anew by `python tests/support/readme_tables.py`
    assert readme.block(TEXT, marker) == readme.blocks()[marker]


def test_every_file_that_the_readme_links_to_is_there():
    linked = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert len(linked) > 3
    assert [name for name in linked if not (REPOSITORY / name).exists()] == []


def test_every_page_of_docs_is_linked_to():
    pages = {f"docs/{path.name}" for path in (REPOSITORY / "docs").glob("*.md")}
    assert pages - set(re.findall(r"\]\(([^)#:]+)\)", TEXT)) == set()


def test_every_make_target_that_the_readme_names_is_there():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", TEXT, re.MULTILINE))
    assert {"repro", "test", "check"} <= named
    assert [target for target in sorted(named) if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_the_results_shown_are_the_committed_ones():
    summary = json.loads((REPOSITORY / "metrics/summary.json").read_text(encoding="utf-8"))
    for backbone, result in [*summary["finetuned"].items(), *summary["backbones"].items()]:
        row = next(line for line in TEXT.splitlines() if line.split()[:1] == [backbone])
        assert f"{result['test_accuracy']:.3f}" in row
        assert f"{result['val_accuracy']:.3f}" in row


def defined_tests() -> set[str]:
    """The names of all test functions."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").glob("test_*.py"))
    return set(re.findall(r"^def (test_\w+)", code, re.MULTILINE))


@pytest.mark.parametrize("path", sorted((REPOSITORY / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_test_and_file_that_a_page_of_docs_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [name for name in linked if not (path.parent / name).exists()] == []
    assert sorted(set(re.findall(r"(?<![.\w])(test_\w+)\b(?!\.py)", text)) - defined_tests()) == []


def test_every_fault_in_the_table_of_the_crawl_has_a_test():
    rows = readme.block((REPOSITORY / "docs/crawling.md").read_text(encoding="utf-8"), "faults").splitlines()[2:]
    assert len(rows) > 20
    assert [row for row in rows if not re.search(r"`test_\w+`", row)] == []
