"""Pictures from a folder: titles, labels and rows; rejected folders and manifests."""

import errno
import json
import os
import unicodedata
from collections import Counter
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.stage_sequence import run_stages
from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.source import CrawlParams, CrawlResult, Episode, summarise
from webtoon_genre.crawl.sources import folder as folder_source
from webtoon_genre.crawl.sources.folder import Params, collect, digest, parse_title_id
from webtoon_genre.crawl.store import SHARED_PICTURES, Store, read_pictures
from webtoon_genre.data.tables import DATASET, read_table


def jpeg(name: str) -> bytes:
    """Return bytes that begin like a JPEG and differ by name."""
    return b"\xff\xd8\xff" + name.encode()


def put(*paths: str) -> None:
    """Write pictures below pictures/."""
    for path in paths:
        file = Path("pictures", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(path))


def manifest(*lines: str) -> None:
    """Write pictures/manifest.csv."""
    Path("pictures").mkdir(exist_ok=True)
    Path("pictures", "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def episodes(result: CrawlResult) -> list[Episode]:
    """Return the rows of a crawl."""
    return [Episode(**row) for row in result.episodes().to_pylist()]


def crawl(max_bytes: int = 1000) -> CrawlResult:
    """Collect pictures/."""
    common = CrawlParams.model_construct(max_bytes=max_bytes)
    return collect(Params(path="pictures"), common, Store(Path("data/raw")))


def stored(folder: Path) -> list[tuple[int, int, bytes, str]]:
    """Return title_id, no, image and address of the pictures in the only file of `folder`, which titles share."""
    (path,) = folder.glob("*.parquet")
    return [(*row.values(),) for row in read_pictures(path, SHARED_PICTURES).to_pylist()]


def rows(result: CrawlResult) -> list[tuple[str, str | None, int, int]]:
    """Return (path, label, title_id, no) of each picture, by path."""
    return sorted((row.thumbnail_url, row.genre, row.title_id, row.no) for row in episodes(result))


def error_message() -> str:
    """Return the error message for pictures/."""
    with pytest.raises(InputError) as error:
        crawl()
    assert not Path("data").exists()
    return str(error.value)


def test_without_a_manifest_each_picture_is_a_separate_title_with_the_label_of_its_folder():
    put("ink/b.jpg", "ink/deep/a.png", "oil/a.gif")
    result = crawl()
    assert rows(result) == [
        ("ink/b.jpg", "ink", digest("path", "ink/b.jpg"), 1),
        ("ink/deep/a.png", "ink", digest("path", "ink/deep/a.png"), 1),
        ("oil/a.gif", "oil", digest("path", "oil/a.gif"), 1),
    ]
    assert [(title.title, title.genres) for title in result.titles if "oil" in title.title] == [("oil/a.gif", ("oil",))]


def test_a_row_describes_the_file():
    put("ink/b.jpg")
    (row,) = episodes(crawl())
    assert (row.sha256, row.bytes, row.status, row.date) == (
        sha256(jpeg("ink/b.jpg")).hexdigest(),
        len(jpeg("ink/b.jpg")),
        "ok",
        None,
    )
    assert stored(Path("data/.raw.staged")) == [(row.title_id, 1, jpeg("ink/b.jpg"), "ink/b.jpg")]


def test_a_title_id_groups_pictures_across_labels_and_numbers_them_by_path():
    put("ink/b.jpg", "ink/a.jpg", "oil/c.jpg")
    manifest("path,title_id", "oil/c.jpg,17", "ink/b.jpg,17", "ink/a.jpg,0017")
    result = crawl()
    assert rows(result) == [("ink/a.jpg", "ink", 17, 1), ("ink/b.jpg", "ink", 17, 2), ("oil/c.jpg", "oil", 17, 3)]
    (title,) = result.titles
    assert (title.title_id, title.genres) == (17, ("ink", "oil"))


def test_pictures_of_one_title_text_are_one_title():
    put("ink/a.jpg", "ink/b.jpg", "ink/c.jpg")
    manifest("path,title", "ink/a.jpg,Sea", "ink/b.jpg, Sea ", "ink/c.jpg,")
    assert [title_id for _, _, title_id, _ in rows(crawl())] == [
        digest("title", "Sea"),
        digest("title", "Sea"),
        digest("path", "ink/c.jpg"),
    ]


def test_the_manifest_s_columns_are_used():
    put("x/a.jpg", "x/b.jpg", "top.jpg")
    manifest(
        "path,label,title_id,title,author,star_score,camera",
        "./x/a.jpg,ink,s-1,Sea,Ann,9.5,leica",
        "x/b.jpg,,s-1,Sea,Bob,8,",
        "top.jpg,oil,s-1,Sea,Ann,,",
    )
    result = crawl()
    (title,) = result.titles
    assert (title.title, title.authors, title.star_score) == ("Sea", ("Ann", "Bob"), 8.75)
    assert title.title_id == digest("title_id", "s-1")
    assert [(row.thumbnail_url, row.genre, row.star_score) for row in episodes(result)] == [
        ("top.jpg", "oil", None),
        ("x/a.jpg", "ink", 9.5),
        ("x/b.jpg", "x", 8.0),
    ]


@pytest.mark.parametrize(
    ("text", "title_id"),
    [
        ("7", 7),
        ("0", 0),
        ("0017", 17),
        (str(2**63 - 1), 2**63 - 1),
        ("abc", 67588872477734),
        ("-7", 88289398479002),
    ],
)
def test_a_title_id_is_a_decimal_number_or_a_digest(text, title_id):
    """The digests are golden: a change would alter every split of pictures with a manifest."""
    assert parse_title_id(text) == title_id


@pytest.mark.parametrize("text", ["183559.0", "183559,0", "183559.00", "0183559"])
def test_a_title_id_that_a_spreadsheet_writes_with_decimals_is_the_same_title(text):
    assert parse_title_id(text) == 183559


@pytest.mark.parametrize("text", ["1.5", "183559.5", "1.000", "1e5", "12e4567", "v1.0", "1.0.0", "１８.0", "9" * 5000])
def test_other_texts_with_digits_are_no_numbers(text):
    assert parse_title_id(text) == digest("title_id", text)


@pytest.mark.parametrize("text", ["1.83559E+05", "1,83559E+05", "2E+05", "1.8e+17"])
def test_a_title_id_without_its_last_digits_is_refused(text):
    with pytest.raises(InputError) as error:
        parse_title_id(text)
    assert str(error.value) == f"title_id is {text!r}, as a spreadsheet shortens a number; enter all its digits"


def test_two_spellings_of_a_number_are_one_title():
    put("ink/a.jpg", "ink/b.jpg", "ink/c.jpg")
    manifest("path,title_id", "ink/a.jpg,183559.0", "ink/b.jpg,183559", "ink/c.jpg,183560.0")
    assert [title_id for _, _, title_id, _ in rows(crawl())] == [183559, 183559, 183560]


@pytest.mark.parametrize("title", ["nan", "None", "null", "NA", "1e5", "0"])
def test_a_title_or_a_label_is_any_text(title):
    put("x/a.jpg", "x/b.jpg", "x/c.jpg")
    manifest("path,label,title", f"x/a.jpg,{title},{title}", f"x/b.jpg,{title},{title}", "x/c.jpg,,")
    first, second, third = rows(crawl())
    assert first[:3] == ("x/a.jpg", title, digest("title", title))
    assert second[:3] == ("x/b.jpg", title, digest("title", title))
    assert third[:3] == ("x/c.jpg", "x", digest("path", "x/c.jpg"))


@pytest.mark.parametrize(("text", "score"), [("9,95", 9.95), ("9.95", 9.95), ("10", 10), ("0", 0), ("9.5E+00", 9.5)])
def test_a_score_has_a_decimal_point_or_comma(text, score):
    put("ink/a.jpg")
    manifest("path;star_score", f"ink/a.jpg;{text}")
    assert episodes(crawl())[0].star_score == score


def test_a_manifest_in_another_encoding_and_with_another_separator_is_read():
    put("로맨스/a.jpg", "ink/b.jpg")
    text = "Path;Label;Title ID\r\n로맨스\\a.jpg;액션;7\r\nink\\b.jpg;;7\r\n;;\r\n"
    for encoding in ("cp949", "utf-16", "utf-8-sig"):
        Path("pictures/Manifest.CSV").write_bytes(text.encode(encoding))
        assert rows(crawl()) == [("ink/b.jpg", "ink", 7, 1), ("로맨스/a.jpg", "액션", 7, 2)]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD", None])
def test_pictures_have_the_same_ids_and_labels_on_every_system(on_disk, written):
    put(unicodedata.normalize(on_disk, "로맨스/é.jpg"))
    if written:
        manifest("path", unicodedata.normalize(written, "로맨스/é.jpg"))
    result = crawl()
    assert rows(result) == [("로맨스/é.jpg", "로맨스", digest("path", "로맨스/é.jpg"), 1)]
    assert [(title.title, title.genres) for title in result.titles] == [("로맨스/é.jpg", ("로맨스",))]
    assert [row[3] for row in stored(Path("data/.raw.staged"))] == ["로맨스/é.jpg"]


def test_a_manifest_may_name_hidden_files_and_files_by_a_second_link():
    put("ink/a.jpg", ".hidden/b.jpg")
    Path("pictures/more").symlink_to("ink")
    manifest("path,label", ".hidden/b.jpg,oil", "more/a.jpg,", "ink/a.jpg,")
    assert [row[:2] for row in rows(crawl())] == [
        (".hidden/b.jpg", "oil"),
        ("ink/a.jpg", "ink"),
        ("more/a.jpg", "more"),
    ]


def test_odd_files_are_counted_by_reason_and_logged(caplog):
    put("ink/a.jpg")
    Path("pictures/ink/gone.jpg").symlink_to("nowhere")
    Path("pictures/oil").symlink_to("nowhere")
    Path("pictures/ink/loop").symlink_to("..")
    os.mkfifo("pictures/ink/pipe.jpg")
    assert summarise(crawl())["left_out"] == {"broken_link": 2, "not_a_file": 1, "repeated_folder": 1}
    assert caplog.messages == [
        "pictures: left out as broken_link: 2, the first 'oil'",
        "pictures: left out as not_a_file: 1, the first 'ink/pipe.jpg'",
        "pictures: left out as repeated_folder: 1, the first 'ink/loop'",
    ]


def test_pictures_that_cannot_be_read_are_counted(monkeypatch, caplog):
    put("ink/a.jpg", "ink/b.jpg", "ink/c.jpg", "ink/d.jpg")

    def change(folder: Path, left_out: Counter[str]) -> list[folder_source.Entry]:
        """List the folder, then make three of its pictures unreadable."""
        entries = list_entries(folder, left_out)
        Path("pictures/ink/b.jpg").unlink()
        for name in ("c", "d"):
            Path(f"pictures/ink/{name}.jpg").unlink()
        Path("pictures/ink/c.jpg").mkdir()
        os.mkfifo("pictures/ink/d.jpg")
        return entries

    list_entries = folder_source.list_entries
    monkeypatch.setattr(folder_source, "list_entries", change)
    counts = summarise(crawl())
    assert counts["failed"]["thumbnails"] == {"unreadable": 2, "not_an_image": 1}
    assert counts["thumbnails"] == 1
    assert sorted(caplog.messages) == [
        "pictures/ink/b.jpg: No such file or directory; the picture is left out",
        "pictures/ink/c.jpg: Is a directory; the picture is left out",
    ]


def test_no_more_of_a_file_is_read_than_its_limit():
    put("ink/a.jpg")
    with Path("pictures/ink/huge.jpg").open("wb") as file:
        file.write(jpeg("huge"))
        file.truncate(2**33)  # no disk space: a hole
    assert summarise(crawl())["failed"]["thumbnails"] == {"too_large": 1}


def test_a_digest_is_positive_and_of_48_bits():
    values = [digest("title", str(item)) for item in range(1000)]
    assert len(set(values)) == 1000
    assert all(0 < value < 2**48 for value in values)


def test_files_that_are_no_pictures_are_counted_and_hidden_files_are_ignored():
    put("ink/a.jpg", "ink/notes.txt", "ink/.hidden.jpg", ".cache/b.jpg", "stray.jpg")
    Path("pictures/ink/fake.jpg").write_bytes(b"<html>")
    Path("pictures/ink/big.PNG").write_bytes(jpeg("") + bytes(2000))
    counts = summarise(crawl())
    assert counts["left_out"] == {"unknown_ending": 1, "no_label": 1}
    assert counts["failed"]["thumbnails"] == {"not_an_image": 1, "too_large": 1}
    assert counts["thumbnails"] == 1


def test_files_that_are_not_in_the_manifest_are_left_out_and_counted():
    put("ink/a.jpg", "ink/b.jpg", "ink/c.jpg")
    manifest("path", "ink/b.jpg")
    result = crawl()
    assert [row.thumbnail_url for row in episodes(result)] == ["ink/b.jpg"]
    assert result.left_out["not_in_manifest"] == 2


def test_an_edited_picture_is_read_again(run_stage, set_params):
    put("ink/a.jpg", "oil/b.jpg")
    set_params({"crawl.source": "folder", "crawl.folder.path": "pictures"})
    assert run_stage("crawl").returncode == 0
    Path("pictures/ink/a.jpg").write_bytes(jpeg("edited"))
    os.utime("pictures/ink/a.jpg", (0, 0))
    Path("pictures/oil/b.jpg").unlink()
    put("oil/c.jpg")
    assert run_stage("crawl").returncode == 0
    store = Store(Path("data/raw"))
    assert {row["thumbnail_url"]: row["sha256"] for row in store.episodes().table.to_pylist()} == {
        "ink/a.jpg": sha256(jpeg("edited")).hexdigest(),
        "oil/c.jpg": sha256(jpeg("oil/c.jpg")).hexdigest(),
    }
    assert {image for _, _, image, _ in stored(store.thumbnails)} == {jpeg("edited"), jpeg("oil/c.jpg")}
    assert json.loads(Path("metrics/crawl.json").read_text())["source"] == "folder"


@pytest.mark.slow
def test_names_reach_the_dataset_as_they_are(set_params):
    labels = ["nan", "None", "19+", "null", unicodedata.normalize("NFD", "로맨스"), "a/b"]
    generator = np.random.default_rng(0)
    lines = ["path,label,title"]
    for label in labels:
        for no in range(6):
            path = Path("pictures", label.replace("/", "-"), f"{no}.PNG")
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), generator.integers(0, 256, (16, 16, 3), np.uint8))
            lines.append(f"{path.relative_to('pictures')},{label},{'nan' if label == 'nan' and no < 2 else ''}")
    manifest(*lines)
    set_params({"crawl.source": "folder", "crawl.folder.path": "pictures", "label.genres": labels})
    process = run_stages("crawl", "resize", "label", "validate", "zero_center", "split")
    assert process.returncode == 0, process.stderr
    dataset = read_table(Path("data/dataset.parquet"), DATASET)
    assert dataset["genre"].value_counts().to_dict() == dict.fromkeys([*labels[:4], "로맨스", "a/b"], 6)
    assert (dataset["title_id"] == digest("title", "nan")).sum() == 2
    assert not dataset.isna().any(axis=None)


