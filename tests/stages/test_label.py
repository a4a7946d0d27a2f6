"""stages/label.py: every usable picture gets its own genre or its title's, by the rule for several, and nothing is lost uncounted."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages import label, resize
from stages.label import Label, chosen, label_pictures, left_out, picture_genres, samples, summary
from tests.support.image_factory import encoded, picture, title, write_raw
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import LABELS, read_table

GENRES = ["daily", "comic", "fantasy"]
FILES = {no: encoded(picture(no, 50, 30)) for no in (1, 2, 3)}


def section(multi_genre: str = "first", genres: Sequence[str] = GENRES) -> Label:
    return Label(genres=list(genres), multi_genre=multi_genre)


def pictures(*genres: list[str]) -> pd.DataFrame:
    """A picture for each list of genres, of titles 1, 2, …"""
    return pd.DataFrame({"title_id": range(1, len(genres) + 1), "no": 1, "genres": genres})


def rows(labels: pd.DataFrame) -> list[tuple[int, str, int]]:
    return list(labels[["title_id", "genre", "label"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("multi_genre", "genres", "expected"),
    [
        ("first", ["comic", "daily"], ["comic"]),
        ("first", ["unknown", "daily"], ["daily"]),
        ("drop", ["comic", "daily"], []),
        ("drop", ["unknown", "daily"], ["daily"]),
        ("drop", ["daily", "daily"], ["daily"]),
        ("all", ["comic", "unknown", "daily"], ["comic", "daily"]),
        ("all", ["daily", "daily"], ["daily"]),
        ("first", ["unknown"], []),
        ("all", [], []),
    ],
)
def test_of_several_genres_the_known_ones_are_chosen_by_the_rule(multi_genre, genres, expected):
    assert chosen(genres, section(multi_genre)) == expected


def test_a_label_is_the_genre_s_place_in_the_params():
    labels = label_pictures(pictures(["fantasy"], ["daily"], ["comic"]), section())
    assert rows(labels) == [(1, "fantasy", 2), (2, "daily", 0), (3, "comic", 1)]


def test_rows_are_sorted_by_title_number_and_label():
    frame = pd.DataFrame(
        {"title_id": [9, 2, 2], "no": [1, 5, 3], "genres": [["daily"], ["fantasy", "comic"], ["comic"]]}
    )
    labels = label_pictures(frame, section("all"))
    assert list(labels[["title_id", "no", "label"]].itertuples(index=False, name=None)) == [
        (2, 3, 1), (2, 5, 1), (2, 5, 2), (9, 1, 0),
    ]  # fmt: skip


def test_the_picture_s_own_genre_goes_before_its_title_s():
    titles = pd.DataFrame({"title_id": [1, 2], "genres": [["daily"], ["comic", "daily"]]})
    episodes = pd.DataFrame({"title_id": [1, 1, 2], "no": [1, 2, 1], "genre": [None, "fantasy", None]})
    found = picture_genres(titles, episodes, episodes[["title_id", "no"]])
    assert found["genres"].tolist() == [["daily"], ["fantasy"], ["comic", "daily"]]


def test_only_pictures_in_the_index_are_labelled():
    titles = pd.DataFrame({"title_id": [1], "genres": [["daily"]]})
    episodes = pd.DataFrame({"title_id": [1, 1], "no": [1, 2], "genre": [None, None]})
    assert picture_genres(titles, episodes, episodes.iloc[[1]])["no"].tolist() == [2]


def test_what_is_left_out_is_counted_by_reason():
    frame = pictures(["daily"], ["unknown"], ["comic", "daily"], [], ["comic", "unknown"])
    assert left_out(frame, section("drop")) == {"no_known_genre": 2, "several_genres": 1}
    assert left_out(frame, section("first")) == {"no_known_genre": 2, "several_genres": 0}


def test_the_metrics_count_pictures_rows_and_titles_by_genre():
    frame = pd.DataFrame(
        {
            "title_id": [1, 1, 2, 3],
            "no": [1, 2, 1, 1],
            "genres": [["daily"], ["daily"], ["comic", "fantasy"], ["comic"]],
        }
    )
    assert summary(label_pictures(frame, section("all")), {"no_known_genre": 0, "several_genres": 0}) == {
        "images": 4,
        "rows": 5,
        "images_by_genre": {"comic": 2, "daily": 2, "fantasy": 1},
        "titles_by_genre": {"comic": 2, "daily": 1, "fantasy": 1},
        "left_out": {"no_known_genre": 0, "several_genres": 0},
    }


def test_a_genre_without_pictures_is_refused_by_name():
    with pytest.raises(InputError) as caught:
        label_pictures(pictures(["daily"], ["comic", "romance"]), section())
    assert str(caught.value) == (
        "label.genres names 'fantasy', and no usable picture is labelled so; genres of the pictures: comic, daily, romance"
        " (label.multi_genre is first); correct label.genres"
    )


def test_samples_come_from_as_many_titles_as_there_are():
    frame = pd.DataFrame([(title_id, no) for title_id in range(1, 31) for no in range(5)], columns=["title_id", "no"])
    chosen_rows = samples(frame, 12)
    assert chosen_rows["title_id"].nunique() == 12
    assert (chosen_rows["title_id"].min(), chosen_rows["title_id"].max()) == (1, 30)
    assert set(chosen_rows["no"]) == {2}


def test_samples_of_few_titles_are_different_pictures_of_all_of_them():
    frame = pd.DataFrame([(title_id, no) for title_id in (1, 2) for no in range(4)], columns=["title_id", "no"])
    chosen_rows = samples(frame, 6)
    assert chosen_rows["title_id"].value_counts().to_dict() == {1: 3, 2: 3}
    assert not chosen_rows.duplicated().any()


@pytest.fixture
def prepared(workspace: Path, set_params: Callable[..., None]) -> Path:
    """data/raw and data/resized of five titles."""
    set_params({"resize.side": 32, "label.genres": GENRES})
    write_raw(
        workspace / "data/raw",
        [
            title(5, ["fantasy"], FILES),
            title(3, ["comic", "daily"], FILES),
            title(2, ["daily"], FILES),
            title(8, ["romance"], FILES),
            title(9, ["daily"], FILES, own="comic"),
        ],
    )
    resize.main()
    return workspace


def test_the_stage_writes_labels_metrics_and_a_contact_sheet(prepared, run_stage):
    result = run_stage("label")
    assert (result.returncode, result.stderr) == (0, "label: 12 rows in 3 genres, 3 pictures left out\n")
    labels = read_table(prepared / "data/labels.parquet", LABELS)
    assert labels.groupby("title_id")["genre"].first().to_dict() == {2: "daily", 3: "comic", 5: "fantasy", 9: "comic"}
    assert labels["label"].dtype == np.int8
    assert json.loads((prepared / "metrics/label.json").read_text())["left_out"] == {
        "no_known_genre": 3,
        "several_genres": 0,
    }
    with Image.open(prepared / "plots/label/contact_sheet.jpg") as sheet:
        assert np.asarray(sheet.convert("RGB")).std() > 20


def test_two_runs_write_the_same_bytes(prepared):
    written = []
    for _ in range(2):
        label.main()
        files = ["data/labels.parquet", "metrics/label.json", "plots/label/contact_sheet.jpg"]
        written.append([(prepared / file).read_bytes() for file in files])
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"label.genres": ["daily", "comic", "daily"]},
            "params.yaml: label.genres is ['daily', 'comic', 'daily']:"
            " value error, 'daily' stands there 2 times; name each genre once",
        ),
        (
            {"label.genres": ["daily"]},
            "params.yaml: label.genres is ['daily']: list should have at least 2 items after validation, not 1",
        ),
        (
            {"label.genres": ["daily", "horror"]},
            "label.genres names 'horror', and no usable picture is labelled so; genres of the pictures:"
            " comic, daily, fantasy, romance (label.multi_genre is first); correct label.genres",
        ),
    ],
)
def test_unusable_genres_give_one_line_and_leave_the_old_labels(prepared, set_params, values, message):
    (prepared / "data/labels.parquet").write_bytes(b"old")
    set_params(values)
    with pytest.raises(InputError) as caught:
        label.main()
    assert str(caught.value) == message
    assert (prepared / "data/labels.parquet").read_bytes() == b"old"


def test_without_resized_pictures_one_line_tells_what_to_do(workspace, run_stage):
    result = run_stage("label")
    assert (result.returncode, result.stderr) == (
        1,
        "label: data/resized/index.parquet is not there; `dvc repro` makes it\n",
    )
