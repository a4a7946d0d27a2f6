"""Validate the data against what the later stages assume; a violation stops the run and names the rows.

Reads:  data/raw/titles.parquet, data/raw/episodes.parquet, data/resized (index, rejected and arrays), data/labels.parquet
Writes: metrics/validate.json, metrics/validate.md (the same as text); after a failure too
Params: validate, split, label.genres, resize.side

Great Expectations checks columns. A condition on several tables is computed as a column first, so that failing rows have ids.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json, write_text
from webtoon_genre.core.names import Name
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
from webtoon_genre.data.split_counts import split_counts
from webtoon_genre.data.splits import SplitParams, assign_splits
from webtoon_genre.data.tables import EPISODES, INDEX, LABELS, REJECTED, TITLES, read_table

IMAGE = ["title_id", "no"]  # the columns that identify an image
log = logging.getLogger(__name__)


class Validate(Section):
    """params.yaml: validate, the bounds."""

    min_ratio: float = Field(ge=0, le=1)  # of a genre's share to the equal share
    max_ratio: float = Field(ge=1)
    min_images: int = Field(ge=1)
    max_duplicates_across_labels: int = Field(ge=0)


class SharedLabel(SharedKeys):
    """params.yaml: label, the key that this stage shares."""

    genres: list[Name]


class SharedResize(SharedKeys):
    """params.yaml: resize, the key that this stage shares."""

    side: int


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    bounds: Validate = Field(alias="validate")  # pydantic has a method `validate`
    split: SplitParams
    label: SharedLabel
    resize: SharedResize


@dataclass(frozen=True)
class Data:
    """The tables, and for each file of an array its number of rows and the layout of a row ("112 × 112 × 3 uint8")."""

    titles: pd.DataFrame
    episodes: pd.DataFrame
    index: pd.DataFrame
    rejected: pd.DataFrame
    labels: pd.DataFrame
    arrays: Mapping[str, tuple[int, str]]


def suite(params: Params, images: int, more: str = "crawl more of it") -> list[Check]:
    """Return all checks; `images` is the number of labelled images, some of which may break the rule on equal bytes.

    `more` says how a genre gets more images.
    """
    tolerated = params.bounds.max_duplicates_across_labels
    image = layout((params.resize.side, params.resize.side, 3), np.dtype(np.uint8))
    rating = "star_score is in 0..10, or null"
    states = ["indexed", "rejected", "none served"]
    # halfway between two counts, so that rounding does not matter
    least_share = 1 - (tolerated + 0.5) / images if tolerated < images else 0
    checks = [
        Check("titles", "unique", "title_id is unique", unique("title_id")),
        Check("titles", "rating", rating, within("star_score", 0, 10)),
        Check("episodes", "unique", "(title_id, no) is unique", unique(*IMAGE)),
        Check("episodes", "rating", rating, within("star_score", 0, 10)),
        Check("episodes", "accounted", "each thumbnail is indexed, or rejected", one_of("thumbnail", states)),
        Check("index", "unique", "(title_id, no) is unique", unique(*IMAGE)),
        Check("index", "array", f"the title's array has the row, {image}", one_of("picture", [image])),
        Check("index", "bytes", "sha256 is that of the episode's thumbnail", equal("sha256", "sha256_of_episode")),
        Check("labels", "unique", "(title_id, no, label) is unique", unique(*IMAGE, "label")),
        Check("labels", "genre", "genre is in label.genres", one_of("genre", params.label.genres)),
        Check("labels", "label", "label is the genre's place in label.genres", equal("label", "place")),
        Check("labels", "indexed", "the picture is in the index", one_of("picture", ["indexed"])),
        Check(
            "pictures",
            "equal_bytes",
            f"no byte-identical picture has other labels; tolerated: {tolerated}",
            within("labellings", None, 1, least_share),
            "remove it from all labels but one, or raise validate.max_duplicates_across_labels",
        ),
        *genre_checks(params, more),
    ]
    if params.split.by == "title":  # by image, a title is in several splits on purpose
        checks.append(Check("split", "sides", "no title is on two sides of the split", within("sides", None, 1)))
    return checks


def genre_checks(params: Params, more: str) -> list[Check]:
    """Return the checks of the size of each genre."""
    bounds, by_title = params.bounds, params.split.by == "title"
    low, high = share_bounds(bounds, len(params.label.genres))
    remedy = f"{more}, or leave it out of label.genres"
    return [
        Check(
            "genres",
            "images",
            f"at least {bounds.min_images} images",
            within("images", bounds.min_images, None),
            f"{remedy}, or lower validate.min_images",
        ),
        Check(
            "genres",
            "share",
            f"between {low:.4g} and {high:.4g} of all rows",
            within("share", low, high),
            "balance the genres, or change validate.min_ratio or max_ratio, multiples of the equal share, 1 / genres",
        ),
        Check(
            "genre_splits",
            "empty",
            "each genre has images in train, val and test",
            one_of("empty", [""]),
            f"{remedy}, or change split.by or split.ratios; needed are {'titles' if by_title else 'images of one title'}",
        ),
    ]


def share_bounds(bounds: Validate, genres: int) -> tuple[float, float]:
    """Return the least and the largest share of one of `genres` genres."""
    return bounds.min_ratio / genres, min(bounds.max_ratio / genres, 1)


def layout(shape: Iterable[int], dtype: np.dtype[Any]) -> str:
    """Format the shape and dtype of an image."""
    return f"{' × '.join(map(str, shape))} {dtype}"


def tables(data: Data, genres: list[str], split: SplitParams) -> dict[str, Table]:
    """Return the tables to validate, by name; a condition on several files is a column here."""
    return {
        "titles": Table(["title_id"], data.titles[["title_id", "star_score"]]),
        "episodes": Table(IMAGE, episode_states(data)),
        "index": Table([*IMAGE, "row"], index_with_arrays(data)),
        "labels": Table([*IMAGE, "label"], labels_with_indices(data, genres)),
        "pictures": Table([*IMAGE, "labels", "sha256"], images_with_labellings(data)),
        "genres": Table(["genre"], genre_counts(data.labels, genres)),
        "genre_splits": Table(["genre", "images", "titles", "needed"], known_split_counts(data.labels, genres, split)),
        "split": Table(["title_id"], splits_per_title(data.labels, split)),
    }


def episode_states(data: Data) -> pd.DataFrame:
    """Return the episodes with the state of their thumbnails."""
    conditions = [data.episodes["sha256"].isna(), among(data.episodes, data.index), among(data.episodes, data.rejected)]
    thumbnail = np.select(conditions, ["none served", "indexed", "rejected"], "lost")
    return data.episodes[[*IMAGE, "star_score"]].assign(thumbnail=thumbnail)


def index_with_arrays(data: Data) -> pd.DataFrame:
    """Return the index with the layout of each array row, and the digest in the episodes table."""
    digests = data.episodes[[*IMAGE, "sha256"]].drop_duplicates(IMAGE)
    columns = [*IMAGE, "file", "row", "sha256"]
    frame = data.index[columns].merge(digests, on=IMAGE, how="left", suffixes=("", "_of_episode"))
    arrays = [data.arrays.get(file, (0, "")) for file in frame.pop("file")]
    inside = [0 <= row < rows for row, (rows, _) in zip(frame["row"], arrays, strict=True)]
    return frame.assign(picture=np.where(inside, [row_layout for _, row_layout in arrays], "missing"))


def labels_with_indices(data: Data, genres: list[str]) -> pd.DataFrame:
    """Return the labels with their genre's index in label.genres, and whether the image is in the index."""
    indices = data.labels["genre"].map({genre: index for index, genre in enumerate(genres)})
    indexed = np.where(among(data.labels, data.index), "indexed", "missing")
    return data.labels.assign(place=indices, picture=indexed)


