"""manifest.csv in a folder of pictures: its rows, or one line of error that names every row whose meaning is in doubt.

The text is UTF-8, UTF-16 with a byte order mark, or cp949; cells are separated by commas, semicolons or tabs, as the header tells.
The csv module is not used: it reads a quote that is not closed as one long cell, and so loses rows.
"""

import codecs
import difflib
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.names import nfc

MANIFEST = "manifest.csv"
COLUMNS = ("path", "label", "title_id", "title", "author", "star_score")
SEPARATORS = ",;\t"
LINE_BREAK = re.compile("[\n\v\f\x1c-\x1e\x85\u2028\u2029]")
SIMILAR = 0.8  # of difflib's ratio: "labels" is meant to be "label", "subtitle" is not "title"
SHOWN_COMPLAINTS = 10
SHOWN_CHARACTERS = 60
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a row, stripped, and whether each one is in quotes."""

    line: int
    cells: list[str]
    quoted: list[bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A picture: its name, and the path of its file, relative to the folder; `cells` are the known columns that are not empty.

    Everything but `file` is in NFC. Where there is no manifest, the line is 0.
    """

    line: int
    path: str
    file: str
    cells: dict[str, str]


Item = TypeVar("Item", Record, Row)
Result = TypeVar("Result")


class Complaints:
    """What is wrong with the rows of a manifest, to be raised together."""

    def __init__(self, manifest: Path):
        self.manifest = manifest
        self.by_line: list[tuple[int, str]] = []

    def collect(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return the results of `function`; an item for which it raises InputError becomes a complaint."""
        results = []
        for item in items:
            try:
                results.append(function(item))
            except InputError as error:
                self.by_line.append((item.line, str(error)))
        return results

    def check(self) -> None:
        """Raise InputError with the first complaints, if there are any."""
        lines = [f"line {line}: {text}" for line, text in sorted(self.by_line)]
        more = len(lines) - SHOWN_COMPLAINTS
        if lines:
            text = "; ".join(lines[:SHOWN_COMPLAINTS])
            raise InputError(f"{self.manifest} {text}" + (f"; and {more} more" if more > 0 else ""))


def read_manifest(path: Path, files: Mapping[str, str]) -> tuple[list[Row], Complaints]:
    """Read the rows that have no complaint, and the complaints; `files` are the paths in the folder by their names.

    InputError where the text is no CSV, the column `path` is missing, a column is given twice or no row is below the header.
    """
    header, *records = read_records(decode(path.read_bytes(), path)) or [Record(1, [], [])]
    complaints = Complaints(path)
    complaints.collect(check_quotes, [header])
    complaints.check()
    columns = read_columns(header, path)
    rows = complaints.collect(lambda record: read_row(record, columns, files), records)
    if not records:
        raise InputError(f"{path} has no row below its header; list the pictures, or delete the file")
    first: dict[str, int] = {}
    complaints.collect(lambda row: check_repeated(row, first.setdefault(row.path, row.line)), rows)
    return rows, complaints


def decode(data: bytes, path: Path) -> str:
    """Decode the bytes of a manifest; InputError where they are no text."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ["utf-16"] if utf16 else ["utf-8-sig", "cp949"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise InputError(f"{path} has NUL bytes, so it is no CSV; save it as CSV in UTF-8")
        if encoding == "cp949":
            log.info("%s: read as cp949, since it is not UTF-8", path)
        return text
    raise InputError(f"{path} is text in none of UTF-8, UTF-16 and cp949; save it as CSV in UTF-8")


def read_records(text: str) -> list[Record]:
    """Split the text by the separator that gives its first row a column `path` and the most columns; blank rows are left out."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")

    def rank(separator: str) -> tuple[bool, int]:
        header = next(split_records(lines, separator), Record(1, [], []))
        return "path" in map(column_name, header.cells), len(header.cells)

    blank = not lines.strip(f'{SEPARATORS}" \n')
    return [] if blank else list(split_records(lines, max(SEPARATORS, key=rank)))


def split_records(text: str, separator: str) -> Iterator[Record]:
    """Split text, whose lines end in \\n, into its rows that are not blank.

    A cell in quotes ends at a quote before a separator or a line's end; where there is none, the quotes are part of a plain cell.
    """
    end = f"[{separator}\n]|\\Z"
    cell = re.compile(f'(?: *"((?:[^"]|"")*+)" *(?={end})|([^{separator}\n]*))({end})')
    record, line = Record(1, [], []), 1
    for match in cell.finditer(text):
        quoted = match[1] is not None
        record.cells.append((match[1].replace('""', '"') if quoted else match[2]).strip())
        record.quoted.append(quoted)
        line += match[0].count("\n")
        if match[3] != separator:
            if any(record.cells):
                yield record
            record = Record(line, [], [])


def read_columns(header: Record, path: Path) -> list[str]:
    """Return the names of the columns, empty where they have none, and log those that are ignored."""
    names = [column_name(cell) for cell in header.cells]
    missing = [name for name in COLUMNS if name not in names]
    unknown = sorted(set(names) - {*COLUMNS, ""})
    if "path" in missing:
        raise InputError(f"{path} has the columns {', '.join(filter(None, names)) or '(none)'}; one must be path")
    if repeated := [name for name in COLUMNS if names.count(name) > 1]:
        raise InputError(f"{path} has the column {repeated[0]} {names.count(repeated[0])} times; keep one")
    for name in unknown:
        if similar := difflib.get_close_matches(name, missing, 1, SIMILAR):
            raise InputError(f"{path} has the column {name} (did you mean {similar[0]}?); rename or delete it")
    if unknown:
        log.info("%s: ignored columns: %s (known: %s)", path, ", ".join(unknown), ", ".join(COLUMNS))
    return names


def column_name(cell: str) -> str:
    """Return a header cell in lower case, with underscores: "Title ID" is title_id."""
    return "_".join(re.split(r"[\s_-]+", nfc(cell).casefold()))


def read_row(record: Record, columns: list[str], files: Mapping[str, str]) -> Row:
    """Return a row; InputError where it may mean something else than its cells say, or its path leads out of the folder."""
    check_quotes(record)
    check_width(record, columns)
    cells = {name: nfc(cell) for name, cell in zip(columns, record.cells, strict=False) if cell}
    for name, cell in cells.items():
        if LINE_BREAK.search(cell) and (name in COLUMNS or names_picture(cell, files)):
            raise InputError(f"{name} has a line break: {show(cell)}; close its quote, or delete the line break")
    path = clean_path(cells.get("path", ""), files)
    known = {name: cells[name] for name in COLUMNS if name in cells}
    return Row(record.line, path, files.get(path) or checked_path(path), known)


def check_quotes(record: Record) -> None:
    """Raise InputError where a cell without quotes around it has some, and the separators beside it may be text."""
    plain = [cell for cell, quoted in zip(record.cells, record.quoted, strict=True) if '"' in cell and not quoted]
    opened = [cell for cell in plain if cell.startswith('"')]
    halves = [cell for cell in plain if cell.count('"') % 2]  # one alone is text, such as 12" mix
    if opened or len(halves) > 1:
        cell = (opened or halves)[0]
        raise InputError(f"a quote of {show(cell)} is not closed, or opens or ends in the middle; correct the quotes")


def check_width(record: Record, columns: list[str]) -> None:
    """Raise InputError where a row has more cells than the header, or one that is not empty after the last column with a name."""
    named = max(number for number, name in enumerate(columns, start=1) if name)
    if len(record.cells) > len(columns) or any(record.cells[named:]):
        cells = f"{len(record.cells)} cells for {named} columns"
        raise InputError(f"{cells}; put a cell with a separator in it into quotes, or delete a cell")


def names_picture(cell: str, files: Mapping[str, str]) -> bool:
    """Whether a line of the cell looks like a row of the manifest: several cells, one of them in `files`."""
    rows = [re.split(f"[{SEPARATORS}]", line) for line in cell.split("\n")]
    return any(clean_path(item.strip(' "'), files) in files for row in rows if len(row) > 1 for item in row)


def clean_path(text: str, files: Mapping[str, str]) -> str:
    """Return a path without `.` and doubled slashes; a backslash is a slash, unless the name of one of `files` has it."""
    return text if text in files else str(PurePosixPath(text.replace("\\", "/")))


def checked_path(path: str) -> str:
    """Return `path`, which is in no list of files; InputError where it is empty or leads out of the folder."""
    if path == ".":
        raise InputError("path is empty; name the picture relative to the folder")
    if path.startswith("/") or ".." in path.split("/") or re.match("[A-Za-z]:/", path):
        raise InputError(f"path {path!r} leads out of the folder; name the picture relative to the folder")
    return path


def check_repeated(row: Row, first: int) -> None:
    """Raise InputError where an earlier row, in line `first`, has the same path."""
    if row.line != first:
        raise InputError(f"{row.path} is listed twice, first in line {first}; delete one of the rows")


def show(cell: str) -> str:
    """Return a cell as it is written in Python, shortened."""
    return repr(cell if len(cell) <= SHOWN_CHARACTERS else cell[:SHOWN_CHARACTERS] + "…")
