"""Pictures in a local folder: <folder>/<label>/<files>, with an optional <folder>/manifest.csv.

The manifest has a row a picture, with a column `path` (relative to the folder) and the optional columns label, title_id, title,
author, star_score. It lists all pictures: files that it does not name are left out. A picture's label is the manifest's, or else
the first folder of its path. Pictures with the same title_id are one title; without that column, those with the same title;
otherwise each picture is a separate title. Files that are no pictures are counted.
"""

import csv
import logging
import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from statistics import fmean

from pydantic import Field

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import track
from webtoon_genre.crawl.source import CrawlParams, CrawlResult, Episode, Picture, Title, validated
from webtoon_genre.crawl.store import Store

MANIFEST = "manifest.csv"
COLUMNS = ("path", "label", "title_id", "title", "author", "star_score")
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".gif"}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture and its metadata; `path` is relative to the folder, with forward slashes."""

    path: str
    label: str
    title_id: int
    title: str
    author: str | None
    star_score: float | None


class Params(Section):
    """params.yaml: crawl.folder."""

    path: str = Field(min_length=1)


def collect(params: Params, common: CrawlParams, store: Store) -> CrawlResult:
    """Stage all pictures of the folder, title by title, and return their rows."""
    folder = Path(params.path)
    if not folder.is_dir():
        raise InputError(
            f"crawl.folder.path is {str(folder)!r}, which is no folder; create it and put <label>/<files> into it"
        )
    result = CrawlResult("folder", retryable=False)
    titles: dict[int, list[Entry]] = {}
    for entry in list_entries(folder, result.left_out):
        titles.setdefault(entry.title_id, []).append(entry)
    for title_id in track(sorted(titles), len(titles), "crawl", "titles"):
        entries = sorted(titles[title_id], key=lambda entry: entry.path)
        rows, pictures = read_title(folder, entries, common.max_bytes)
        store.stage(title_id, pictures)
        result.add(title_of(entries), rows)
    return result


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the manifest, or a file without a manifest; `origin` names it in errors, `cells` has no empty cells."""

    path: str
    origin: str
    cells: dict[str, str]


def list_entries(folder: Path, left_out: Counter[str]) -> list[Entry]:
    """List the pictures; `left_out` counts the other files by reason."""
    files = list_files(folder)
    if MANIFEST in files:
        files.remove(MANIFEST)
        rows = read_manifest(folder / MANIFEST)
        for row in rows:
            if not (folder / row.path).is_file():
                raise InputError(f"{row.origin}: {row.path} is not in {folder}; add the file or delete the row")
        left_out["not_in_manifest"] += len(files - {row.path for row in rows})
    else:
        left_out["no_label"] += sum("/" not in path for path in files)
        rows = [Row(path, path, {}) for path in files if "/" in path]
    pictures = [row for row in rows if PurePosixPath(row.path).suffix.lower() in ENDINGS]
    left_out["unknown_ending"] += len(rows) - len(pictures)
    if not pictures:
        raise InputError(f"{folder} holds no picture ({', '.join(sorted(ENDINGS))}) under <label>/; add some")
    return [entry_of(row) for row in pictures]


def list_files(folder: Path) -> set[str]:
    """Return the paths of all files below `folder`, relative to it, except hidden files and those in hidden folders."""
    paths: set[str] = set()
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        parent = Path(root).relative_to(folder)
        paths |= {(parent / name).as_posix() for name in names if not name.startswith(".")}
    return paths


def read_manifest(path: Path) -> list[Row]:
    """Read the manifest's rows; a repeated path is an error."""
    rows: dict[str, Row] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            check_columns(path, reader.fieldnames or [])
            for cells in reader:
                row = read_row(f"{path} line {reader.line_num}", cells)
                if row.path in rows:
                    raise InputError(f"{row.origin}: {row.path} is listed twice, first at {rows[row.path].origin}")
                rows[row.path] = row
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV in UTF-8: {error}") from None
    return [*rows.values()]


def check_columns(path: Path, names: Sequence[str]) -> None:
    """Require the column `path` in the manifest, and log the unknown columns."""
    if "path" not in names:
        raise InputError(f"{path} has the columns {', '.join(names) or '(none)'}; one must be path")
    if unknown := sorted(set(names) - set(COLUMNS)):
        log.info("%s: ignored columns: %s (known: %s)", path, ", ".join(unknown), ", ".join(COLUMNS))


def read_row(origin: str, cells: dict[str, str | None]) -> Row:
    """Read one row, and check and normalise its path."""
    values = {name: cells[name].strip() for name in COLUMNS if (cells.get(name) or "").strip()}  # type: ignore[union-attr]
    path = PurePosixPath(values.get("path", ""))
    if not path.parts:
        raise InputError(f"{origin}: path is empty; name the picture relative to the folder")
    if path.is_absolute() or ".." in path.parts:
        raise InputError(
            f"{origin}: path {str(path)!r} leads out of the folder; name the picture relative to the folder"
        )
    return Row(str(path), origin, values)


def entry_of(row: Row) -> Entry:
    """Return a picture with its label, title and score."""
    parts = PurePosixPath(row.path).parts
    label = row.cells.get("label") or (parts[0] if len(parts) > 1 else "")
    if not label:
        raise InputError(
            f"{row.origin}: {row.path} has no label; add one, or move the file into a folder with the label's name"
        )
    title_id, title = row.cells.get("title_id"), row.cells.get("title")
    return Entry(
        path=row.path,
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
    """Return a decimal title_id as it is, any other text as a digest."""
    if title_id.isascii() and title_id.isdigit() and int(title_id) < 2**63:
        return int(title_id)
    return digest("title_id", title_id)


def digest(kind: str, text: str) -> int:
    """Return a positive 48-bit number that is always the same for the same text."""
    return int.from_bytes(blake2b(f"{kind}/{text}".encode(), digest_size=6).digest()) or 1


def parse_score(row: Row) -> float | None:
    """Return the star score in 0..10, or None where there is none."""
    text = row.cells.get("star_score")
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 10:
        raise InputError(f"{row.origin}: star_score is {text!r}; enter a number from 0 to 10, or leave it empty")
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
        image = (folder / entry.path).read_bytes()
        row = Episode(entry.title_id, no, entry.label, None, None, entry.star_score, entry.path)
        rows.append(validated(row, image, max_bytes))
        if rows[-1].sha256:
            pictures.append(Picture(no, entry.path, image))
    return rows, pictures
