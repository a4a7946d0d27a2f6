"""The files of a folder of pictures, and those left out by reason; it opens no file, so that no pipe can block it.

Links are followed. A folder that several paths reach is listed once, and a path without links comes before one with links, so
that a label is the name of the real folder and a loop of links ends. Hidden files and folders are ignored.
"""

import contextlib
import os
import re
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.names import nfc

ENDINGS = (".gif", ".jpeg", ".jpg", ".png", ".webp")
FOLDER, LINKED_FOLDER, FILE = "folder", "linked_folder", "file"  # kinds of directory entries; other kinds are reasons
UNDECODED = re.compile("[\udc80-\udcff]")  # how Python writes a byte of a name that is no UTF-8


@dataclass(frozen=True)
class Listing:
    """Paths relative to the folder, with forward slashes: `files` by their name in NFC, `left_out` with a reason (a slug)."""

    files: dict[str, str]
    left_out: list[tuple[str, str]]


def picture_folder(path: str) -> Path:
    """Return the folder that crawl.folder.path names, with `~` expanded; InputError where it is no folder."""
    folder = Path(path)
    with contextlib.suppress(RuntimeError):  # ~name of an unknown user
        folder = folder.expanduser()
    if not folder.is_dir():
        raise InputError(
            f"crawl.folder.path is {path!r}, which is no folder; create it and put <label>/<files> into it"
        )
    return folder


def list_files(folder: Path) -> Listing:
    """List all files below `folder`."""
    paths: dict[str, deque[str]] = {FOLDER: deque([""]), LINKED_FOLDER: deque(), FILE: deque()}
    left_out: list[tuple[str, str]] = []
    seen: set[tuple[int, int]] = set()
    while pending := paths[FOLDER] or paths[LINKED_FOLDER]:
        parent = pending.popleft()
        entries = enter(folder / parent, seen)
        if isinstance(entries, str):
            left_out.append((parent, entries))
            continue
        for entry in entries:
            path, kind = f"{parent}/{entry.name}".lstrip("/"), kind_of(entry)
            if kind in paths:
                paths[kind].append(path)
            else:
                left_out.append((path, kind))
    return Listing(name_files(paths[FILE], left_out), left_out)


def enter(folder: Path, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]] | str:
    """Return the entries of `folder` that are not hidden, by name, or the reason why it is left out; add the folder to `seen`."""
    try:
        status = folder.stat()
        with os.scandir(folder) as entries:
            visible = sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name
            )
    except OSError:
        return "unreadable"
    if (key := (status.st_dev, status.st_ino)) in seen:
        return "repeated_folder"
    seen.add(key)
    return visible


def kind_of(entry: os.DirEntry[str]) -> str:
    """Return FOLDER, LINKED_FOLDER or FILE (links followed), or the reason why the entry is left out."""
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        return "broken_link" if entry.is_symlink() and not isinstance(error, PermissionError) else "unreadable"
    if stat.S_ISDIR(mode):
        return LINKED_FOLDER if entry.is_symlink() else FOLDER
    if not stat.S_ISREG(mode):
        return "not_a_file"
    return FILE if os.access(entry.path, os.R_OK) else "unreadable"


def name_files(paths: Iterable[str], left_out: list[tuple[str, str]]) -> dict[str, str]:
    """Return `paths` by their names in NFC, sorted; of several with one name the first, and that in NFC before all others."""
    files: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: (nfc(path) != path, path)):
        if not is_utf8(path):
            left_out.append((path, "name_is_no_utf8"))  # Parquet and JSON store UTF-8
        elif nfc(path) in files:
            left_out.append((path, "same_name"))
        else:
            files[nfc(path)] = path
    return dict(sorted(files.items()))


def is_utf8(name: str) -> bool:
    """Whether a name, as Python decodes it, was UTF-8 on disk."""
    return UNDECODED.search(name) is None


def file_size(path: Path) -> int | None:
    """Return the size of a file in bytes, or None where the path is no file or cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def is_picture(path: str) -> bool:
    """Whether the ending of a file's name is that of a picture."""
    return path.lower().endswith(ENDINGS)