def images_with_labellings(data: Data) -> pd.DataFrame:
    """Return the labelled images, one row each, with their labels and the number of different labellings of equal bytes."""
    rows = data.labels.drop_duplicates([*IMAGE, "label"]).sort_values([*IMAGE, "label"])
    images = rows.assign(labels=rows["label"].astype(str)).groupby(IMAGE, as_index=False)["labels"].agg(" ".join)
    frame = images.merge(data.index[[*IMAGE, "sha256"]].drop_duplicates(IMAGE), on=IMAGE, how="left")
    return frame.assign(labellings=frame.groupby("sha256")["labels"].transform("nunique"))


def genre_counts(labels: pd.DataFrame, genres: list[str]) -> pd.DataFrame:
    """Count the images of each genre, and compute its share of all rows."""
    images = labels["genre"].value_counts().reindex(genres, fill_value=0)
    return pd.DataFrame(
        {"genre": genres, "images": images.to_numpy(), "share": images.to_numpy() / max(len(labels), 1)}
    )


def known_split_counts(labels: pd.DataFrame, genres: list[str], split: SplitParams) -> pd.DataFrame:
    """Return what each genre of label.genres has and needs to fill every split."""
    counts = split_counts(labels, split)
    return counts[counts["genre"].isin(genres)]


def splits_per_title(labels: pd.DataFrame, split: SplitParams) -> pd.DataFrame:
    """Return the titles, and the number of splits that each one's rows are in."""
    return labels.assign(sides=assign_splits(labels, split)).groupby("title_id", as_index=False)["sides"].nunique()


def among(rows: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Return which rows have their (title_id, no) in `others`: bool (len(rows),)."""
    return pd.MultiIndex.from_frame(rows[IMAGE]).isin(pd.MultiIndex.from_frame(others[IMAGE]))


def read_data() -> Data:
    """Read the tables, and the layouts of the arrays that the index names."""
    index = read_table(paths.RESIZED / "index.parquet", INDEX)
    return Data(
        titles=read_table(paths.TITLES, TITLES),
        episodes=read_table(paths.EPISODES, EPISODES),
        index=index,
        rejected=read_table(paths.RESIZED / "rejected.parquet", REJECTED),
        labels=read_table(paths.LABELS, LABELS),
        arrays={file: read_layout(paths.RESIZED / f"{file}.npy") for file in index["file"].unique()},
    )


def read_layout(path: Path) -> tuple[int, str]:
    """Read the number of rows of an array file, and the layout of a row; no rows where the file is missing or broken."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return 0, ""
    return (array.shape or (0,))[0], layout(array.shape[1:], array.dtype)


def main() -> None:
    """Validate the data; a failure exits with 1 and names the rows."""
    params = read(Params)
    data = read_data()
    frames = tables(data, params.label.genres, params.split)
    more = "add pictures" if set(data.titles["source"]) == {"folder"} else "crawl more of it"
    results = validate_tables(suite(params, len(frames["pictures"].frame), more), frames)
    metrics, table = paths.metrics("validate"), paths.table("validate")
    write_json(metrics, summary(results))
    write_text(table, as_markdown(results))
    failures = [result for result in results if not result.success]
    for failure in failures:
        log.error(describe_failure(failure))
    if failures:
        raise InputError(
            f"{len(failures)} of {len(results)} expectations fail; {metrics} names every row, {table} is for reading"
        )
    log.info("all %s expectations hold", len(results))


if __name__ == "__main__":
    run(main, "validate")
