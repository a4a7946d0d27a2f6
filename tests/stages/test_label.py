"""stages/label.py: every usable image gets its genre or its title's, by the rule for several; images without a label are counted."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages import label, resize
from stages.label import Label, count_unlabelled, image_genres, label_images, samples, select_genres, summary
from tests.support.image_factory import encode, picture, title, write_raw
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import LABELS, read_table

GENRES = ["daily", "comic", "fantasy"]
FILES = {no: encode(picture(no, 50, 30)) for no in (1, 2, 3)}


def params(multi_genre: str = "first", genres: Sequence[str] = GENRES) -> Label:
    return Label(genres=list(genres), multi_genre=multi_genre)


def images(*genres: list[str]) -> pd.DataFrame:
    """Return one image for each list of genres, of titles 1, 2, …"""
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
def test_the_rule_selects_among_the_known_genres_of_an_image(multi_genre, genres, expected):
    assert select_genres(genres, params(multi_genre)) == expected


def test_a_label_is_the_genre_s_index_in_the_params():
    labels = label_images(images(["fantasy"], ["daily"], ["comic"]), params())
    assert rows(labels) == [(1, "fantasy", 2), (2, "daily", 0), (3, "comic", 1)]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_genres_are_compared_in_one_unicode_form(form):
    genres = [unicodedata.normalize(form, name) for name in ("로맨스", "Größe", "19+")]
    params = Label.model_validate({"genres": genres, "multi_genre": "first"})
    assert select_genres(["로맨스"], params) == ["로맨스"]
    assert params.genres == ["로맨스", "Größe", "19+"]


def test_rows_are_sorted_by_title_number_and_label():
    frame = pd.DataFrame(
        {"title_id": [9, 2, 2], "no": [1, 5, 3], "genres": [["daily"], ["fantasy", "comic"], ["comic"]]}
    )
    labels = label_images(frame, params("all"))
    assert list(labels[["title_id", "no", "label"]].itertuples(index=False, name=None)) == [
        (2, 3, 1), (2, 5, 1), (2, 5, 2), (9, 1, 0),
    ]  # fmt: skip


def test_an_image_s_genre_takes_precedence_over_its_title_s():
    titles = pd.DataFrame({"title_id": [1, 2], "genres": [["daily"], ["comic", "daily"]]})
    episodes = pd.DataFrame({"title_id": [1, 1, 2], "no": [1, 2, 1], "genre": [None, "fantasy", None]})
    frame = image_genres(titles, episodes, episodes[["title_id", "no"]])
    assert frame["genres"].tolist() == [["daily"], ["fantasy"], ["comic", "daily"]]


def test_only_images_in_the_index_are_labelled():
    titles = pd.DataFrame({"title_id": [1], "genres": [["daily"]]})
    episodes = pd.DataFrame({"title_id": [1, 1], "no": [1, 2], "genre": [None, None]})
    assert image_genres(titles, episodes, episodes.iloc[[1]])["no"].tolist() == [2]


def test_images_without_a_label_are_counted_by_reason():
    frame = images(["daily"], ["unknown"], ["comic", "daily"], [], ["comic", "unknown"])
    assert count_unlabelled(frame, params("drop")) == {"no_known_genre": 2, "several_genres": 1}
    assert count_unlabelled(frame, params("first")) == {"no_known_genre": 2, "several_genres": 0}


def test_the_metrics_count_images_rows_and_titles_by_genre():
    frame = pd.DataFrame(
        {
            "title_id": [1, 1, 2, 3],
            "no": [1, 2, 1, 1],
            "genres": [["daily"], ["daily"], ["comic", "fantasy"], ["comic"]],
        }
    )
    assert summary(label_images(frame, params("all")), {"no_known_genre": 0, "several_genres": 0}) == {
        "images": 4,
        "rows": 5,
        "images_by_genre": {"comic": 2, "daily": 2, "fantasy": 1},
        "titles_by_genre": {"comic": 2, "daily": 1, "fantasy": 1},
        "left_out": {"no_known_genre": 0, "several_genres": 0},
    }


def test_a_genre_without_images_is_one_line_of_error():
    with pytest.raises(InputError) as caught:
        label_images(images(["daily"], ["comic", "romance"]), params())
    assert str(caught.value) == (
        "label.genres has 'fantasy', of which there is no usable image; genres of the images: comic, daily, romance"
        " (label.multi_genre is first); correct label.genres"
    )


def test_samples_are_from_as_many_titles_as_possible():
    frame = pd.DataFrame([(title_id, no) for title_id in range(1, 31) for no in range(5)], columns=["title_id", "no"])
    selected = samples(frame, 12)
    assert selected["title_id"].nunique() == 12
    assert (selected["title_id"].min(), selected["title_id"].max()) == (1, 30)
    assert set(selected["no"]) == {2}


def test_samples_of_few_titles_are_different_images_of_all_of_them():
    frame = pd.DataFrame([(title_id, no) for title_id in (1, 2) for no in range(4)], columns=["title_id", "no"])
    selected = samples(frame, 6)
    assert selected["title_id"].value_counts().to_dict() == {1: 3, 2: 3}
    assert not selected.duplicated().any()


@pytest.fixture
def resized(workspace: Path, set_params: Callable[..., None]) -> Path:
    """Write data/raw and data/resized of five titles."""
    set_params({"resize.side": 32, "label.genres": GENRES})
    write_raw(
        workspace / "data/raw",
        [
            title(5, ["fantasy"], FILES),
            title(3, ["comic", "daily"], FILES),
            title(2, ["daily"], FILES),
            title(8, ["romance"], FILES),
            title(9, ["daily"], FILES, episode_genre="comic"),
        ],
    )
    resize.main()
    return workspace


def test_the_stage_writes_labels_metrics_and_a_contact_sheet(resized, run_stage):
    result = run_stage("label")
    assert (result.returncode, result.stderr) == (0, "label: 12 rows in 3 genres, 3 images left out\n")
    labels = read_table(resized / "data/labels.parquet", LABELS)
    assert labels.groupby("title_id")["genre"].first().to_dict() == {2: "daily", 3: "comic", 5: "fantasy", 9: "comic"}
    assert labels["label"].dtype == np.int8
    assert json.loads((resized / "metrics/label.json").read_text())["left_out"] == {
        "no_known_genre": 3,
        "several_genres": 0,
    }
    with Image.open(resized / "plots/label/contact_sheet.jpg") as sheet:
        assert np.asarray(sheet.convert("RGB")).std() > 20


def test_two_runs_write_the_same_bytes(resized):
    runs = []
    for _ in range(2):
        label.main()
        files = ["data/labels.parquet", "metrics/label.json", "plots/label/contact_sheet.jpg"]
        runs.append([(resized / file).read_bytes() for file in files])
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"label.genres": ["daily", "comic", "daily"]},
            "params.yaml: label.genres is ['daily', 'comic', 'daily']: it lists 'daily' twice; list it once",
        ),
        (
            {"label.genres": ["daily"]},
            "params.yaml: label.genres is ['daily']: list should have at least 2 items after validation, not 1",
        ),
        (
            {"label.genres": ["daily", "horror"]},
            "label.genres has 'horror', of which there is no usable image; genres of the images:"
            " comic, daily, fantasy, romance (label.multi_genre is first); correct label.genres",
        ),
    ],
)
def test_invalid_genres_are_one_line_of_error_and_the_old_labels_stay(resized, set_params, values, message):
    (resized / "data/labels.parquet").write_bytes(b"old")
    set_params(values)
    with pytest.raises(InputError) as caught:
        label.main()
    assert str(caught.value) == message
    assert (resized / "data/labels.parquet").read_bytes() == b"old"


def test_without_resized_images_one_line_says_what_to_do(workspace, run_stage):
    result = run_stage("label")
    assert (result.returncode, result.stderr) == (
        1,
        "label: data/resized/index.parquet is not there; `dvc repro` makes it\n",
    )
