"""params.yaml as typed models: strict, complete, without defaults; it refuses unknown, missing and ill-typed keys in one line.

A stage declares a `Params(File)` whose fields are top-level keys of params.yaml: its own section as a `Section` (each key of
it must be named), and what it shares with others as a `Leaves` (only the keys it names are read). `tracked` tells which
params DVC has to watch for that stage; a test holds dvc.yaml to it.
"""

import typing
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from webtoon_genre.core.errors import InputError

STAGES = Path(__file__).parent.parent
SHARED = {"lr", "runtime", "head", "augment", "experiments"}  # top-level keys that belong to no single stage


class Section(BaseModel):
    """A stage's own section: every key known, none missing, no conversions; `untracked` keys do not make it run again."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    untracked: ClassVar[frozenset[str]] = frozenset()


class SharedKeys(BaseModel):
    """Some keys of a section that belongs to another stage; the others are not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class ParamsFile(BaseModel):
    """The top-level keys of params.yaml that a stage reads."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


P = TypeVar("P", bound=ParamsFile)


def read(model: type[P], path: Path = Path("params.yaml")) -> P:
    """Read `path` (YAML 1.2, so that 1e-5 is a number) as `model`, or raise InputError with all that is wrong on one line."""
    values = load(path)
    try:
        known = {stage.stem for stage in STAGES.glob("*.py")} | SHARED
        if strange := sorted(set(values) - known):
            raise InputError(
                f"{path}: {strange[0]} is unknown; known at the top level: {', '.join(sorted(known - {'__init__'}))}"
            )
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: " + "; ".join(complaint(model, detail) for detail in error.errors())) from None


def load(path: Path) -> dict[str, Any]:
    """The YAML mapping in `path`, unchecked."""
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
    """One pydantic error in words: the key, what is wrong, the value seen, what is known there."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{key} is missing; add it"
    if detail["type"] == "extra_forbidden":
        return f"{key} is unknown; known in {key.rpartition('.')[0]}: {', '.join(sorted(known_keys(model, detail['loc'])))}"
    return f"{key} is {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> set[str]:
    """The keys of the section in which the last part of `location` stands."""
    section: Any = model
    for part in location[:-1]:
        section = next(field.annotation for key, field in section.model_fields.items() if part == (field.alias or key))
    return set(section.model_fields)


def tracked_params(model: type[ParamsFile]) -> list[str]:
    """The params that a stage depends on, as dvc.yaml lists them: whole sections by name, shared ones by leaf."""
    return sorted(
        name for key, field in model.model_fields.items() for name in param_names(field.alias or key, field.annotation)
    )


def param_names(key: str, annotation: Any) -> list[str]:
    """`key` itself, or one name a leaf where only some of the section's keys are tracked."""
    if typing.get_origin(annotation) is not None or not isinstance(annotation, type):
        return [key]
    if issubclass(annotation, SharedKeys):
        return [f"{key}.{leaf}" for leaf in annotation.model_fields]
    if issubclass(annotation, Section) and has_untracked_keys(annotation):
        kept = {leaf: field for leaf, field in annotation.model_fields.items() if leaf not in annotation.untracked}
        return [name for leaf, field in kept.items() for name in param_names(f"{key}.{leaf}", field.annotation)]
    return [key]


def has_untracked_keys(section: Any) -> bool:
    """Does `section`, or one in it, have keys that are not tracked?"""
    if not isinstance(section, type) or not issubclass(section, Section):
        return False
    return bool(section.untracked) or any(
        has_untracked_keys(field.annotation) for field in section.model_fields.values()
    )
