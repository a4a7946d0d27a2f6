"""stages/validate.py: valid data pass; every fault fails its expectation and names its rows."""

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages import label, resize, validate
from stages.validate import Data, Params, SharedLabel, SharedResize, Validate, read_data, share_bounds, suite, tables
from tests.conftest import REPOSITORY
from tests.support.image_factory import encode, picture, title, write_raw
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import load
from webtoon_genre.data.expectations import Table, validate_tables
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import INDEX, LABELS, TITLES, read_table, write_table

GENRES = ["daily", "comic"]
LAYOUT = "32 × 32 × 3 uint8"
BY_TITLE = SplitParams(
    by="title", ratios=Ratios(train=0.6, val=0.2, test=0.2), seed=35
)  # three titles of each genre fill it
BOUNDS = Validate(min_ratio=0.2, max_ratio=1.8, min_images=2, max_duplicates_across_labels=0)


def params(split: SplitParams = BY_TITLE, **bounds: Any) -> Params:
    return Params(
        validate=BOUNDS.model_copy(update=bounds),
        split=split,
        label=SharedLabel(genres=GENRES),
        resize=SharedResize(side=32),
    )


def valid_data() -> Data:
    """Return six titles with two images each, three titles daily and three comic."""
    keys = pd.DataFrame([(title_id, no) for title_id in range(1, 7) for no in (1, 2)], columns=["title_id", "no"])
    digests = [f"digest {title_id}/{no}" for title_id, no in keys.itertuples(index=False)]
    labels = (keys["title_id"] % 2).astype("int8")
    return Data(
        titles=pd.DataFrame({"title_id": range(1, 7), "star_score": [0.0, 10.0, None, 9.9, 5.0, 1.0]}),
        episodes=keys.assign(star_score=9.0, sha256=digests),
        index=keys.assign(file=keys["title_id"].astype(str), row=keys["no"] - 1, sha256=digests),
        rejected=pd.DataFrame({"title_id": [], "no": []}, dtype="int64"),
        labels=keys.assign(genre=[GENRES[label] for label in labels], label=labels),
        arrays=dict.fromkeys("123456", (2, LAYOUT)),
    )


def changed(frame: pd.DataFrame, row: int, **values: Any) -> pd.DataFrame:
    """Return the frame with other values in one row."""
    frame = frame.copy()
    for column, value in values.items():
        frame.loc[row, column] = value
    return frame


def failures(frames: dict[str, Table], values: Params) -> dict[str, list[tuple[Any, ...]]]:
    """Validate tables; return the failing expectations by name, with the ids of their failing rows."""
    checks = [check for check in suite(values, 12) if check.table in frames]
    return {
        f"{result.check.table}_{result.check.name}": [
            tuple(row[key] for key in frames[result.check.table].ids[:2]) for row in result.failing
        ]
        for result in validate_tables(checks, frames)
        if not result.success
    }


def failing(data: Data, values: Params) -> dict[str, list[tuple[Any, ...]]]:
    """Return the `failures` of all tables; tables of `valid_data`, which pass in the first test, are skipped to save time."""
    frames, passing = tables(data, GENRES, values.split), tables(valid_data(), GENRES, BY_TITLE)
    if values == params():
        frames = {name: table for name, table in frames.items() if not table.frame.equals(passing[name].frame)}
    return failures(frames, values)


def test_valid_data_pass_every_expectation():
    assert failures(tables(valid_data(), GENRES, BY_TITLE), params()) == {}


def repeat(frame: pd.DataFrame, row: int) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[row]]], ignore_index=True)


