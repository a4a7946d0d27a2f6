"""webtoon_genre/crawl/listing.py: files by their names, links, and what is left out by reason."""

import os
import socket
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.listing import Listing, file_size, is_picture, list_files, picture_folder

ROOT = Path("pictures")


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def put(*paths: str) -> None:
    """Write files below pictures/."""
    for path in paths:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(path.encode())


def link(path: str, target: str | Path) -> None:
    """Make a link below pictures/."""
    (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / path).symlink_to(target)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ROOT.mkdir()


def paths() -> list[str]:
    """Return the names of the files of pictures/."""
    return [*list_files(ROOT).files]


def test_files_are_listed_by_name_without_hidden_ones():
    put("oil/b.jpg", "ink/deep/a.PNG", "top.txt", ".cache/a.jpg", "ink/._b.jpg", "__MACOSX/ink/._b.jpg")
    assert list_files(ROOT) == Listing(
        {"ink/deep/a.PNG": "ink/deep/a.PNG", "oil/b.jpg": "oil/b.jpg", "top.txt": "top.txt"}, []
    )


def test_the_order_of_a_directory_has_no_effect(monkeypatch):
    put("ink/a.jpg", "ink/b.jpg", "oil/c.jpg", nfd("oil/é.jpg"), "oil/é.jpg")
    link("more", "ink")
    link("again", "ink")
    first = list_files(ROOT)
    scan = os.scandir

    class Reversed:
        def __init__(self, folder: Path):
            self.entries = [*scan(folder)][::-1]

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Reversed)
    assert list_files(ROOT) == first


# Links.


def test_links_to_folders_and_files_are_followed():
    Path("elsewhere/deep").mkdir(parents=True)
    Path("elsewhere/deep/a.jpg").write_bytes(b"a")
    link("ink", Path("elsewhere").resolve())
    link("oil/b.jpg", Path("elsewhere/deep/a.jpg").resolve())
    assert paths() == ["ink/deep/a.jpg", "oil/b.jpg"]


@pytest.mark.parametrize("target", [".", "..", "../..", "../../pictures"])
def test_a_loop_of_links_ends(target):
    put("ink/a.jpg")
    link("ink/loop", target)
    listing = list_files(ROOT)
    assert "ink/a.jpg" in listing.files
    assert {Path(path).name for path in listing.files} == {"a.jpg"}
    assert "repeated_folder" in {reason for _, reason in listing.left_out}


def test_two_folders_that_link_to_each_other_are_listed_once():
    put("ink/a.jpg", "oil/b.jpg")
    link("ink/to", "../oil")
    link("oil/to", "../ink")
    listing = list_files(ROOT)
    assert [*listing.files] == ["ink/a.jpg", "oil/b.jpg"]
    assert listing.left_out == [("ink/to", "repeated_folder"), ("oil/to", "repeated_folder")]


def test_a_real_folder_comes_before_a_link_to_it():
    put("zebra/deep/a.jpg")
    link("ant", "zebra")
    link("bee", "zebra/deep")
    listing = list_files(ROOT)
    assert [*listing.files] == ["zebra/deep/a.jpg"]
    assert listing.left_out == [("ant", "repeated_folder"), ("bee", "repeated_folder")]


def test_of_two_links_to_one_folder_the_first_is_followed():
    Path("elsewhere").mkdir()
    Path("elsewhere/a.jpg").write_bytes(b"a")
    for name in ("oil", "ink"):
        link(name, Path("elsewhere").resolve())
    listing = list_files(ROOT)
    assert [*listing.files] == ["ink/a.jpg"]
    assert listing.left_out == [("oil", "repeated_folder")]


# What is left out.


def test_links_without_a_target_are_left_out():
    link("ink/gone.jpg", "nowhere")
    link("ink/itself.jpg", "itself.jpg")
    link("ink/folder", "/no/such/folder")
    assert list_files(ROOT).left_out == [
        ("ink/folder", "broken_link"),
        ("ink/gone.jpg", "broken_link"),
        ("ink/itself.jpg", "broken_link"),
    ]


