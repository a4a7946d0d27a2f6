"""Journal of an unfinished crawl: answers and pictures in one SQLite file, each complete or absent.

A kill at any moment loses only what was in transit. Pictures stay until their title is complete and staged. Answers stay until the
crawl has ended, so that a crawl that resumes after a kill requests none of them again. The journal does not interpret answers.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from webtoon_genre.core.errors import InputError

VERSION = 1  # of the tables below; a file of another version is replaced
FRESH = 86_400.0  # seconds for which an answer is reused; after a day the lists have changed
Key = tuple[int, str]  # an episode's number and its thumbnail's address
TABLES = f"""
create table if not exists scope (name text not null);
create table if not exists answers (url text primary key, body blob not null, at real not null) without rowid;
create table if not exists pictures (title_id integer, no integer, url text, image blob, refused text,
                                     primary key (title_id, no, url));
pragma user_version = {VERSION};
"""
DISK_ERRORS = {  # primary codes of errors of the disk: the file is intact, and stays
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
log = logging.getLogger(__name__)


class Journal:
    """The journal at `path` for a crawl of `scope`; answers of another scope (another site or day) are deleted."""

    def __init__(self, path: Path, scope: str):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.db = open_scope(path, scope)
        except sqlite3.DatabaseError as error:
            if is_disk_error(error):
                raise write_error(path, error) from None
            log.warning("%s is unusable (%s); a new journal replaces it", path, error)  # damaged, or of another version
            remove(path)
            self.db = open_scope(path, scope)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            return self.db.execute(statement, values)
        except sqlite3.DatabaseError as error:
            if is_disk_error(error):
                raise write_error(self.path, error) from None
            raise

    def answer(self, url: str) -> bytes | None:
        """Return the stored answer of `url`, or None if there is none or it is too old."""
        row = self._execute("select body from answers where url = ?", (url,)).fetchone()
        return row[0] if row else None

    def save_answer(self, url: str, body: bytes) -> None:
        """Store the usable answer of `url`."""
        self._execute("insert or replace into answers values (?, ?, ?)", (url, body, time.time()))

    def pictures(self, title_id: int) -> dict[Key, bytes]:
        """Return a title's pictures."""
        rows = self._execute(
            "select no, url, image from pictures where title_id = ? and image is not null", (title_id,)
        )
        return {(no, url): image for no, url, image in rows}

    def refusals(self, title_id: int) -> dict[Key, str]:
        """Return the reasons for which a title's other thumbnails were refused permanently."""
        rows = self._execute(
            "select no, url, refused from pictures where title_id = ? and refused is not null", (title_id,)
        )
        return {(no, url): reason for no, url, reason in rows}

    def save_picture(self, title_id: int, key: Key, image: bytes) -> None:
        """Store a picture."""
        self._execute("insert or replace into pictures values (?, ?, ?, ?, null)", (title_id, *key, image))

    def save_refusal(self, title_id: int, key: Key, reason: str) -> None:
        """Store that a thumbnail has no usable picture."""
        self._execute("insert or replace into pictures values (?, ?, ?, null, ?)", (title_id, *key, reason))

    def delete_pictures(self, title_id: int) -> None:
        """Delete a title's pictures, once they are staged."""
        self._execute("delete from pictures where title_id = ? and image is not null", (title_id,))

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def is_disk_error(error: sqlite3.DatabaseError) -> bool:
    """Whether the disk is the cause (full, read-only), and not the content of the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DISK_ERRORS


def write_error(path: Path, error: sqlite3.DatabaseError) -> InputError:
    """Describe a journal that cannot be written; SQLite does not always tell a full disk from a read-only one."""
    return InputError(
        f"{path} cannot be written ({error}); free some space or make it writable and run again: fetched data is kept"
    )


def open_database(path: Path) -> sqlite3.Connection:
    """Open a connection in which each statement is a transaction; a kill leaves it done or undone."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("pragma journal_mode = wal")
        # no wait for the disk; a power cut loses the last statements, never earlier ones
        db.execute("pragma synchronous = normal")
        [[version]] = db.execute("pragma user_version")
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"its tables have version {version}, not {VERSION}")
        db.executescript(TABLES)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def open_scope(path: Path, scope: str) -> sqlite3.Connection:
    """Open the database and delete what belongs to another scope or another day."""
    db = open_database(path)
    try:
        if db.execute("select name from scope").fetchall() != [(scope,)]:
            db.executescript("delete from scope; delete from answers; delete from pictures where image is null")
            db.execute("insert into scope values (?)", (scope,))
        db.execute("delete from answers where at < ?", (time.time() - FRESH,))
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def remove(path: Path) -> None:
    """Delete a journal with its write-ahead log."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        file.unlink(missing_ok=True)


def delete_refusals(path: Path) -> None:
    """Delete the refusals in the journal at `path`, if it exists: the next crawl may get another answer."""
    if path.is_file():
        with suppress(sqlite3.DatabaseError), closing(open_database(path)) as db:  # a damaged one is replaced anyway
            db.execute("delete from pictures where image is null")


def count_pictures(path: Path) -> tuple[int, int]:
    """Return the number of pictures in the journal at `path`, and their bytes; the file stays unchanged."""
    if not path.is_file():
        return 0, 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows: Iterator[tuple[int, int]] = db.execute(
                "select count(image), coalesce(sum(length(image)), 0) from pictures"
            )
            [counts] = rows
            return counts
    except sqlite3.DatabaseError:
        return 0, 0
