"""params.yaml as typed models: strict, complete, finite, without defaults; one line of error names every unknown, missing and wrong key.

A stage declares a `Params(ParamsFile)` whose fields are top-level keys of params.yaml: its own section as a `Section`, which names
every key, and sections of other stages as `SharedKeys`, which name only the keys that it reads. `tracked_params` returns the
params that DVC must watch for the stage; a test compares dvc.yaml with it.
"""

import importlib
import pkgutil
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from webtoon_genre.core import complaints
from webtoon_genre.core.errors import InputError

SHARED = {
    "lr",
    "seed",
    "memory",
    "runtime",
    "cluster",
    "head",
    "augment",
    "experiments",
}  # top-level keys that belong to no single stage


class ListsWithoutRepeats(BaseModel):
    """Refuses a list that has an item twice: a stage or a trial would run twice under one name."""

    @field_validator("*")
    @classmethod
    def _has_no_repeats(cls, value: Any) -> Any:
        for position, item in enumerate(value if isinstance(value, list) else []):
            if item in value[:position]:
                raise PydanticCustomError("repeated", "it lists {item} twice; list it once", {"item": repr(item)})
        return value


class Section(ListsWithoutRepeats):
    """A stage's own section: all keys known, none missing, no conversions; `untracked` keys do not make the stage run again."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    untracked: ClassVar[frozenset[str]] = frozenset()


class SharedKeys(ListsWithoutRepeats):
    """Some keys of a section that belongs to another stage; its other keys are ignored; `untracked` as in Section."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)
    untracked: ClassVar[frozenset[str]] = frozenset()


class ParamsFile(ListsWithoutRepeats):
    """The top-level keys of params.yaml that a stage reads; `untracked` ones do not make it run again."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, allow_inf_nan=False)
    untracked: ClassVar[frozenset[str]] = frozenset()


P = TypeVar("P", bound=ParamsFile)


def read(model: type[P], path: Path = Path("params.yaml")) -> P:
    """Read `path` (YAML 1.2, so that 1e-5 is a number) as `model`, or raise InputError with every mistake on one line."""
    values = load(path)
    known = stage_names() | SHARED
    lines = [complaints.describe_unknown(key, known, all_keys()) for key in values if key not in known]
    lines += model_complaints(model, values)
    if lines:
        raise InputError(f"{path}: " + "; ".join(lines))
    return model.model_validate(values)


def model_complaints(model: type[ParamsFile], values: dict[str, Any]) -> list[str]:
    """Return one line for each key of `values` that does not fit the model."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return complaints.describe_errors(error, model, values, all_keys())
    return []


def stage_names() -> set[str]:
    """Return the names of the modules in the package `stages`, which are their sections' names too."""
    return {module.name for module in pkgutil.iter_modules(importlib.import_module("stages").__path__)}


def all_keys() -> list[str]:
    """Return the keys of all stages and of their sections, with dots; it imports all stages, so only for errors."""
    models = [importlib.import_module(f"stages.{name}").Params for name in stage_names()]
    return sorted({key for model in models for key in dotted_keys(model)})


def dotted_keys(model: Any, prefix: str = "") -> Iterator[str]:
    """Yield the keys of a model and of the sections in it."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        yield key
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from dotted_keys(field.annotation, f"{key}.")


def load(path: Path) -> dict[str, Any]:
    """Load the YAML mapping in `path`, unchecked except that its keys are texts."""
    try:
        values = YAML(typ="safe", pure=True).load(read_text(path))
    except YAMLError as error:
        raise InputError(f"{path} is no YAML: {complaints.describe_yaml_error(error)}") from None
    if values is None:
        raise InputError(f"{path} is empty; restore it with `git checkout {path}`")
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}, not sections; restore it with `git checkout {path}`")
    return {complaints.plain(key): value for key, value in values.items()}


def read_text(path: Path) -> str:
    """Read a UTF-8 file, or raise InputError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is not in {Path.cwd().name}; run from the repository's root") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; move it away, and restore the file with `git checkout {path}`") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path} is no UTF-8: byte 0x{error.object[error.start]:02x} in line {line}; save it in the encoding UTF-8"
        ) from None


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
    if issubclass(annotation, SharedKeys) or (issubclass(annotation, Section) and has_untracked_keys(annotation)):
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
