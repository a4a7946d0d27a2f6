"""stages/validate.py: a clean set passes, each planted fault fails under its own name and with its rows."""

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
from stages.validate import Data, LabelLeaves, Params, ResizeLeaves, Validate, read_data, suite, tables
from tests.support.image_factory import encoded, picture, title, write_raw
from webtoon_genre.data.expectations import Table, validate_tables
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import INDEX, LABELS, read_table, write_table

GENRES = ["daily", "comic"]
LAYOUT = "32 × 32 × 3 uint8"
BY_TITLE = SplitParams(by="title", ratios=Ratios(train=0.6, val=0.2, test=0.2), seed=77)
BOUNDS = Validate(min_share=0.1, max_share=0.9, min_images=2, max_duplicates_across_labels=0)


def params(rule: SplitParams = BY_TITLE, **bounds: Any) -> Params:
    return Params(
        validate=BOUNDS.model_copy(update=bounds),
        split=rule,
        label=LabelLeaves(genres=GENRES),
        resize=ResizeLeaves(side=32),
    )


def clean() -> Data:
    """Six titles of two pictures, half daily and half comic."""
    keys = pd.DataFrame([(title_id, no) for title_id in range(1, 7) for no in (1, 2)], columns=["title_id", "no"])
    digests = [f"digest {title_id}/{no}" for title_id, no in keys.itertuples(index=False)]
    labels = (keys["title_id"] % 2).astype("int8")
    return Data(
        titles=pd.DataFrame({"title_id": range(1, 7), "star_score": [0.0, 10.0, None, 9.9, 5.0, 1.0]}),
        episodes=keys.assign(star_score=9.0, sha256=digests),
        index=keys.assign(row=keys["no"] - 1, sha256=digests),
        rejected=pd.DataFrame({"title_id": [], "no": []}, dtype="int64"),
        labels=keys.assign(genre=[GENRES[label] for label in labels], label=labels),
        arrays=dict.fromkeys(range(1, 7), (2, LAYOUT)),
    )


def changed(frame: pd.DataFrame, row: int, **values: Any) -> pd.DataFrame:
    """The frame with other values in one row."""
    frame = frame.copy()
    for column, value in values.items():
        frame.loc[row, column] = value
    return frame


def findings(judged: dict[str, Table], settings: Params) -> dict[str, list[tuple[Any, ...]]]:
    """The failing expectations of some tables by name, each with its failing rows' ids."""
    checks = [check for check in suite(settings, 12) if check.table in judged]
    return {
        f"{verdict.check.table}_{verdict.check.name}": [
            tuple(row[key] for key in judged[verdict.check.table].ids[:2]) for row in verdict.failing
        ]
        for verdict in validate_tables(checks, judged)
        if not verdict.success
    }


def failing(data: Data, settings: Params) -> dict[str, list[tuple[Any, ...]]]:
    """`findings` of all tables; those that are as in the clean set, and pass there by the first test, are not judged again."""
    judged, passing = tables(data, GENRES, settings.split), tables(clean(), GENRES, BY_TITLE)
    if settings == params():
        judged = {name: table for name, table in judged.items() if not table.frame.equals(passing[name].frame)}
    return findings(judged, settings)


def test_a_clean_set_passes_every_expectation():
    assert findings(tables(clean(), GENRES, BY_TITLE), params()) == {}


def twice(frame: pd.DataFrame, row: int) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[row]]], ignore_index=True)


