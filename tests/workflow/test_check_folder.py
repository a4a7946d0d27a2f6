"""workflow/check_folder.py: the pictures of a folder against label.genres, split and validate."""

import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.label import Label
from stages.validate import Validate
from tests.support.image_factory import title, write_raw
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import TITLES, read_table, write_table
from workflow.check_folder import folder_lines

SPLIT = SplitParams(by="title", ratios=Ratios(train=0.6, val=0.2, test=0.2), seed=77)
BOUNDS = Validate(min_ratio=0.05, max_ratio=5.0, min_images=5, max_duplicates_across_labels=0)
Lines = Callable[..., list[str]]


@pytest.fixture
def lines(workspace: Path) -> Lines:
    """Return a function that creates empty pictures by label and returns the lines about them."""

    def check(
        pictures: dict[str, int], genres: list[str], split: SplitParams | None = SPLIT, manifest: str = ""
    ) -> list[str]:
        for label, count in pictures.items():
            folder = workspace / "pictures" / label
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.png").touch()
        if manifest:
            (workspace / "pictures/manifest.csv").write_text(manifest)
        return list(folder_lines("pictures", Label(genres=genres, multi_genre="first"), split, BOUNDS))

    return check


@pytest.mark.parametrize("labels", [["ant", "bee"], ["cat", "dog", "elk"], [f"label {number}" for number in range(18)]])
def test_labels_of_thirty_and_twenty_four_pictures_have_no_complaint(lines, labels):
    assert lines({label: 30 - 6 * (number % 2) for number, label in enumerate(labels)}, labels) == []


def test_every_label_with_too_few_pictures_says_how_many_are_needed_and_what_to_do(lines):
    assert lines({"ant": 4, "bee": 2, "cat": 12}, ["ant", "bee", "cat"]) == [
        "label.genres: 'ant' has 4 images in 4 titles, none of them in val, and needs 5 titles; "
        "add pictures, or leave it out of label.genres",
        "label.genres: 'bee' has 2 images in 2 titles, none of them in val, test, and needs 5 titles; "
        "add pictures, or leave it out of label.genres",
        "label.genres: 'ant' has 4 pictures, fewer than the 5 of validate.min_images; add pictures, or lower it",
        "label.genres: 'bee' has 2 pictures, fewer than the 5 of validate.min_images; add pictures, or lower it",
    ]  # fmt: skip


def test_titles_of_a_manifest_are_what_is_counted(lines):
    rows = [
        f"{label}/{number}.png,{label} {number % 2 if label == 'ant' else number}"
        for label in ("ant", "cat")
        for number in range(9)
    ]
    assert lines({"ant": 9, "cat": 9}, ["ant", "cat"], manifest="path,title\n" + "\n".join(rows) + "\n") == [
        "label.genres: 'ant' has 9 images in 2 titles, none of them in val, test, and needs 5 titles; "
        "add pictures of other titles, or leave it out of label.genres, or set split.by: image"
    ]


def test_labels_without_a_picture_are_named_with_the_nearest_label_of_the_folder(lines):
    assert lines({"cat": 12, "dog": 12, "elk": 12}, ["cats", "dog", "zebra"]) == [
        "label.genres has 'cats' (did you mean 'cat'?), 'zebra', of which there will be no picture; pictures has cat, dog, elk",
        "note: pictures has 12 pictures of 'cat', which label.genres leaves out",
        "note: pictures has 12 pictures of 'elk', which label.genres leaves out",
    ]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_labels_are_compared_in_one_unicode_form(lines, form):
    names = ["로맨스", "café"]
    assert lines({unicodedata.normalize(form, name): 12 for name in names}, names) == []


def test_label_genres_in_another_unicode_form_is_the_same_label(lines):
    names = ["로맨스", "café"]
    assert lines(dict.fromkeys(names, 12), [unicodedata.normalize("NFD", name) for name in names]) == []


def test_a_small_or_large_share_names_the_bound(lines):
    printed = lines({"ant": 600, "bee": 6, "cat": 600}, ["ant", "bee", "cat"])
    assert printed == [
        "label.genres: 'bee' has 6 pictures, 0.0050 of all, less than 0.0167; add pictures, or lower validate.min_ratio (0.05)"
    ]


def test_a_bad_manifest_is_a_complaint(lines):
    (line,) = lines({"ant": 9}, ["ant", "bee"], manifest="picture,title\nant/1.png,A\n")
    assert line.startswith("pictures/manifest.csv ")
    assert "\n" not in line


def test_a_missing_folder_is_one_line(lines):
    assert lines({}, ["ant", "bee"]) == [
        "crawl.folder.path is 'pictures', which is no folder; create it and put <label>/<files> into it"
    ]


@pytest.mark.parametrize(
    ("source", "begin"), [("folder", "note: crawl.folder.path is"), ("demo", "crawl.folder.path is")]
)
def test_a_clone_with_the_crawled_pictures_needs_no_folder(lines, workspace, source, begin):
    write_raw(workspace / "data/raw", [title(1, ["ant"], {1: b"picture"})])
    titles = read_table(workspace / "data/raw/titles.parquet", TITLES)
    write_table(titles.assign(source=source), TITLES, workspace / "data/raw/titles.parquet")
    (line,) = lines({}, ["ant", "bee"])
    assert line.startswith(begin)


def test_pictures_are_counted_where_split_is_not_valid(lines):
    (line,) = lines({"ant": 4, "bee": 12}, ["ant", "bee"], split=None)
    assert "fewer than the 5 of validate.min_images" in line


@pytest.mark.exhaustive  # 20,000 files; by image each picture is a stratum of its own
def test_20_000_pictures_take_seconds(lines):
    lines({"ant": 10_000, "bee": 10_000}, ["ant", "bee"])
    start = time.perf_counter()
    for by in ("title", "image"):
        assert lines({}, ["ant", "bee"], SPLIT.model_copy(update={"by": by})) == []
    assert time.perf_counter() - start < 30
