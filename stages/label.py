"""Give each usable picture its genre: a row a picture and genre.

Reads: data/raw/titles.parquet, data/raw/episodes.parquet, data/resized (the index; pixels for the contact sheet alone).
Writes: data/labels.parquet, sorted by title_id, no and label; metrics/label.json; plots/label/contact_sheet.jpg, genres as rows.
Params: label.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field, field_validator

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, Section, read
from webtoon_genre.data.tables import EPISODES, LABELS, TITLES, ThumbnailStore, read_table, write_table
from webtoon_genre.plotting.figures import save, sheet

SAMPLES = 12  # pictures of a genre on the contact sheet
log = logging.getLogger(__name__)


class Label(Section):
    """The genres, whose places are the labels, and what to do with pictures of several."""

    genres: list[str] = Field(min_length=2, max_length=127)  # a label is an int8
    multi_genre: Literal["first", "drop", "all"]

    @field_validator("genres")
    @classmethod
    def _once(cls, genres: list[str]) -> list[str]:
        if twice := [genre for genre, count in Counter(genres).items() if count > 1]:
            raise ValueError(f"{twice[0]!r} stands there {genres.count(twice[0])} times; name each genre once")
        return genres


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    label: Label


def picture_genres(titles: pd.DataFrame, episodes: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """The rows of `index` (columns title_id and no) with the column genres: the picture's own where it has one, else its title's."""
    keys = ["title_id", "no"]
    of_title = {title_id: list(genres) for title_id, genres in zip(titles["title_id"], titles["genres"], strict=True)}
    pictures = index[keys].merge(episodes[[*keys, "genre"]], on=keys, how="left")
    genres = [
        [own] if isinstance(own, str) else of_title.get(title_id, [])
        for title_id, own in zip(pictures["title_id"], pictures["genre"], strict=True)
    ]
    return pictures[keys].assign(genres=pd.Series(genres, index=pictures.index, dtype=object))


def chosen(genres: Iterable[str], section: Label) -> list[str]:
    """The genres under which a picture with these is labelled: none, one, or (`all`) each that is in label.genres."""
    known = [genre for genre in dict.fromkeys(genres) if genre in section.genres]
    if section.multi_genre == "first":
        return known[:1]
    return known if section.multi_genre == "all" or len(known) == 1 else []


def label_pictures(pictures: pd.DataFrame, section: Label) -> pd.DataFrame:
    """The rows of LABELS for `pictures` (columns title_id, no, genres); refuses a genre that no picture has."""
    rows = pictures.assign(genre=[chosen(genres, section) for genres in pictures["genres"]])
    rows = rows.explode("genre").dropna(subset="genre")
    if empty := [genre for genre in section.genres if genre not in set(rows["genre"])]:
        found = ", ".join(sorted({genre for genres in pictures["genres"] for genre in genres})) or "none"
        raise InputError(
            f"label.genres names {empty[0]!r}, and no usable picture is labelled so; genres of the pictures: {found}"
            f" (label.multi_genre is {section.multi_genre}); correct label.genres"
        )
    rows["label"] = rows["genre"].map(section.genres.index)
    return rows.sort_values(["title_id", "no", "label"], ignore_index=True)[LABELS.names]


def left_out(pictures: pd.DataFrame, section: Label) -> dict[str, int]:
    """How many pictures get no label, by reason."""
    without = [genres for genres in pictures["genres"] if not chosen(genres, section)]
    several = sum(any(genre in section.genres for genre in genres) for genres in without)
    return {"no_known_genre": len(without) - several, "several_genres": several}


def summary(labels: pd.DataFrame, out: dict[str, int]) -> dict[str, Any]:
    """What the metrics tell."""
    genres = labels.groupby("genre")
    return {
        "images": len(labels[["title_id", "no"]].drop_duplicates()),
        "rows": len(labels),
        "images_by_genre": genres.size().to_dict(),
        "titles_by_genre": genres["title_id"].nunique().to_dict(),
        "left_out": out,
    }


def samples(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` of one genre's rows, from as many titles as there are, evenly among them; from the middle of each title."""
    size = rows.groupby("title_id")["no"].transform("size")
    turn = (rows.groupby("title_id").cumcount() - size // 2) % size
    by_turn = rows.assign(turn=turn).sort_values(["turn", "title_id"], ignore_index=True)
    first = int((by_turn["turn"] == 0).sum())
    places = np.linspace(0, first - 1, count).round().astype(int) if first > count else slice(count)
    return by_turn.iloc[places][rows.columns]


def contact_sheet(labels: pd.DataFrame, resized: ThumbnailStore, genres: list[str]) -> Figure:
    """Some pictures of each genre, a row a genre."""
    rows = [list(resized.take(samples(labels[labels["genre"] == genre], SAMPLES))) for genre in genres]
    return sheet(rows, genres, rows[0][0].shape[0])


def main() -> None:
    """Label the usable pictures by genre."""
    section = read(Params).label
    thumbnails = ThumbnailStore(paths.RESIZED)
    titles, episodes = (
        read_table(paths.RAW / "titles.parquet", TITLES),
        read_table(paths.RAW / "episodes.parquet", EPISODES),
    )
    pictures = picture_genres(titles, episodes, thumbnails.index)
    rows, out = label_pictures(pictures, section), left_out(pictures, section)
    save(contact_sheet(rows, thumbnails, section.genres), paths.plots("label") / "contact_sheet.jpg")
    write_table(rows, LABELS, paths.LABELS)
    write_json(paths.metrics("label"), summary(rows, out))
    log.info("%s rows in %s genres, %s pictures left out", len(rows), len(section.genres), sum(out.values()))


if __name__ == "__main__":
    run(main, "label")
