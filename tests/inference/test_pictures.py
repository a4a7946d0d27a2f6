"""webtoon_genre/inference/pictures.py: which pictures arguments name, and how they are read."""

import io
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from tests.support.image_factory import encode, picture
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.images import decode_rgb, fit_square
from webtoon_genre.inference import pictures
from webtoon_genre.inference.pictures import Rule, expand, read_pictures

RULE = Rule(8, "linear", 1_000_000)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encode(picture(len(name))))


def test_a_folder_is_its_pictures_by_path_without_hidden_ones(tmp_path):
    touch(tmp_path, "b.JPG", "a/2.png", "a/10.webp", ".hidden.jpg", ".cache/x.jpg", "notes.txt", "그림/하나.gif")
    names = [Path(name).relative_to(tmp_path).as_posix() for name in expand([str(tmp_path)], io.StringIO())]
    assert names == ["a/10.webp", "a/2.png", "b.JPG", "그림/하나.gif"]


def test_a_dash_is_the_list_on_standard_input():
    stdin = io.StringIO("one.jpg\n\n  two words.png\nhttps://example.org/3.png\n")
    assert expand(["0.jpg", "-"], stdin) == ["0.jpg", "one.jpg", "  two words.png", "https://example.org/3.png"]


@pytest.mark.parametrize("arguments", [["-"], []])
def test_no_picture_at_all_is_one_line(arguments):
    with pytest.raises(InputError, match=r"^no picture is named; give files, folders or URLs, "):
        expand(arguments, io.StringIO(""))


def test_a_folder_without_pictures_is_one_line(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(InputError, match=r"holds no picture \(\.jpg, \.jpeg, \.png, \.webp, \.gif\)$"):
        expand([str(tmp_path)], io.StringIO())


def test_pixels_are_those_of_the_pipeline_from_paths_bytes_and_arrays(tmp_path):
    content = encode(picture(1))
    (tmp_path / "1.jpg").write_bytes(content)
    rgb = decode_rgb(content, "", 10**6)
    expected = fit_square(rgb, 8, "linear")
    sources = [str(tmp_path / "1.jpg"), tmp_path / "1.jpg", content, rgb]
    results = list(read_pictures(sources, RULE))
    assert [result.name for result in results] == [str(tmp_path / "1.jpg")] * 2 + ["picture 2", "picture 3"]
    for result in results:
        np.testing.assert_array_equal(result.pixels, expected)


def test_the_order_is_kept_and_pictures_are_read_as_they_are_needed(monkeypatch):
    read = []
    monkeypatch.setattr(pictures, "AHEAD", 4)
    original = pictures.read_picture
    monkeypatch.setattr(pictures, "read_picture", lambda *arguments: read.append(arguments[1]) or original(*arguments))
    content = encode(picture(1))
    results = read_pictures((content for _ in range(100)), RULE)
    names = [next(results).name for _ in range(10)]
    assert names == [f"picture {number}" for number in range(10)]
    assert len(read) <= 10 + 4 + 1


def test_each_unreadable_picture_has_its_reason_and_the_others_are_read(tmp_path):
    content = encode(picture(1))
    (tmp_path / "cut.jpg").write_bytes(content[:200])
    (tmp_path / "text.png").write_text("no picture")
    sources = [content, tmp_path / "cut.jpg", tmp_path / "text.png", tmp_path / "gone.gif", tmp_path, content]
    results = list(read_pictures(sources, RULE))
    assert [result.error for result in results] == [
        "",
        "the jpeg stops after 200 bytes, before its end",
        "10 bytes starting b'no p' are no JPEG, PNG, WebP or GIF",
        "no such file or directory",
        "is a directory",
        "",
    ]


def test_a_large_picture_and_a_large_file_are_not_decoded(monkeypatch):
    content = encode(picture(1, 300, 200))
    (result,) = read_pictures([content], Rule(8, "linear", 59_999))
    assert result.error == "300 × 200 pixels are more than 59999"
    monkeypatch.setattr(pictures, "LARGEST", 100)
    assert pictures.read_bytes(content) == content


def test_a_file_of_too_many_bytes_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", 100)
    touch(tmp_path, "1.jpg")
    (result,) = read_pictures([tmp_path / "1.jpg"], RULE)
    assert result.error == "it has more than 100 bytes"


@pytest.mark.parametrize("array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_an_array_that_is_no_picture_is_an_error(array):
    (result,) = read_pictures([array], RULE)
    assert result.error.endswith("is no picture; give uint8 (height, width, 3), RGB")


@pytest.fixture
def site(tmp_path):
    """A web server over tmp_path on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_url_is_fetched(tmp_path, site):
    touch(tmp_path, "1.png")
    fetched, missing = read_pictures([f"{site}/1.png", f"{site}/2.png"], RULE)
    assert fetched.pixels.shape == (8, 8, 3)
    assert missing.error == "the server answers 404 File not found"


def test_a_url_without_a_server_is_an_error():
    (result,) = read_pictures(["http://127.0.0.1:9/1.png"], RULE)
    assert result.error.startswith("it cannot be fetched (")
