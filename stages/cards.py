"""Cards of the model and of the data, and the data in Croissant's form, generated from the results.

Reads:  metrics/ (crawl, resize, label, split, validate, baseline, finetune, export, and every experiment), data/dataset.parquet,
        data/raw/, models/best/config.json
Writes: MODEL_CARD.md, DATA_CARD.md, data/croissant.json
Params: cards, crawl.source, crawl.as_of, export.folder_examples, label.multi_genre, pretrained.weights, split.by
"""

import json
from datetime import date
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import read_json, visible_files, write_text
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.data.tables import DATASET, EPISODES, TITLES, read_table
from webtoon_genre.inference.model_info import read_inference_config
from webtoon_genre.report import cards, croissant
from webtoon_genre.report.facts import Facts
from webtoon_genre.report.sources import source_of

METRICS = (
    "crawl",
    "resize",
    "label",
    "split",
    "validate",
    "baseline",
    "finetune",
    "export",
)  # the stages without which there is no card
KINDS = ("random", "imagenet")  # of weights; anything else is a file's path or address, which no card shows


class Cards(Section):
    """params.yaml: cards."""

    url: str = Field(pattern=r"^https?://\S+$")


class Crawl(SharedKeys):
    """params.yaml: crawl, the keys that this stage shares."""

    source: Literal["demo", "naver", "folder"]
    as_of: date | str


class Export(SharedKeys):
    """params.yaml: export, the key that this stage shares."""

    folder_examples: bool


class Label(SharedKeys):
    """params.yaml: label, the key that this stage shares."""

    multi_genre: str


class Pretrained(SharedKeys):
    """params.yaml: pretrained, the key that this stage shares."""

    weights: str


class Split(SharedKeys):
    """params.yaml: split, the key that this stage shares."""

    by: Literal["title", "image"]


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    cards: Cards
    crawl: Crawl
    export: Export
    label: Label
    pretrained: Pretrained
    split: Split


def read_metrics(folder: Path) -> dict[str, Any]:
    """The content of every metrics/STAGE.json, by stage; InputError where one of METRICS is missing."""
    required = {stage: read_json(paths.metrics(stage), stage) for stage in METRICS}
    others = {path.stem: path for path in visible_files(folder, "*.json") if path.stem not in required}
    return required | {stage: read_json(path, stage) for stage, path in others.items()}


def read_rows(path: Path, schema: pa.Schema, stage: str) -> pd.DataFrame:
    """A table that `stage` wrote, or InputError."""
    require(path, stage)
    return read_table(path, schema)


def require(path: Path, stage: str) -> None:
    """Raise InputError where a file or folder that `stage` writes is missing."""
    if not path.exists():
        raise InputError(f"{path} is not there; `dvc repro {stage}` makes it")


def collect(params: Params) -> Facts:
    """Read everything that the cards show."""
    require(paths.BEST, "export")
    weights = params.pretrained.weights
    return Facts(
        source=source_of(params.crawl.source, params.export.folder_examples),
        as_of=str(params.crawl.as_of),
        url=params.cards.url,
        weights=weights if weights in KINDS else "file",
        split_by=params.split.by,
        multi_genre=params.label.multi_genre,
        metrics=read_metrics(paths.METRICS),
        dataset=read_rows(paths.DATASET, DATASET, "split"),
        titles=read_rows(paths.TITLES, TITLES, "crawl"),
        episodes=read_rows(paths.EPISODES, EPISODES, "crawl"),
        model=read_inference_config(paths.BEST),
    )


def sha256(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def croissant_text(facts: Facts) -> str:
    """The text of data/croissant.json."""
    require(paths.THUMBNAILS, "crawl")
    digests = {name: sha256(paths.DATA / name) for name in croissant.TABLES}
    thumbnails = sorted(path.name for path in paths.THUMBNAILS.iterdir())
    return json.dumps(croissant.describe(facts, digests, thumbnails), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the cards and the Croissant file."""
    facts = collect(read(Params))
    write_text(paths.MODEL_CARD, cards.model_card(facts))
    write_text(paths.DATA_CARD, cards.data_card(facts))
    write_text(paths.CROISSANT, croissant_text(facts))


if __name__ == "__main__":
    run(main, "cards")