def test_pipes_sockets_and_devices_are_left_out_unopened(monkeypatch):
    put("ink/a.jpg")
    os.mkfifo(ROOT / "ink/pipe.jpg")
    link("ink/device.jpg", "/dev/zero")
    link("ink/link.jpg", "pipe.jpg")
    monkeypatch.chdir(ROOT / "ink")  # the address of a socket has 108 bytes at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
    monkeypatch.chdir("../..")
    names = ["device.jpg", "link.jpg", "pipe.jpg", "socket.jpg"]
    assert list_files(ROOT) == Listing({"ink/a.jpg": "ink/a.jpg"}, [(f"ink/{name}", "not_a_file") for name in names])


def test_files_without_permission_are_left_out(monkeypatch):
    put("ink/a.jpg", "ink/secret.jpg")
    monkeypatch.setattr(os, "access", lambda path, mode: "secret" not in str(path))  # root may read every file
    assert list_files(ROOT) == Listing({"ink/a.jpg": "ink/a.jpg"}, [("ink/secret.jpg", "unreadable")])


def test_a_folder_without_permission_is_left_out(monkeypatch):
    put("ink/a.jpg", "secret/a.jpg")
    scan = os.scandir

    def refuse(folder: Path) -> Iterator[os.DirEntry[str]]:
        if folder.name == "secret":
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert list_files(ROOT) == Listing({"ink/a.jpg": "ink/a.jpg"}, [("secret", "unreadable")])


@pytest.mark.parametrize("name", [b"\xb7\xce.jpg", b"\xff\xfe\xfd.png", b"caf\xe9.jpg"])
def test_names_that_are_no_utf8_are_left_out(name):
    put("ink/a.jpg")
    try:
        Path(os.fsdecode(b"pictures/ink/" + name)).write_bytes(b"")
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    assert list_files(ROOT) == Listing({"ink/a.jpg": "ink/a.jpg"}, [(os.fsdecode(b"ink/" + name), "name_is_no_utf8")])


def test_each_file_in_a_folder_whose_name_is_no_utf8_is_left_out():
    folder = ROOT / os.fsdecode(b"\xb7\xce")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"")
    assert [reason for _, reason in list_files(ROOT).left_out] == ["name_is_no_utf8"] * 2


# Names.


@pytest.mark.parametrize("label", ["로맨스", "Größe", "ガンダム", "19+", "<x> 'q'", "🙂"])
def test_a_file_has_the_same_name_on_every_system(label):
    put(f"{nfd(label)}/{nfd('é')}.jpg")
    assert list_files(ROOT).files == {f"{label}/é.jpg": f"{nfd(label)}/{nfd('é')}.jpg"}


def test_of_files_with_one_name_all_but_the_one_in_nfc_are_left_out():
    put(nfd("로맨스/a.jpg"), "로맨스/a.jpg", nfd("로맨스/b.jpg"))
    if len([*ROOT.iterdir()]) == 1:
        pytest.skip("the file system compares names in one form")
    assert list_files(ROOT) == Listing(
        {"로맨스/a.jpg": "로맨스/a.jpg", "로맨스/b.jpg": nfd("로맨스/b.jpg")}, [(nfd("로맨스/a.jpg"), "same_name")]
    )


@pytest.mark.parametrize(
    ("name", "picture"),
    [("a.jpg", True), ("a.JPG", True), ("a.b.JpEg", True), ("a.gif", True), ("a.webp", True), ("a.png.txt", False),
     ("jpg", False), ("Thumbs.db", False)],
)  # fmt: skip
def test_a_picture_is_a_file_with_a_known_ending(name, picture):
    assert is_picture(name) is picture


# The folder.


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert picture_folder("~/pictures") == tmp_path / "pictures"


@pytest.mark.parametrize("path", ["nowhere", "~no_such_user/pictures", "~/nowhere", "pictures/a.jpg"])
def test_a_path_that_is_no_folder_is_an_error(path):
    put("a.jpg")
    with pytest.raises(InputError) as error:
        picture_folder(path)
    assert str(error.value) == (
        f"crawl.folder.path is {path!r}, which is no folder; create it and put <label>/<files> into it"
    )


def test_only_a_file_has_a_size():
    put("a.jpg")
    link("gone", "nowhere")
    assert [file_size(ROOT / name) for name in ("a.jpg", "gone", ".", "none", "x" * 300)] == [5, None, None, None, None]