FAULTS: dict[str, tuple[Callable[[Data], dict[str, Any]], dict[str, list[tuple[Any, ...]]]]] = {
    "a title twice": (lambda data: {"titles": twice(data.titles, 3)}, {"titles_unique": [(4,), (4,)]}),
    "a title's rating of 11": (lambda data: {"titles": changed(data.titles, 4, star_score=11)}, {"titles_rating": [(5,)]}),
    "a rating below 0": (lambda data: {"titles": changed(data.titles, 0, star_score=-0.1)}, {"titles_rating": [(1,)]}),
    "an episode twice": (lambda data: {"episodes": twice(data.episodes, 3)}, {"episodes_unique": [(2, 2), (2, 2)]}),
    "an episode's rating of 11": (
        lambda data: {"episodes": changed(data.episodes, 3, star_score=11)},
        {"episodes_rating": [(2, 2)]},
    ),
    "a thumbnail that nobody resized": (
        lambda data: {"index": data.index.drop(3), "labels": data.labels.drop(3)},
        {"episodes_accounted": [(2, 2)]},
    ),
    "an index row twice": (lambda data: {"index": twice(data.index, 3)}, {"index_unique": [(2, 2), (2, 2)]}),
    "an array of another side": (
        lambda data: {"arrays": {**data.arrays, 4: (2, "64 × 64 × 3 uint8")}},
        {"index_array": [(4, 1), (4, 2)]},
    ),
    "an array of another dtype": (
        lambda data: {"arrays": {**data.arrays, 4: (2, "32 × 32 × 3 float32")}},
        {"index_array": [(4, 1), (4, 2)]},
    ),
    "an array without its last row": (
        lambda data: {"arrays": {**data.arrays, 4: (1, LAYOUT)}},
        {"index_array": [(4, 2)]},
    ),
    "an array that is not there": (
        lambda data: {"arrays": {**data.arrays, 4: (0, "")}},
        {"index_array": [(4, 1), (4, 2)]},
    ),
    "a picture that changed after it was resized": (
        lambda data: {"episodes": changed(data.episodes, 3, sha256="another")},
        {"index_bytes": [(2, 2)]},
    ),
    "a picture of no episode": (lambda data: {"episodes": data.episodes.drop(3)}, {"index_bytes": [(2, 2)]}),
    "a label row twice": (lambda data: {"labels": twice(data.labels, 3)}, {"labels_unique": [(2, 2), (2, 2)]}),
    "an unknown genre": (
        lambda data: {"labels": changed(data.labels, 3, genre="horror")},
        {"labels_genre": [(2, 2)], "labels_label": [(2, 2)]},
    ),
    "no genre": (lambda data: {"labels": changed(data.labels, 3, genre=None)}, {"labels_label": [(2, 2)]}),
    "a label that is another genre's": (
        lambda data: {"labels": changed(data.labels, 3, label=1)},
        {"labels_label": [(2, 2)]},
    ),
    "a label without a picture": (
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
def test_a_planted_fault_fails_under_its_name_and_with_its_rows(fault):
    plant, expected = FAULTS[fault]
    data = clean()
    assert failing(replace(data, **plant(data)), params()) == expected


def test_the_same_bytes_under_one_label_pass():
    data = clean()
    same = {name: changed(getattr(data, name), 3, sha256="digest 4/1") for name in ("index", "episodes")}
    assert failing(replace(data, **same), params()) == {}


def test_a_picture_under_two_labels_on_purpose_is_no_duplicate_of_itself():
    data = clean()
    second = data.labels.iloc[[3]].assign(genre="comic", label=np.int8(1))
    assert failing(replace(data, labels=pd.concat([data.labels, second], ignore_index=True)), params()) == {}


def test_the_same_bytes_under_the_same_two_labels_pass_and_under_one_and_two_fail():
    data = clean()
    same = {name: changed(getattr(data, name), 3, sha256="digest 2/1") for name in ("index", "episodes")}
    second = data.labels.iloc[[2, 3]].assign(genre="comic", label=np.int8(1))
    both, one = (pd.concat([data.labels, rows], ignore_index=True) for rows in (second, second.iloc[[0]]))
    assert failing(replace(data, **same, labels=both), params()) == {}
    assert failing(replace(data, **same, labels=one), params()) == {"pictures_equal_bytes": [(2, 1), (2, 2)]}


def test_pictures_with_equal_bytes_are_tolerated_up_to_the_param():
    data = clean()
    same = {name: changed(getattr(data, name), 3, sha256="digest 5/1") for name in ("index", "episodes")}
    assert failing(replace(data, **same), params(max_duplicates_across_labels=2)) == {}
    assert set(failing(replace(data, **same), params(max_duplicates_across_labels=1))) == {"pictures_equal_bytes"}


def test_a_tiny_genre_fails_both_bounds_by_name():
    data = clean()
    labels = data.labels[~data.labels["genre"].eq("comic") | (data.labels["title_id"] == 1)].drop(0)
    assert failing(replace(data, labels=labels), params(min_share=0.2)) == {
        "genres_images": [("comic",)],
        "genres_share": [("comic",)],
    }


def test_a_genre_above_the_largest_share_fails():
    data = clean()
    labels = data.labels.drop([0, 1])
    assert failing(replace(data, labels=labels), params(max_share=0.55)) == {"genres_share": [("daily",)]}


def test_a_title_on_two_sides_of_the_split_fails():
    judged = tables(clean(), GENRES, BY_TITLE.model_copy(update={"by": "image"}))
    spread = judged["split"].frame.query("sides > 1")["title_id"].tolist()
    assert spread
    verdicts = validate_tables(suite(params(), 12), judged)
    assert [row["title_id"] for row in verdicts[-1].failing] == spread
    assert [verdict.check.name for verdict in verdicts if not verdict.success] == ["sides"]


def test_with_a_split_by_image_titles_may_stand_on_several_sides():
    assert failing(clean(), params(rule=BY_TITLE.model_copy(update={"by": "image"}))) == {}


def test_judging_opens_no_connection(monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was tried"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("a name was looked up"))
    assert findings(tables(clean(), GENRES, BY_TITLE), params()) == {}


# -- the stage ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def prepared(workspace: Path, set_params: Callable[..., None]) -> Path:
    """What validate reads, made by the stages before it."""
    set_params({"resize.side": 32, "label.genres": GENRES, "validate.min_images": 2})
    titles = [
        title(number, [GENRES[number % 2]], {no: encoded(picture(10 * number + no, 40, 24)) for no in (1, 2)})
        for number in range(1, 7)
    ]
    write_raw(workspace / "data/raw", titles)
    resize.main()
    label.main()
    return workspace


def written(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("metrics/validate.json", "metrics/validate.md")]


def test_a_clean_run_says_so_on_one_line_and_twice_writes_the_same_bytes(prepared, run_stage):
    first = run_stage("validate")
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "validate: all 16 expectations hold\n")
    before = written(prepared)
    validate.main()
    assert written(prepared) == before
    assert json.loads(before[0])["expectations"]["index_array"] == {
        "success": True, "element_count": 12, "unexpected_count": 0, "failing": [],
    }  # fmt: skip


def test_a_failing_run_has_a_line_for_each_failed_expectation_and_still_writes_the_results(prepared, run_stage):
    index = read_table(prepared / "data/resized/index.parquet", INDEX)
    np.save(prepared / "data/resized/4.npy", np.zeros((2, 16, 16, 3), np.uint8))
    write_table(index.assign(sha256=index["sha256"].where(index.index != 0, index["sha256"][2])), INDEX,
                prepared / "data/resized/index.parquet")  # fmt: skip
    labels = read_table(prepared / "data/labels.parquet", LABELS)
    write_table(changed(labels, 5, genre="horror"), LABELS, prepared / "data/labels.parquet")
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
        f" title_id 2, no 1, labels '0', sha256 '{digests[2]}', labellings 2",
        "validate: 5 of 16 expectations fail; metrics/validate.json names every row, metrics/validate.md is for reading",
    ]
    metrics = json.loads((prepared / "metrics/validate.json").read_text())
    assert (metrics["success"], metrics["failed"]) == (False, 5)
    assert "| 3 | 2 | 1 | horror |" in (prepared / "metrics/validate.md").read_text()


def test_an_absent_or_broken_array_is_a_finding_and_no_crash(prepared):
    (prepared / "data/resized/1.npy").unlink()
    (prepared / "data/resized/2.npy").write_bytes(b"no array")
    data = read_data(Path("data/raw"), Path("data/resized"), Path("data/labels.parquet"))
    assert (data.arrays[1], data.arrays[2], data.arrays[3]) == ((0, ""), (0, ""), (2, LAYOUT))
