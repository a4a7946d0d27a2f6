"""params.yaml as typed models: strict, complete, without defaults; one line of error names every unknown, missing and ill-typed key.

A stage declares a `Params(ParamsFile)` whose fields are top-level keys of params.yaml: its own section as a `Section`, which names
every key, and sections of other stages as `SharedKeys`, which name only the keys that it reads. `tracked_params` returns the
params that DVC must watch for the stage; a test compares dvc.yaml with it.
"""

import difflib
import importlib
import pkgutil
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from webtoon_genre.core.errors import InputError

SHARED = {
    "lr",
    "seed",
    "memory",
    "runtime",
    "head",
    "augment",
    "experiments",
}  # top-level keys that belong to no single stage


class Section(BaseModel):
    """A stage's own section: all keys known, none missing, no conversions; `untracked` keys do not make the stage run again."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    untracked: ClassVar[frozenset[str]] = frozenset()


class SharedKeys(BaseModel):
    """Some keys of a section that belongs to another stage; its other keys are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class ParamsFile(BaseModel):
    """The top-level keys of params.yaml that a stage reads; `untracked` ones do not make it run again."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)
    untracked: ClassVar[frozenset[str]] = frozenset()


P = TypeVar("P", bound=ParamsFile)


def read(model: type[P], path: Path = Path("params.yaml")) -> P:
    """Read `path` (YAML 1.2, so that 1e-5 is a number) as `model`, or raise InputError with every mistake on one line."""
    values = load(path)
    known = stage_names() | SHARED
    if unknown := sorted(set(values) - known):
        raise InputError(f"{path}: {describe_unknown_key(unknown[0], known)}; known at the top level: {listing(known)}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: " + "; ".join(complaint(model, detail) for detail in error.errors())) from None


def stage_names() -> set[str]:
    """Return the names of the modules in the package `stages`, which are their sections' names too."""
    return {module.name for module in pkgutil.iter_modules(importlib.import_module("stages").__path__)}


def load(path: Path) -> dict[str, Any]:
    """Load the YAML mapping in `path`, unchecked."""
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not in {Path.cwd().name}; run from the repository's root") from None
    except YAMLError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} holds {type(values).__name__}, not sections")
    return values


def complaint(model: type[BaseModel], detail: Any) -> str:
    """Describe one of pydantic's errors: the key, what is wrong, the value, the known keys."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{key} is missing; add it"
    if detail["type"] == "extra_forbidden":
        known = known_keys(model, detail["loc"])
        return f"{describe_unknown_key(key, known)}; known in {key.rpartition('.')[0]}: {listing(known)}"
    return f"{key} is {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def describe_unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that a key, such as train.epcohs, is unknown, and which of the `known` ones in its section is close to it, if any."""
    close = difflib.get_close_matches(key.rpartition(".")[2], sorted(known), n=1)
    return f"{key} is unknown" + "".join(f" (did you mean {name}?)" for name in close)


def listing(names: Iterable[str]) -> str:
    """Join names in alphabetical order."""
    return ", ".join(sorted(names))


def known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> set[str]:
    """Return the keys of the section that holds the last part of `location`."""
    section: Any = model
    for part in location[:-1]:
        section = next(field.annotation for key, field in section.model_fields.items() if part == (field.alias or key))
    return set(section.model_fields)


def tracked_params(model: type[ParamsFile]) -> list[str]:
    """Return the params that a stage depends on, as dvc.yaml lists them: complete sections by name, others key by key."""
    fields = {field.alias or key: field.annotation for key, field in model.model_fields.items()}
    return sorted(
        name
        for key, annotation in fields.items()
        if key not in model.untracked
        for name in param_names(key, annotation)
    )


def param_names(key: str, annotation: Any) -> list[str]:
    """Return `key`, or one dotted name a key where only some keys of the section are tracked."""
    if typing.get_origin(annotation) is not None or not isinstance(annotation, type):
        return [key]
    if issubclass(annotation, SharedKeys):
        return [f"{key}.{inner}" for inner in annotation.model_fields]
    if issubclass(annotation, Section) and has_untracked_keys(annotation):
        tracked = {
            inner: field for inner, field in annotation.model_fields.items() if inner not in annotation.untracked
        }
        return [name for inner, field in tracked.items() for name in param_names(f"{key}.{inner}", field.annotation)]
    return [key]


def has_untracked_keys(section: Any) -> bool:
    """Return whether `section`, or a section in it, has keys that are not tracked."""
    if not isinstance(section, type) or not issubclass(section, Section):
        return False
    return bool(section.untracked) or any(
        has_untracked_keys(field.annotation) for field in section.model_fields.values()
    )
