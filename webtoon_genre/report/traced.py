"""Numbers and sentences of metrics files as HTML that names their source: a file and a JSON pointer (RFC 6901) in it.

A reader, or a script, can look each of them up: `data-source` is such as "metrics/finetune.json#/best/test/accuracy", `value` the number
as the file has it. Nothing that a page shows as a result is computed here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import visible_files
from webtoon_genre.evaluation import bootstrap

INTERVAL, BY_SEED = "_interval", "_by_seed"  # endings of the keys beside a score
TITLES = ("titles", "groups")  # keys of the number of titles behind a score


@dataclass
class Metrics:
    """The metrics files below a folder; a reference is "FILE#/KEY/KEY", FILE without .json and relative to the folder."""

    folder: Path
    contents: dict[str, Any] = field(default_factory=dict)

    def file(self, name: str) -> Any:
        """The content of a file; InputError where there is none."""
        if name not in self.contents:
            path = self.folder / f"{name}.json"
            if not path.is_file():
                raise InputError(f"{path} is not there; `dvc repro {name.partition('/')[0]}` makes it")
            self.contents[name] = json.loads(path.read_text(encoding="utf-8"))
        return self.contents[name]

    def names(self) -> list[str]:
        """The files, sorted."""
        files = visible_files(self.folder, "**/*.json")
        return sorted(path.relative_to(self.folder).with_suffix("").as_posix() for path in files)

    def at(self, reference: str) -> Any:
        """What a reference points to."""
        name, _, pointer = reference.partition("#")
        value = self.file(name)
        for key in steps(pointer):
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def has(self, reference: str) -> bool:
        """Whether a reference points to something but null."""
        try:
            return self.at(reference) is not None
        except (KeyError, IndexError, InputError):
            return False

    def source(self, reference: str) -> str:
        """A reference as a path from the repository's root."""
        name, _, pointer = reference.partition("#")
        return f"{(self.folder / name).as_posix()}.json#{pointer}"

    def number(self, reference: str, spec: str = ".3f") -> Markup:
        """A number, formatted by `spec`."""
        value = self.at(reference)
        return Markup('<data value="{}" data-source="{}">{}</data>').format(
            json.dumps(value), self.source(reference), format(value, spec)
        )

    def count(self, reference: str) -> Markup:
        """A count, with thin spaces between thousands."""
        value = self.at(reference)
        return Markup('<data value="{}" data-source="{}">{}</data>').format(
            value, self.source(reference), f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
        )

    def text(self, reference: str) -> Markup:
        """A sentence."""
        return Markup('<span data-source="{}">{}</span>').format(self.source(reference), self.at(reference))

    def limits(self, reference: str, spec: str = ".3f") -> Markup:
        """An interval [low, high]."""
        low, high = (self.number(f"{reference}/{end}", spec) for end in range(2))
        return Markup('<span class="interval">[{}, {}]</span>').format(low, high)

    def score(self, reference: str, spec: str = ".3f") -> Markup:
        """A score and the interval beside it in the file."""
        return Markup("{} {}").format(self.number(reference, spec), self.limits(reference + INTERVAL, spec))

    def numbers(self, reference: str, spec: str = ".3f") -> Markup:
        """The numbers of a list."""
        return Markup(", ").join(self.number(f"{reference}/{index}", spec) for index in range(len(self.at(reference))))

    def titles(self, reference: str) -> Markup:
        """The number of titles behind a score of a record: "71 titles"."""
        record = self.at(reference)
        key = next(key for key in TITLES if key in record)
        noun = "title" if record[key] == 1 else "titles"
        return Markup('<span class="titles">{} {}</span>').format(self.count(f"{reference}/{key}"), noun)

    def change(self, reference: str) -> Markup:
        """A difference with its interval, and what it shows."""
        record = self.at(reference)
        verdict = bootstrap.verdict(record).partition(", ")[0]
        value, limits = self.number(f"{reference}/difference", "+.3f"), self.limits(f"{reference}/interval", "+.3f")
        return Markup('{}, {} {}<span class="comma">, </span>{}').format(verdict, value, limits, self.titles(reference))


def steps(pointer: str) -> list[str]:
    """The keys of a JSON pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def escape(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True)
class Score:
    """A number with an interval in a metrics file. words: its place in the file.

    titles, seeds: references of their number and of the score's values by seed, None where the file has none.
    """

    words: list[str]
    reference: str
    interval: str
    titles: str | None
    signed: bool
    seeds: str | None = None


def scores_of(metrics: Metrics, name: str) -> list[Score]:
    """Every number of a file that has an interval."""
    return list(walk(metrics.file(name), f"{name}#", [], None))


def walk(node: Any, reference: str, words: list[str], titles: str | None) -> Iterator[Score]:
    """The scores below a part of a file, in its order."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            if isinstance(item, dict):
                yield from walk(item, f"{reference}/{number}", [*words, label_of(item, number)], titles)
    if not isinstance(node, dict):
        return
    for key in TITLES:
        if isinstance(node.get(key), int):
            titles = f"{reference}/{key}"
    if node.get("interval") and "difference" in node:
        yield Score(words, f"{reference}/difference", f"{reference}/interval", titles, True)
    for key, value in node.items():
        path = f"{reference}/{escape(key)}"
        if isinstance(value, (int, float)) and isinstance(node.get(key + INTERVAL), list):
            seeds = f"{path}{BY_SEED}" if node.get(key + BY_SEED) else None
            yield Score([*words, plain(key)], path, f"{path}{INTERVAL}", titles, False, seeds)
        else:
            yield from walk(value, path, [*words, plain(key)], titles)


def label_of(item: dict[str, Any], number: int) -> str:
    """The name of an item of a list: its texts, or its number."""
    texts = [value for value in item.values() if isinstance(value, str) and len(value) < 40]
    texts += [
        ", ".join(value) for value in item.values() if isinstance(value, list) and value and isinstance(value[0], str)
    ]
    return " · ".join(texts[:2]) or str(number + 1)


def plain(key: str) -> str:
    """A key in words."""
    return key.replace("_", " ")
