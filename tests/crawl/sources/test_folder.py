"""Pictures from a folder: titles, labels and rows; rejected folders and manifests."""

import json
import os
import re
from hashlib import sha256
from pathlib import Path

import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.source import CrawlParams, CrawlResult, Episode, summarise
from webtoon_genre.crawl.sources import folder
from webtoon_genre.crawl.sources.folder import Params, collect, digest, parse_title_id
from webtoon_genre.crawl.store import Store


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
    assert Store(Path("data/raw")).pictures(row.title_id) == {(1, "ink/b.jpg"): jpeg("ink/b.jpg")}


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
        (str(2**63 - 1), 2**63 - 1),
        ("abc", 67588872477734),
        ("-7", 88289398479002),
        ("7.0", 164747477201237),
    ],
)
def test_a_title_id_is_a_decimal_number_or_a_digest(text, title_id):
    """The digests are golden: a change would alter every split of pictures with a manifest."""
    assert parse_title_id(text) == title_id


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


def test_the_order_of_a_folder_s_listing_has_no_effect(monkeypatch):
    put("ink/a.jpg", "ink/b.jpg", "oil/c.jpg")
    first = crawl()
    monkeypatch.setattr(folder, "list_files", lambda path: {"oil/c.jpg", "ink/b.jpg", "ink/a.jpg"})
    assert crawl() == first


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
    assert len([*store.thumbnails.iterdir()]) == 2
    assert json.loads(Path("metrics/crawl.json").read_text())["source"] == "folder"


# Errors.


def test_a_missing_folder_is_an_error():
    assert (
        error_message()
        == "crawl.folder.path is 'pictures', which is no folder; create it and put <label>/<files> into it"
    )


def test_a_folder_without_a_picture_is_an_error():
    put("ink/notes.txt")
    assert error_message() == "pictures holds no picture (.gif, .jpeg, .jpg, .png, .webp) under <label>/; add some"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path", "ink/b.jpg"], "line 2: ink/b.jpg is not in pictures; add the file or delete the row"),
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
            "line 3: ink/a.jpg is listed twice, first at pictures/manifest.csv line 2",
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
            ["path", "stray.jpg"],
            "line 2: stray.jpg has no label; add one, or move the file into a folder with the label's name",
        ),
    ],
)
def test_an_invalid_row_is_named(lines, message):
    put("ink/a.jpg", "stray.jpg")
    manifest(*lines)
    assert error_message() == f"pictures/manifest.csv {message}"


def test_a_manifest_without_paths_is_an_error():
    put("ink/a.jpg")
    manifest("file,title", "ink/a.jpg,Sea")
    assert error_message() == "pictures/manifest.csv has the columns file, title; one must be path"


def test_a_manifest_in_another_encoding_is_an_error():
    put("ink/a.jpg")
    Path("pictures/manifest.csv").write_bytes("path,title\nink/a.jpg,가\n".encode("utf-16"))
    assert re.match(r"pictures/manifest\.csv is no CSV in UTF-8: ", error_message())
