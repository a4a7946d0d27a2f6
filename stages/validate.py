"""Hold the data to what the later stages take for granted; stop the run, and name the rows, where it is not so.

Reads: data/raw/titles.parquet, data/raw/episodes.parquet, data/resized (index, rejected and arrays), data/labels.parquet.
Writes: metrics/validate.json and metrics/validate.md, the same for people; on failure too.
Params: validate, split, label.genres, resize.side.

Great Expectations judges columns; a condition on several tables becomes a column first, so that its failing rows have names.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json, write_text
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.data.expectations import (
    Check,
    Table,
    as_markdown,
    describe_failure,
    equal,
    one_of,
    summary,
    unique,
    validate_tables,
    within,
)
from webtoon_genre.data.splits import SplitParams, assign_splits
from webtoon_genre.data.tables import EPISODES, INDEX, LABELS, REJECTED, TITLES, read_table

PICTURE = ["title_id", "no"]
log = logging.getLogger(__name__)


class Validate(Section):
    """The bounds that a person sets."""

    min_share: float = Field(ge=0, le=1)
    max_share: float = Field(ge=0, le=1)
    min_images: int = Field(ge=1)
    max_duplicates_across_labels: int = Field(ge=0)


class LabelLeaves(SharedKeys):
    """What is shared with the stage label."""

    genres: list[str]


class ResizeLeaves(SharedKeys):
    """What is shared with the stage resize."""

    side: int


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    bounds: Validate = Field(alias="validate")  # a field cannot have the name of a method of pydantic's
    split: SplitParams
    label: LabelLeaves
    resize: ResizeLeaves


@dataclass(frozen=True)
class Data:
    """What is judged: the tables, and of each title's array how many rows it has and what one is ("112 × 112 × 3 uint8")."""

    titles: pd.DataFrame
    episodes: pd.DataFrame
    index: pd.DataFrame
    rejected: pd.DataFrame
    labels: pd.DataFrame
    arrays: Mapping[int, tuple[int, str]]


def suite(params: Params, pictures: int) -> list[Check]:
    """All that is expected; `pictures` is the number of labelled pictures, of which a few may break the rule on equal bytes."""
    bounds, tolerated = params.bounds, params.bounds.max_duplicates_across_labels
    whole = layout((params.resize.side, params.resize.side, 3), np.dtype(np.uint8))
    share = f"between {bounds.min_share} and {bounds.max_share} of all rows"
    rating = "star_score is in 0..10, or null"
    accounted = ["indexed", "rejected", "none served"]
    all_but_tolerated = (
        1 - (tolerated + 0.5) / pictures if tolerated < pictures else 0
    )  # between two counts, for rounding
    checks = [
        Check("titles", "unique", "title_id is unique", unique("title_id")),
        Check("titles", "rating", rating, within("star_score", 0, 10)),
        Check("episodes", "unique", "(title_id, no) is unique", unique(*PICTURE)),
        Check("episodes", "rating", rating, within("star_score", 0, 10)),
        Check("episodes", "accounted", "each thumbnail is indexed, or rejected", one_of("thumbnail", accounted)),
        Check("index", "unique", "(title_id, no) is unique", unique(*PICTURE)),
        Check("index", "array", f"the title's array has the row, {whole}", one_of("picture", [whole])),
        Check("index", "bytes", "sha256 is that of the episode's thumbnail", equal("sha256", "sha256_of_episode")),
        Check("labels", "unique", "(title_id, no, label) is unique", unique(*PICTURE, "label")),
        Check("labels", "genre", "genre is in label.genres", one_of("genre", params.label.genres)),
        Check("labels", "label", "label is the genre's place in label.genres", equal("label", "place")),
        Check("labels", "indexed", "the picture is in the index", one_of("picture", ["indexed"])),
        Check(
            "pictures",
            "equal_bytes",
            f"no byte-identical picture has other labels; tolerated: {tolerated}",
            within("labellings", None, 1, all_but_tolerated),
        ),
        Check("genres", "images", f"at least {bounds.min_images} images", within("images", bounds.min_images, None)),
        Check("genres", "share", share, within("share", bounds.min_share, bounds.max_share)),
    ]
    if params.split.by == "title":  # with `image`, a title stands on two sides by intention
        checks.append(Check("split", "sides", "no title is on two sides of the split", within("sides", None, 1)))
    return checks


def layout(shape: Iterable[int], dtype: np.dtype[Any]) -> str:
    """A picture's shape and dtype in words."""
    return f"{' × '.join(map(str, shape))} {dtype}"


def tables(data: Data, genres: list[str], rule: SplitParams) -> dict[str, Table]:
    """The tables to judge, by name; what takes several files to see is a column here."""
    return {
        "titles": Table(["title_id"], data.titles[["title_id", "star_score"]]),
        "episodes": Table(PICTURE, episodes_with_fate(data)),
        "index": Table([*PICTURE, "row"], index_with_arrays(data)),
        "labels": Table([*PICTURE, "label"], labels_with_places(data, genres)),
        "pictures": Table([*PICTURE, "labels", "sha256"], pictures_with_labellings(data)),
        "genres": Table(["genre"], genre_counts(data.labels, genres)),
        "split": Table(["title_id"], title_sides(data.labels, rule)),
    }


