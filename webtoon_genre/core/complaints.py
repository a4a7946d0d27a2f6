"""What is wrong with params.yaml, one short line for each fault: the key, the fault, the value, what to do; it opens no file."""

import datetime
import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

LONGEST_VALUE = 60  # characters of a value in a message
SYNONYMS = {  # other tools' names, for which difflib has no match; a name without a dot belongs to several sections
    "learning_rate": "lr",
    "batch_size": "batch",
    "num_epochs": "epochs",
    "early_stopping": "patience",
    "random_state": "seed",
    "random_seed": "seed",
    "hidden": "units",
    "neurons": "units",
    "classes": "label.genres",
    "class_names": "label.genres",
    "categories": "label.genres",
    "genre": "label.genres",
    "genres": "label.genres",
    "labels": "label.genres",
    "architecture": "train.backbones",
    "backbone": "train.backbones",
    "model": "train.backbones",
    "models": "train.backbones",
    "network": "train.backbones",
    "image_size": "resize.side",
    "img_size": "resize.side",
    "size": "resize.side",
    "data_dir": "crawl.folder.path",
    "folder": "crawl.folder.path",
    "test_size": "split.ratios",
}
FORMER = {  # keys of earlier versions
    "experiments.backbone": "the experiments use the first of train.backbones; delete it",
    "style": "the experiment style uses the first of train.backbones; delete it",
    "handling.engine": "write it into cluster.engine, which more stages read, and delete it",
    "handling.address": "write it into cluster.address, and delete it",
    "handling.grids": "write the grid into handling.grid, and delete it",
    "handling.grid.backbones": "the grid has all of train.backbones; delete it",
    "validate.min_share": "validate.min_ratio is its multiple of the equal share, 1 / genres; delete it",
    "validate.max_share": "validate.max_ratio is its multiple of the equal share, 1 / genres; delete it",
}
INSTEAD = "input should be "  # how most of pydantic's messages begin


def describe_yaml_error(error: YAMLError) -> str:
    """Describe a parser's error: the line, the column and the problem."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    text = " ".join(f"{error.context or ''} {error.problem or ''}".split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {text}"


def describe_errors(error: ValidationError, model: type[BaseModel], values: Any, known: Iterable[str]) -> list[str]:
    """Describe pydantic's errors about `values`, one line for each key; `known` has all keys of params.yaml, with dots."""
    return [describe(key, details, model, known) for key, details in by_key(error.errors(), values).items()]


def by_key(details: Sequence[Any], values: Any) -> dict[tuple[Any, ...], list[Any]]:
    """Group errors by the key in the file: a union's members have one each, of which those deepest in the value count."""
    depths: dict[tuple[Any, ...], list[tuple[int, tuple[Any, ...], Any]]] = {}
    for detail in details:
        union, location = locate(detail, values)
        depths.setdefault(union, []).append((len(location), location, detail))
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for errors in depths.values():
        deepest = max(depth for depth, _, _ in errors)
        for depth, location, detail in errors:
            if depth == deepest:
                groups.setdefault(location, []).append(detail)
    return groups


