"""Pictures in a local folder: <folder>/<label>/<files>, with an optional <folder>/manifest.csv.

The manifest has a row a picture, with a column `path` (relative to the folder) and the optional columns label, title_id, title,
author, star_score. It lists all pictures: files that it does not name are left out. A picture's label is the manifest's, or else
the first folder of its path. Pictures with the same title_id are one title; without that column, those with the same title;
otherwise each picture is a separate title. Files that are no pictures are counted. Names are stored in NFC, so that ids and labels
are equal on every system. docs/own-pictures.md lists what is read, left out and refused.
"""

import errno
import logging
import math
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from statistics import fmean

from pydantic import Field

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.names import nfc
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import track
from webtoon_genre.crawl.listing import ENDINGS, Listing, file_size, is_picture, list_files, picture_folder
from webtoon_genre.crawl.manifest import MANIFEST, Complaints, Row, read_manifest
from webtoon_genre.crawl.shared_files import Size, name_files
from webtoon_genre.crawl.source import CrawlParams, CrawlResult, Episode, Picture, Title, validated
from webtoon_genre.crawl.store import Store

SPREADSHEET_NUMBER = re.compile(r"(\d+)[.,]00?", re.ASCII)  # 183559 where a column has empty cells or two decimals
SHORTENED_NUMBER = re.compile(r"\d([.,]\d+)?E\+\d+", re.ASCII | re.IGNORECASE)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture and its metadata; `path` is its name in NFC, and `file` that on disk, relative to the folder, with forward slashes."""

    path: str
    file: str
    label: str
    title_id: int
    title: str
    author: str | None
    star_score: float | None


class Params(Section):
    """params.yaml: crawl.folder."""

    path: str = Field(min_length=1)


def collect(params: Params, common: CrawlParams, store: Store) -> CrawlResult:
    """Stage all pictures of the folder, file by file, and return their rows."""
    folder = picture_folder(params.path)
    result = CrawlResult("folder", retryable=False)
    titles: dict[int, list[Entry]] = {}
    for entry in list_entries(folder, result.left_out):
        titles.setdefault(entry.title_id, []).append(entry)
    files = name_files({title_id: size_of(folder, titles[title_id], common.max_bytes) for title_id in titles})
    result.files = {title_id: name for name, title_ids in files.items() for title_id in title_ids}
    for name, title_ids in track(files.items(), len(files), "crawl", "files"):
        pictures: dict[int, list[Picture]] = {}
        for title_id in title_ids:
            entries = sorted(titles[title_id], key=lambda entry: entry.path)
            rows, pictures[title_id] = read_title(folder, entries, common.max_bytes)
            result.add(title_of(entries), rows)
        store.stage_file(name, pictures)
    return result


def size_of(folder: Path, entries: Iterable[Entry], max_bytes: int) -> Size:
    """Return the size of a title; pictures above the limit are not stored."""
    sizes = [file_size(folder / entry.file) or 0 for entry in entries]
    return Size(len(sizes), sum(size for size in sizes if size <= max_bytes))


def list_entries(folder: Path, left_out: Counter[str]) -> list[Entry]:
    """List the pictures; `left_out` counts the other files by reason."""
    listing = list_files(folder)
    log_left_out(folder, listing)
    left_out.update(reason for _, reason in listing.left_out)
    if name := find_manifest(folder, listing):
        rows, complaints = locate_rows(folder, name, listing)
        left_out["not_in_manifest"] += len(listing.files.keys() - {name, *(row.path for row in rows)})
    else:
        rows = [Row(0, path, file, {}) for path, file in listing.files.items() if "/" in path]
        complaints = Complaints(folder)
        left_out["no_label"] += len(listing.files) - len(rows)
    pictures = [row for row in rows if is_picture(row.path)]
    left_out["unknown_ending"] += len(rows) - len(pictures)
    entries = complaints.collect(entry_of, pictures)
    complaints.check()
    if not entries:
        counts = ", ".join(f"{count} {reason}" for reason, count in sorted((+left_out).items()))
        raise InputError(
            f"{folder} holds no picture ({', '.join(ENDINGS)}) under <label>/; add some (left out: {counts or 'nothing'})"
        )
    return entries


def find_manifest(folder: Path, listing: Listing) -> str | None:
    """Return the name of the manifest, in any case, or None; InputError where there are two, or it cannot be read."""
    for path, reason in listing.left_out:
        if path.casefold() == MANIFEST:
            raise InputError(f"{folder / path} cannot be read ({reason}); replace or delete it")
    names = [path for path in listing.files if path.casefold() == MANIFEST]
    if len(names) > 1:
        raise InputError(f"{folder} has the manifests {', '.join(names)}; keep one")
    return names[0] if names else None


def log_left_out(folder: Path, listing: Listing) -> None:
    """Log a line for each reason why files are left out, with the first path."""
    first = {reason: path for path, reason in reversed(listing.left_out)}
    for reason, count in sorted(Counter(reason for _, reason in listing.left_out).items()):
        log.warning("%s: left out as %s: %s, the first %r", folder, reason, count, first[reason])


def locate_rows(folder: Path, name: str, listing: Listing) -> tuple[list[Row], Complaints]:
    """Read the manifest `name`; return the rows of files that exist, and the complaints about all rows."""
    rows, complaints = read_manifest(folder / name, listing.files)
    reasons = {nfc(path): reason for path, reason in listing.left_out}
    ids = {row.cells["title"]: row for row in reversed(rows) if {"title", "title_id"} <= row.cells.keys()}
    complaints.collect(lambda row: check_title(row, ids), rows)
    return complaints.collect(lambda row: locate(folder, row, listing.files, reasons), rows), complaints


def check_title(row: Row, ids: Mapping[str, Row]) -> None:
    """Raise InputError for a row without title_id whose title has one in a row of `ids`: one title would become two."""
    if "title_id" not in row.cells and (other := ids.get(row.cells.get("title", ""))):
        title, title_id = other.cells["title"], other.cells["title_id"]
        raise InputError(f"title {title!r} has no title_id, but {title_id!r} in line {other.line}; enter it in both")


def locate(folder: Path, row: Row, files: Mapping[str, str], reasons: Mapping[str, str]) -> Row:
    """Return `row` with the path of its file on disk, which may be one that a listing leaves out: hidden, or by a second link."""
    if row.path in files:
        return row
    parents = [str(parent) for parent in PurePosixPath(row.path).parents]
    for path in [row.path, *parents]:
        if reasons.get(path, "repeated_folder") != "repeated_folder":
            raise InputError(
                f"{row.path} cannot be read ({path} is left out as {reasons[path]}); mend it or delete the row"
            )
    for file in (row.path, unicodedata.normalize("NFD", row.path)):
        if file_size(folder / file) is not None:
            return replace(row, file=file)
    raise InputError(f"{row.path} is not in {folder}; add the file or delete the row")


def entry_of(row: Row) -> Entry:
    """Return a picture with its label, title and score."""
    label = row.cells.get("label") or row.path.rpartition("/")[0].partition("/")[0]
    if not label:
        raise InputError(f"{row.path} has no label; add one, or move the file into a folder with the label's name")
    title_id, title = row.cells.get("title_id"), row.cells.get("title")
    return Entry(
        path=row.path,
        file=row.file,
        label=label,
        title_id=parse_title_id(title_id)
        if title_id
        else digest("title", title)
        if title
        else digest("path", row.path),
        title=title or title_id or row.path,
        author=row.cells.get("author"),
        star_score=parse_score(row),
    )


def parse_title_id(title_id: str) -> int:
    """Return a decimal title_id as it is (183559.0 is 183559), any other text as a digest; InputError where digits are lost."""
    if SHORTENED_NUMBER.fullmatch(title_id):
        raise InputError(f"title_id is {title_id!r}, as a spreadsheet shortens a number; enter all its digits")
    text = match[1] if (match := SPREADSHEET_NUMBER.fullmatch(title_id)) else title_id
    if text.isascii() and text.isdigit() and len(text.lstrip("0")) < 20 and int(text) < 2**63:
        return int(text)
    return digest("title_id", text)


def digest(kind: str, text: str) -> int:
    """Return a positive 48-bit number that is always the same for the same text."""
    return int.from_bytes(blake2b(f"{kind}/{text}".encode(), digest_size=6).digest()) or 1


def parse_score(row: Row) -> float | None:
    """Return the star score in 0..10, or None where there is none; 9,95 is 9.95."""
    text = row.cells.get("star_score")
    if text is None:
        return None
    try:
        value = float(text if "." in text else text.replace(",", ".", 1))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 10 or "_" in text:
        raise InputError(f"star_score is {text!r}; enter a number from 0 to 10, or leave it empty")
    return value


def title_of(entries: Sequence[Entry]) -> Title:
    """Return the title of `entries` (in order of path); its score is the mean of theirs."""
    scores = [entry.star_score for entry in entries if entry.star_score is not None]
    return Title(
        title_id=entries[0].title_id,
        title=entries[0].title,
        authors=tuple(dict.fromkeys(entry.author for entry in entries if entry.author)),
        genres=tuple(sorted({entry.label for entry in entries})),
        star_score=fmean(scores) if scores else None,
        adult=False,
        source="folder",
    )


def read_title(folder: Path, entries: Iterable[Entry], max_bytes: int) -> tuple[list[Episode], list[Picture]]:
    """Return rows and pictures of one title, numbered from 1 in the order of `entries`."""
    rows, pictures = [], []
    for no, entry in enumerate(entries, start=1):
        row = Episode(entry.title_id, no, entry.label, None, None, entry.star_score, entry.path)
        image = read_picture(folder / entry.file, max_bytes)
        rows.append(replace(row, status="unreadable") if image is None else validated(row, image, max_bytes))
        if image and rows[-1].sha256:
            pictures.append(Picture(no, entry.path, image))
    return rows, pictures


def read_picture(path: Path, max_bytes: int) -> bytes | None:
    """Read a file, of a larger one the first max_bytes + 1; None where it cannot be read, as after a change since it was listed."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            return file.read(min(os.fstat(file.fileno()).st_size, max_bytes) + 1) or b""
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        log.warning("%s: %s; the picture is left out", path, error.strerror)
        return None
