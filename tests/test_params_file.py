"""params.yaml as `dvc exp run -S` rewrites it: one change is one line, and any two in a row read back."""

import difflib
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")


def parse(text: str) -> dict[str, Any]:
    """The values of a params file by dotted key, read as the stages read them."""

    def leaves(value: Any, key: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            return {key: value}
        return {name: leaf for part, inner in value.items() for name, leaf in leaves(inner, f"{key}.{part}").items()}

    return {key[1:]: value for key, value in leaves(YAML(typ="safe", pure=True).load(text), "").items()}


VALUES = parse(TEXT)
LISTS = [key for key, value in VALUES.items() if isinstance(value, list)]
SOME = [*LISTS, *list(VALUES)[::8]]


def another(value: Any) -> str:
    """An override that differs from a value, of its type."""
    if isinstance(value, bool):
        return str(not value).lower()
    if isinstance(value, list):
        return "[]"
    return {int: "91", float: "1e-07", str: "another", type(None): "3"}[type(value)]


def override(path: Path, text: str, *overrides: str) -> str:
    """The text of a params file after each override, as DVC writes it."""
    path.write_text(text, encoding="utf-8")
    for one in overrides:
        apply_overrides(path, [one])
    return path.read_text(encoding="utf-8")


def changed_lines(text: str, other: str) -> tuple[list[str], list[str]]:
    """The lines that only one of two texts has."""
    lines = [line for line in difflib.ndiff(text.splitlines(), other.splitlines()) if line[0] in "+-"]
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


def assert_one_change(path: Path, key: str) -> None:
    """One override changes the line of its key and, of a list, removes its items; no other value changes."""
    after = override(path, TEXT, f"{key}={another(VALUES[key])}")
    removed, added = changed_lines(TEXT, after)
    items = VALUES[key] if isinstance(VALUES[key], list) else []
    assert len(added) == 1, key
    assert len(removed) == 1 + sum(len(item) if isinstance(item, list) else 1 for item in items), key
    assert {name for name, value in parse(after).items() if value != VALUES[name]} == {key}


def test_the_file_is_as_dvc_writes_it(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(TEXT, encoding="utf-8")
    with modify_yaml(path):
        pass
    assert path.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("key", ["lr", "crawl.limits.titles", "train.backbones", "criterion.merged", "augment.flip"])
def test_an_override_changes_one_line(tmp_path, key):
    assert_one_change(tmp_path / "params.yaml", key)


@pytest.mark.exhaustive
@pytest.mark.parametrize("key", VALUES)
def test_an_override_of_any_key_changes_one_line(tmp_path, key):
    assert_one_change(tmp_path / "params.yaml", key)


def test_two_overrides_in_a_row_read_back(tmp_path):
    after = override(tmp_path / "params.yaml", TEXT, "lr=1e-5", "criterion.columns=[]")
    assert parse(after) == VALUES | {"lr": 1e-5, "criterion.columns": []}


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", LISTS)
def test_an_override_after_that_of_a_list_reads_back(tmp_path, first):
    path = tmp_path / "params.yaml"
    emptied = override(path, TEXT, f"{first}=[]")
    for key in SOME:
        value = VALUES[key]
        text = "[first,2]" if key == first or isinstance(value, list) else another(value)
        after = parse(override(path, emptied, f"{key}={text}"))
        assert {name for name in after if after[name] != VALUES[name]} == {first, key}, key
