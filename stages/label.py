"""Label each usable image with its genre: one row an image and genre.

Reads:  data/raw/titles.parquet, data/raw/episodes.parquet, data/resized (the index; pixels only for the contact sheet)
Writes: data/labels.parquet (sorted by title_id, no and label), metrics/label.json, plots/label/contact_sheet.jpg (genres as rows)
Params: label
"""

import logging
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.names import Name
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.data.tables import EPISODES, LABELS, TITLES, ThumbnailStore, read_table, write_table
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.plotting.figures import save, sheet, shorten

SAMPLES = 12  # images of a genre on the contact sheet
log = logging.getLogger(__name__)


class Label(Section):
    """params.yaml: label. A genre's index in `genres` is its label; `multi_genre` is the rule for images of several genres."""

    genres: list[Name] = Field(min_length=2, max_length=127)  # a label is an int8
    multi_genre: Literal["first", "drop", "all"]


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    label: Label


def image_genres(titles: pd.DataFrame, episodes: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `index` (columns title_id and no) with the column genres: the image's genre if it has one, else its title's."""
    keys = ["title_id", "no"]
    title_genres = dict(zip(titles["title_id"], map(list, titles["genres"]), strict=True))
    images = index[keys].merge(episodes[[*keys, "genre"]], on=keys, how="left")
    genres = [
        [genre] if isinstance(genre, str) else title_genres.get(title_id, [])
        for title_id, genre in zip(images["title_id"], images["genre"], strict=True)
    ]
    return images[keys].assign(genres=pd.Series(genres, index=images.index, dtype=object))


def select_genres(genres: Iterable[str], params: Label) -> list[str]:
    """Select the genres with which an image of `genres` is labelled: none, one, or (`all`) every one that is in label.genres."""
    known = [genre for genre in dict.fromkeys(genres) if genre in params.genres]
    if params.multi_genre == "first":
        return known[:1]
    return known if params.multi_genre == "all" or len(known) == 1 else []


def label_images(images: pd.DataFrame, params: Label) -> pd.DataFrame:
    """Return the rows of LABELS for `images` (columns title_id, no, genres); InputError that names the genres without an image."""
    rows = images.assign(genre=[select_genres(genres, params) for genres in images["genres"]])
    rows = rows.explode("genre").dropna(subset="genre")
    if empty := [repr(genre) for genre in params.genres if genre not in set(rows["genre"])]:
        existing = ", ".join(sorted({genre for genres in images["genres"] for genre in genres})) or "none"
        raise InputError(
            f"label.genres has {', '.join(empty)}, of which there is no usable image; genres of the images: {existing}"
            f" (label.multi_genre is {params.multi_genre}); correct label.genres"
        )
    rows["label"] = rows["genre"].map(params.genres.index)
    return rows.sort_values(["title_id", "no", "label"], ignore_index=True)[LABELS.names]


def count_unlabelled(images: pd.DataFrame, params: Label) -> dict[str, int]:
    """Count the images without a label, by reason."""
    unlabelled = [genres for genres in images["genres"] if not select_genres(genres, params)]
    several = sum(any(genre in params.genres for genre in genres) for genres in unlabelled)
    return {"no_known_genre": len(unlabelled) - several, "several_genres": several}


def summary(labels: pd.DataFrame, unlabelled: dict[str, int]) -> dict[str, Any]:
    """Return metrics/label.json."""
    genres = labels.groupby("genre")
    return {
        "images": len(labels[["title_id", "no"]].drop_duplicates()),
        "rows": len(labels),
        "images_by_genre": genres.size().to_dict(),
        "titles_by_genre": genres["title_id"].nunique().to_dict(),
        "left_out": unlabelled,
    }


def samples(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Select at most `count` of one genre's rows, from as many titles as possible, evenly; from the middle of each title."""
    size = rows.groupby("title_id")["no"].transform("size")
    turn = (rows.groupby("title_id").cumcount() - size // 2) % size
    by_turn = rows.assign(turn=turn).sort_values(["turn", "title_id"], ignore_index=True)
    titles = int((by_turn["turn"] == 0).sum())
    positions = np.linspace(0, titles - 1, count).round().astype(int) if titles > count else slice(count)
    return by_turn.iloc[positions][rows.columns]


def contact_sheet(labels: pd.DataFrame, thumbnails: ThumbnailStore, genres: list[str]) -> Figure:
    """Draw SAMPLES images of each genre, a row a genre."""
    rows = [list(thumbnails.take(samples(labels[labels["genre"] == genre], SAMPLES))) for genre in genres]
    title = f"{len(labels):,} labelled thumbnails in {len(genres)} genres"
    return sheet(
        rows, [shorten(genre) for genre in genres], title, f"{SAMPLES} thumbnails a genre, of as many titles as it has"
    )


def main() -> None:
    """Label the usable images by genre."""
    params = read(Params).label
    thumbnails = ThumbnailStore(paths.RESIZED)
    titles, episodes = read_table(paths.TITLES, TITLES), read_table(paths.EPISODES, EPISODES)
    images = image_genres(titles, episodes, thumbnails.index)
    rows, unlabelled = label_images(images, params), count_unlabelled(images, params)
    save(contact_sheet(rows, thumbnails, params.genres), paths.plots("label") / "contact_sheet.jpg")
    write_table(rows, LABELS, paths.LABELS)
    write_json(paths.metrics("label"), summary(rows, unlabelled))
    log.info("%s rows in %s genres, %s images left out", len(rows), len(params.genres), sum(unlabelled.values()))


if __name__ == "__main__":
    run(main, "label")