@pytest.mark.slow
def test_a_refused_manifest_is_one_line_and_changes_nothing(run_stage, set_params):
    put("ink/a.jpg", "ink/b.jpg")
    manifest("path,label", 'ink/a.jpg,"ink', "ink/b.jpg,ink")
    set_params({"crawl.source": "folder", "crawl.folder.path": "pictures"})
    process = run_stage("crawl")
    assert (process.returncode, process.stderr) == (
        1,
        "crawl: pictures/manifest.csv line 2: a quote of '\"ink' is not closed, or opens or ends in the middle; "
        "correct the quotes\n",
    )
    assert not Path("data/raw").exists()
    assert not Path("metrics").exists()


# Errors.


def test_a_missing_folder_is_an_error():
    assert (
        error_message()
        == "crawl.folder.path is 'pictures', which is no folder; create it and put <label>/<files> into it"
    )


def test_a_folder_without_a_picture_is_an_error():
    put("ink/notes.txt", "a.jpg")
    Path("pictures/oil").symlink_to("nowhere")
    assert error_message() == (
        "pictures holds no picture (.gif, .jpeg, .jpg, .png, .webp) under <label>/; add some "
        "(left out: 1 broken_link, 1 no_label, 1 unknown_ending)"
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path", "ink/c.jpg"], "line 2: ink/c.jpg is not in pictures; add the file or delete the row"),
        (
            ["path", "ink/../../a.jpg"],
            "line 2: path 'ink/../../a.jpg' leads out of the folder; name the picture relative to the folder",
        ),
        (
            ["path", "/ink/a.jpg"],
            "line 2: path '/ink/a.jpg' leads out of the folder; name the picture relative to the folder",
        ),
        (["path,title", ",Sea"], "line 2: path is empty; name the picture relative to the folder"),
        (
            ["path", "ink/a.jpg", "./ink/a.jpg"],
            "line 3: ink/a.jpg is listed twice, first in line 2; delete one of the rows",
        ),
        (
            ["path,star_score", "ink/a.jpg,10.5"],
            "line 2: star_score is '10.5'; enter a number from 0 to 10, or leave it empty",
        ),
        (
            ["path,star_score", "ink/a.jpg,good"],
            "line 2: star_score is 'good'; enter a number from 0 to 10, or leave it empty",
        ),
        (
            ["path,star_score", "ink/a.jpg,1_0"],
            "line 2: star_score is '1_0'; enter a number from 0 to 10, or leave it empty",
        ),
        (
            ["path,title_id", "ink/a.jpg,1.83559E+05"],
            "line 2: title_id is '1.83559E+05', as a spreadsheet shortens a number; enter all its digits",
        ),
        (
            ["path,title,title_id", "ink/a.jpg,Sea,17", "ink/b.jpg,Sea,"],
            "line 3: title 'Sea' has no title_id, but '17' in line 2; enter it in both",
        ),
        (
            ["path", "ink/gone.jpg", "far/a.jpg", "ink/pipe.jpg"],
            "line 2: ink/gone.jpg cannot be read (ink/gone.jpg is left out as broken_link); mend it or delete the row; "
            "line 3: far/a.jpg cannot be read (far is left out as broken_link); mend it or delete the row; "
            "line 4: ink/pipe.jpg cannot be read (ink/pipe.jpg is left out as not_a_file); mend it or delete the row",
        ),
        (
            ["path,star_score", f"{'x' * 300}.jpg,", "ink/a.jpg,11"],
            f"line 2: {'x' * 300}.jpg is not in pictures; add the file or delete the row; "
            "line 3: star_score is '11'; enter a number from 0 to 10, or leave it empty",
        ),
        (
            ["path", "stray.jpg"],
            "line 2: stray.jpg has no label; add one, or move the file into a folder with the label's name",
        ),
    ],
)
def test_an_invalid_row_is_named(lines, message):
    put("ink/a.jpg", "ink/b.jpg", "stray.jpg")
    Path("pictures/ink/gone.jpg").symlink_to("nowhere")
    Path("pictures/far").symlink_to("nowhere")
    os.mkfifo("pictures/ink/pipe.jpg")
    manifest(*lines)
    assert error_message() == f"pictures/manifest.csv {message}"


def test_a_manifest_without_paths_is_an_error():
    put("ink/a.jpg")
    manifest("file,title", "ink/a.jpg,Sea")
    assert error_message() == "pictures/manifest.csv has the columns file, title; one must be path"


def test_two_manifests_are_an_error():
    put("ink/a.jpg", "Manifest.csv", "manifest.csv")
    if len([*Path("pictures").iterdir()]) == 2:
        pytest.skip("the file system compares names in lower case")
    assert error_message() == "pictures has the manifests Manifest.csv, manifest.csv; keep one"


def test_a_manifest_that_cannot_be_read_is_an_error():
    put("ink/a.jpg")
    Path("pictures/manifest.csv").symlink_to("nowhere")
    assert error_message() == "pictures/manifest.csv cannot be read (broken_link); replace or delete it"
    Path("pictures/manifest.csv").unlink()
    os.mkfifo("pictures/manifest.csv")
    assert error_message() == "pictures/manifest.csv cannot be read (not_a_file); replace or delete it"


def test_too_many_open_files_are_no_fault_of_a_picture(monkeypatch):
    put("ink/a.jpg")

    def refuse(*arguments: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        folder_source.read_picture(Path("pictures/ink/a.jpg"), 1000)