FAULTS: dict[str, tuple[Callable[[Data], dict[str, Any]], dict[str, list[tuple[Any, ...]]]]] = {
    "a title twice": (lambda data: {"titles": repeat(data.titles, 3)}, {"titles_unique": [(4,), (4,)]}),
    "a title's rating of 11": (lambda data: {"titles": changed(data.titles, 4, star_score=11)}, {"titles_rating": [(5,)]}),
    "a rating below 0": (lambda data: {"titles": changed(data.titles, 0, star_score=-0.1)}, {"titles_rating": [(1,)]}),
    "an episode twice": (lambda data: {"episodes": repeat(data.episodes, 3)}, {"episodes_unique": [(2, 2), (2, 2)]}),
    "an episode's rating of 11": (
        lambda data: {"episodes": changed(data.episodes, 3, star_score=11)},
        {"episodes_rating": [(2, 2)]},
    ),
    "a thumbnail that was not resized": (
        lambda data: {"index": data.index.drop(3), "labels": data.labels.drop(3)},
        {"episodes_accounted": [(2, 2)]},
    ),
    "an index row twice": (lambda data: {"index": repeat(data.index, 3)}, {"index_unique": [(2, 2), (2, 2)]}),
    "an array of another side": (
        lambda data: {"arrays": {**data.arrays, "4": (2, "64 × 64 × 3 uint8")}},
        {"index_array": [(4, 1), (4, 2)]},
    ),
    "an array of another dtype": (
        lambda data: {"arrays": {**data.arrays, "4": (2, "32 × 32 × 3 float32")}},
        {"index_array": [(4, 1), (4, 2)]},
    ),
    "an array without its last row": (
        lambda data: {"arrays": {**data.arrays, "4": (1, LAYOUT)}},
        {"index_array": [(4, 2)]},
    ),
    "a missing array": (
        lambda data: {"arrays": {**data.arrays, "4": (0, "")}},
        {"index_array": [(4, 1), (4, 2)]},
    ),
    "an image that changed after it was resized": (
        lambda data: {"episodes": changed(data.episodes, 3, sha256="another")},
        {"index_bytes": [(2, 2)]},
    ),
    "an image without an episode": (lambda data: {"episodes": data.episodes.drop(3)}, {"index_bytes": [(2, 2)]}),
    "a label row twice": (lambda data: {"labels": repeat(data.labels, 3)}, {"labels_unique": [(2, 2), (2, 2)]}),
    "an unknown genre": (
        lambda data: {"labels": changed(data.labels, 3, genre="horror")},
        {"labels_genre": [(2, 2)], "labels_label": [(2, 2)]},
    ),
    "no genre": (lambda data: {"labels": changed(data.labels, 3, genre=None)}, {"labels_label": [(2, 2)]}),
    "the label of another genre": (
        lambda data: {"labels": changed(data.labels, 3, label=1)},
        {"labels_label": [(2, 2)]},
    ),
    "a label without an image": (
        lambda data: {
            "index": data.index.drop(3),
            "rejected": data.index.loc[[3], ["title_id", "no"]],
        },
        {"labels_indexed": [(2, 2)]},
    ),
    "the same bytes under two labels": (
        lambda data: {
            "index": changed(data.index, 3, sha256="digest 5/1"),
            "episodes": changed(data.episodes, 3, sha256="digest 5/1"),
        },
        {"pictures_equal_bytes": [(2, 2), (5, 1)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_expectation_and_names_its_rows(fault):
    inject, expected = FAULTS[fault]
    data = valid_data()
    assert failing(replace(data, **inject(data)), params()) == expected


def test_the_same_bytes_under_one_label_pass():
    data = valid_data()
    same = {name: changed(getattr(data, name), 3, sha256="digest 4/1") for name in ("index", "episodes")}
    assert failing(replace(data, **same), params()) == {}


def test_an_image_with_two_labels_is_no_duplicate_of_itself():
    data = valid_data()
    second = data.labels.iloc[[5]].assign(genre="daily", label=np.int8(0))
    assert failing(replace(data, labels=pd.concat([data.labels, second], ignore_index=True)), params()) == {}


def test_equal_bytes_pass_with_equal_labels_and_fail_with_different_ones():
    data = valid_data()
    same = {name: changed(getattr(data, name), 5, sha256="digest 3/1") for name in ("index", "episodes")}
    second = data.labels.iloc[[4, 5]].assign(genre="daily", label=np.int8(0))
    equal, different = (pd.concat([data.labels, rows], ignore_index=True) for rows in (second, second.iloc[[0]]))
    assert failing(replace(data, **same, labels=equal), params()) == {}
    assert failing(replace(data, **same, labels=different), params()) == {"pictures_equal_bytes": [(3, 1), (3, 2)]}


def test_images_with_equal_bytes_are_tolerated_up_to_the_param():
    data = valid_data()
    same = {name: changed(getattr(data, name), 3, sha256="digest 5/1") for name in ("index", "episodes")}
    assert failing(replace(data, **same), params(max_duplicates_across_labels=2)) == {}
    assert set(failing(replace(data, **same), params(max_duplicates_across_labels=1))) == {"pictures_equal_bytes"}


def test_a_small_genre_fails_both_bounds_by_name():
    data = valid_data()
    labels = data.labels[~data.labels["genre"].eq("comic") | (data.labels["title_id"] == 1)].drop(0)
    assert failing(replace(data, labels=labels), params(min_ratio=0.4)) == {
        "genres_images": [("comic",)],
        "genres_share": [("comic",)],
        "genre_splits_empty": [("comic", 1)],
    }


def test_a_genre_above_the_largest_share_fails():
    data = valid_data()
    labels = data.labels.drop([0, 1])
    assert set(failing(replace(data, labels=labels), params(max_ratio=1.1))) == {"genres_share", "genre_splits_empty"}


@pytest.mark.parametrize(
    ("genres", "low", "high"), [(2, 0.025, 1), (3, 0.05 / 3, 1), (10, 0.005, 0.5), (18, 0.05 / 18, 5 / 18)]
)
def test_bounds_of_shares_are_multiples_of_the_equal_share(genres, low, high):
    bounds = BOUNDS.model_copy(update={"min_ratio": 0.05, "max_ratio": 5.0})
    assert share_bounds(bounds, genres) == pytest.approx((low, high))


def test_two_labels_of_30_and_24_pictures_pass_the_repository_s_bounds():
    bounds = load(REPOSITORY / "params.yaml")["validate"]
    low, high = share_bounds(Validate.model_validate(bounds), 2)
    assert low < 24 / 54 < 30 / 54 < high


def test_a_title_in_two_splits_fails():
    frames = tables(valid_data(), GENRES, BY_TITLE.model_copy(update={"by": "image"}))
    titles = frames["split"].frame.query("sides > 1")["title_id"].tolist()
    assert titles
    results = validate_tables(suite(params(), 12), frames)
    assert [row["title_id"] for row in results[-1].failing] == titles
    assert [result.check.name for result in results if not result.success] == ["sides"]


def test_by_image_titles_may_be_in_several_splits():
    assert failing(valid_data(), params(split=BY_TITLE.model_copy(update={"by": "image"}))) == {}


def test_validation_opens_no_connection(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a name was looked up"))
    assert failures(tables(valid_data(), GENRES, BY_TITLE), params()) == {}


# the stage


@pytest.fixture
def labelled(workspace: Path, set_params: Callable[..., None]) -> Path:
    """Run the stages before validate."""
    set_params({"resize.side": 32, "label.genres": GENRES, "validate.min_images": 2, "split.seed": 35})
    titles = [
        title(number, [GENRES[number % 2]], {no: encode(picture(10 * number + no, 40, 24)) for no in (1, 2)})
        for number in range(1, 7)
    ]
    write_raw(workspace / "data/raw", titles)
    resize.main()
    label.main()
    return workspace


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("metrics/validate.json", "metrics/validate.md")]


def test_a_successful_run_logs_one_line_and_two_runs_write_the_same_bytes(labelled, run_stage):
    process = run_stage("validate")
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "validate: all 17 expectations hold\n")
    first = outputs(labelled)
    validate.main()
    assert outputs(labelled) == first
    assert json.loads(first[0])["expectations"]["index_array"] == {
        "success": True, "element_count": 12, "unexpected_count": 0, "failing": [],
    }  # fmt: skip


def test_a_failing_run_logs_a_line_for_each_failed_expectation_and_writes_the_results(labelled, run_stage):
    index = read_table(labelled / "data/resized/index.parquet", INDEX)
    np.save(labelled / "data/resized/4.npy", np.zeros((2, 16, 16, 3), np.uint8))
    write_table(index.assign(sha256=index["sha256"].where(index.index != 0, index["sha256"][2])), INDEX,
                labelled / "data/resized/index.parquet")  # fmt: skip
    labels = read_table(labelled / "data/labels.parquet", LABELS)
    write_table(changed(labels, 5, genre="horror"), LABELS, labelled / "data/labels.parquet")
    result = run_stage("validate")
    assert result.returncode == 1
    digests = index["sha256"]
    assert result.stderr.splitlines() == [
        "validate: index: the title's array has the row, 32 × 32 × 3 uint8: 2 of 12 rows fail:"
        " title_id 4, no 1, row 0, picture '16 × 16 × 3 uint8'; title_id 4, no 2, row 1, picture '16 × 16 × 3 uint8'",
        "validate: index: sha256 is that of the episode's thumbnail: 1 of 12 rows fail:"
        f" title_id 1, no 1, row 0, sha256 '{digests[2]}', sha256_of_episode '{digests[0]}'",
        "validate: labels: genre is in label.genres: 1 of 12 rows fail: title_id 3, no 2, label 1, genre 'horror'",
        "validate: labels: label is the genre's place in label.genres: 1 of 12 rows fail:"
        " title_id 3, no 2, label 1, place None",
        "validate: pictures: no byte-identical picture has other labels; tolerated: 0: 2 of 12 rows fail:"
        f" title_id 1, no 1, labels '1', sha256 '{digests[2]}', labellings 2;"
        f" title_id 2, no 1, labels '0', sha256 '{digests[2]}', labellings 2;"
        " remove it from all labels but one, or raise validate.max_duplicates_across_labels",
        "validate: 5 of 17 expectations fail; metrics/validate.json names every row, metrics/validate.md is for reading",
    ]
    metrics = json.loads((labelled / "metrics/validate.json").read_text())
    assert (metrics["success"], metrics["failed"]) == (False, 5)
    assert "| 3 | 2 | 1 | horror |" in (labelled / "metrics/validate.md").read_text()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Run the stage, which fails, and return what it logs as errors."""
    with pytest.raises(InputError):
        validate.main()
    return [record.message for record in caplog.records if record.levelname == "ERROR"]


def test_all_genres_with_too_few_titles_are_named_with_the_cure(labelled, set_params, caplog):
    set_params({"validate.min_images": 7, "split.seed": 77})
    assert complaints(caplog) == [
        "genres: at least 7 images: 2 of 2 rows fail: genre 'comic', images 6; genre 'daily', images 6;"
        " crawl more of it, or leave it out of label.genres, or lower validate.min_images",
        "genre_splits: each genre has images in train, val and test: 1 of 2 rows fail:"
        " genre 'daily', images 6, titles 3, needed 5, empty 'test'; crawl more of it, or leave it out of label.genres,"
        " or change split.by or split.ratios; needed are titles",
    ]


def test_pictures_are_added_where_the_source_is_a_folder(labelled, set_params, caplog):
    set_params({"validate.min_images": 7})
    titles = read_table(labelled / "data/raw/titles.parquet", TITLES)
    write_table(titles.assign(source="folder"), TITLES, labelled / "data/raw/titles.parquet")
    (line,) = complaints(caplog)
    assert line.endswith("; add pictures, or leave it out of label.genres, or lower validate.min_images")


def test_a_missing_or_broken_array_is_a_failure_and_no_crash(labelled):
    (labelled / "data/resized/1.npy").unlink()
    (labelled / "data/resized/2.npy").write_bytes(b"no array")
    data = read_data()
    assert (data.arrays["1"], data.arrays["2"], data.arrays["3"]) == ((0, ""), (0, ""), (2, LAYOUT))