def episodes_with_fate(data: Data) -> pd.DataFrame:
    """The episodes, and what became of each one's thumbnail."""
    known = [data.episodes["sha256"].isna(), among(data.episodes, data.index), among(data.episodes, data.rejected)]
    thumbnail = np.select(known, ["none served", "indexed", "rejected"], "lost")
    return data.episodes[[*PICTURE, "star_score"]].assign(thumbnail=thumbnail)


def index_with_arrays(data: Data) -> pd.DataFrame:
    """The index, with what stands in the array at each row, and the digest that the episode has."""
    served = data.episodes[[*PICTURE, "sha256"]].drop_duplicates(PICTURE)
    frame = data.index[[*PICTURE, "row", "sha256"]].merge(served, on=PICTURE, how="left", suffixes=("", "_of_episode"))
    found = [data.arrays.get(title_id, (0, "")) for title_id in frame["title_id"]]
    inside = [0 <= row < rows for row, (rows, _) in zip(frame["row"], found, strict=True)]
    return frame.assign(picture=np.where(inside, [words for _, words in found], "missing"))


def labels_with_places(data: Data, genres: list[str]) -> pd.DataFrame:
    """The labels, with each genre's place in label.genres, and whether the picture is in the index."""
    places = data.labels["genre"].map({genre: place for place, genre in enumerate(genres)})
    indexed = np.where(among(data.labels, data.index), "indexed", "missing")
    return data.labels.assign(place=places, picture=indexed)


def pictures_with_labellings(data: Data) -> pd.DataFrame:
    """The labelled pictures, once each however many labels they have, and how many labellings pictures of these bytes have."""
    rows = data.labels.drop_duplicates([*PICTURE, "label"]).sort_values([*PICTURE, "label"])
    pictures = rows.assign(labels=rows["label"].astype(str)).groupby(PICTURE, as_index=False)["labels"].agg(" ".join)
    frame = pictures.merge(data.index[[*PICTURE, "sha256"]].drop_duplicates(PICTURE), on=PICTURE, how="left")
    return frame.assign(labellings=frame.groupby("sha256")["labels"].transform("nunique"))


def genre_counts(labels: pd.DataFrame, genres: list[str]) -> pd.DataFrame:
    """Images of each genre, and its share of all rows."""
    images = labels["genre"].value_counts().reindex(genres, fill_value=0)
    return pd.DataFrame(
        {"genre": genres, "images": images.to_numpy(), "share": images.to_numpy() / max(len(labels), 1)}
    )


def title_sides(labels: pd.DataFrame, rule: SplitParams) -> pd.DataFrame:
    """The titles, and on how many sides of the split each one's rows stand."""
    return labels.assign(sides=assign_splits(labels, rule)).groupby("title_id", as_index=False)["sides"].nunique()


def among(rows: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Which rows have their (title_id, no) in `others`: bool (len(rows),)."""
    return pd.MultiIndex.from_frame(rows[PICTURE]).isin(pd.MultiIndex.from_frame(others[PICTURE]))


def read_data(raw: Path, resized: Path, labels: Path) -> Data:
    """The tables, and the shapes of the arrays that the index names."""
    index = read_table(resized / "index.parquet", INDEX)
    return Data(
        titles=read_table(raw / "titles.parquet", TITLES),
        episodes=read_table(raw / "episodes.parquet", EPISODES),
        index=index,
        rejected=read_table(resized / "rejected.parquet", REJECTED),
        labels=read_table(labels, LABELS),
        arrays={int(title_id): read_layout(resized / f"{title_id}.npy") for title_id in sorted(set(index["title_id"]))},
    )


def read_layout(path: Path) -> tuple[int, str]:
    """How many rows an array file has, and shape and dtype of one; no rows where it is absent or broken."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return 0, ""
    return (array.shape or (0,))[0], layout(array.shape[1:], array.dtype)


def main(
    raw: Path = Path("data/raw"),
    resized: Path = Path("data/resized"),
    labels: Path = Path("data/labels.parquet"),
    metrics: Path = Path("metrics/validate.json"),
    docs: Path = Path("metrics/validate.md"),
) -> None:
    """Judge the data; a failure exits with 1 and names the rows."""
    params = read(Params)
    data = read_data(raw, resized, labels)
    judged = tables(data, params.label.genres, params.split)
    verdicts = validate_tables(suite(params, len(judged["pictures"].frame)), judged)
    write_json(metrics, summary(verdicts))
    write_text(docs, as_markdown(verdicts))
    failed = [verdict for verdict in verdicts if not verdict.success]
    for verdict in failed:
        log.error(describe_failure(verdict))
    if failed:
        raise InputError(
            f"{len(failed)} of {len(verdicts)} expectations fail; {metrics} names every row, {docs} is for reading"
        )
    log.info("all %s expectations hold", len(verdicts))


if __name__ == "__main__":
    run(main, "validate")