def locate(detail: Any, values: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the keys of an error down to the first union, and all of them; a union's part of the location names a type."""
    parts = detail["loc"]
    keys: list[Any] = []
    union = None
    for position, part in enumerate(parts):
        if (isinstance(values, dict) and part in values) or (isinstance(values, list) and isinstance(part, int)):
            values = values[part]
        elif detail["type"] == "missing" and position == len(parts) - 1:
            values = None
        else:
            union = len(keys) if union is None else union
            continue
        keys.append(part)
    return tuple(keys[:union]), tuple(keys)


def describe(location: tuple[Any, ...], details: Sequence[Any], model: type[BaseModel], known: Iterable[str]) -> str:
    """Describe the errors of one key."""
    key, kind, value = ".".join(map(plain, location)), details[0]["type"], details[0]["input"]
    if kind == "missing":
        return f"{key} is missing; add it"
    if kind in ("extra_forbidden", "invalid_key"):
        return describe_unknown(key, section_keys(model, location), known)
    if kind == "value_error":
        text = str(details[0]["ctx"]["error"])
        return text if text.startswith(key) else f"{key}: {text}"
    if kind == "model_type":
        inner = [name.removeprefix(f"{key}.") for name in known if name.startswith(f"{key}.")]
        return (
            f"{key} is {shown(value)}: it should be a section with {listing(name for name in inner if '.' not in name)}"
        )
    return f"{key} is {shown(value)}: {expected([detail['msg'] for detail in details])}{remedy(kind, value)}"


def expected(messages: Sequence[str]) -> str:
    """Join pydantic's messages about one value: "input should be 'all', a valid integer or a valid list"."""
    texts = [message[0].lower() + message[1:] for message in dict.fromkeys(messages)]
    first, *others = [texts[0], *(text.removeprefix(INSTEAD) for text in texts[1:])]
    return ", ".join([first, *others[:-1]]) + "".join(f" or {text}" for text in others[-1:])


def remedy(kind: str, value: Any) -> str:
    """Say what to do about a value that YAML reads as another type than its writer meant."""
    if kind in ("int_type", "float_type") and isinstance(value, str) and is_number(value):
        return "; write it without quotes"
    if kind == "string_type" and isinstance(value, datetime.date | int | float):
        return "; write it in quotes"
    return ""


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def shown(value: Any) -> str:
    """Show a value as YAML has it, shortened."""
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    text = str(value) if isinstance(value, datetime.date) else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def plain(name: Any) -> str:
    """A key, or its repr where it would break the line."""
    return str(name) if str(name).isprintable() else repr(name)


def describe_unknown(key: str, siblings: Iterable[str], known: Iterable[str]) -> str:
    """Say that a key is unknown, what became of it or which key is nearest, and which keys its section, or the file, has."""
    if key in FORMER:
        return f"{key} is a key of an earlier version: {FORMER[key]}"
    section, known = key.rpartition(".")[0], sorted(known)
    name = nearest(key, sorted(siblings), known)
    return (
        f"{key} is unknown{f' (did you mean {name}?)' if name else ''}; "
        f"known {f'in {section}' if section else 'at the top level'}: {listing(siblings)}"
    )


def nearest(key: str, siblings: Sequence[str], known: Sequence[str]) -> str | None:
    """Return the key that `key` most likely means: a sibling by its name, any other key with dots; None where none is near."""
    leaf = key.rpartition(".")[2].lower().replace("-", "_")
    name = SYNONYMS.get(leaf, leaf)
    if name.rpartition(".")[2] in siblings:
        return name.rpartition(".")[2]
    if homonyms := [other for other in known if other == name or other.endswith(f".{name}")]:
        return min(homonyms, key=lambda other: preference(other, key))
    if close := difflib.get_close_matches(leaf, siblings, n=1):
        return close[0]
    leaves = {other.rpartition(".")[2] for other in known}
    if close := difflib.get_close_matches(leaf, sorted(leaves), n=1, cutoff=0.75):
        homonyms = [other for other in known if other.rpartition(".")[2] == close[0]]
        return min(homonyms, key=lambda other: preference(other, key))
    return None


def preference(name: str, key: str) -> tuple[bool, bool, bool, str]:
    """The order among keys of one name: those of the section of `key`, of the top level, of train, by the alphabet."""
    section = key.partition(".")[0]
    return ("." not in key or not name.startswith(f"{section}."), "." in name, not name.startswith("train."), name)


def listing(names: Iterable[str]) -> str:
    """Join names in alphabetical order."""
    return ", ".join(sorted(names))


def section_keys(model: type[BaseModel], location: Sequence[Any]) -> set[str]:
    """Return the keys of the section that holds the last part of `location`."""
    section: Any = model
    for part in location[:-1]:
        section = next(field.annotation for key, field in section.model_fields.items() if part == (field.alias or key))
    return {field.alias or key for key, field in section.model_fields.items()}
