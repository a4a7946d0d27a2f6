"""What a crawl under way was given already: answers and pictures in one SQLite file, each there whole or not at all.

A kill at any moment loses only what was still on its way. Pictures stay until their title is complete and staged; answers
stay until the crawl has ended, so that the one that goes on after a kill asks for none of them again. Nothing here knows what
an answer means.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from webtoon_genre.core.errors import InputError

VERSION = 1  # of the tables below; a file of another version is begun anew
FRESH = 86_400.0  # seconds that an answer serves a crawl that goes on; after a day the lists have changed
Key = tuple[int, str]  # an episode's number and its thumbnail's address
TABLES = f"""
create table if not exists scope (name text not null);
create table if not exists answers (url text primary key, body blob not null, at real not null) without rowid;
create table if not exists pictures (title_id integer, no integer, url text, image blob, refused text,
                                     primary key (title_id, no, url));
pragma user_version = {VERSION};
"""
DISK = {  # primary codes of errors that are the disk's: the file is whole, and stays
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
log = logging.getLogger(__name__)


class Journal:
    """The journal at `path` for a crawl of `scope`: answers to a crawl of another scope (another site or day) are forgotten."""

    def __init__(self, path: Path, scope: str):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.db = scoped(path, scope)
        except sqlite3.DatabaseError as error:
            if of_disk(error):
                raise unwritable(path, error) from None
            log.warning("%s is begun anew (%s)", path, error)  # damaged, or of another version
            remove(path)
            self.db = scoped(path, scope)

    def _do(self, statement: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            return self.db.execute(statement, values)
        except sqlite3.DatabaseError as error:
            if of_disk(error):
                raise unwritable(self.path, error) from None
            raise

    def answer(self, url: str) -> bytes | None:
        """The body that was given for `url`, None if there is none or it is too old."""
        row = self._do("select body from answers where url = ?", (url,)).fetchone()
        return row[0] if row else None

    def keep_answer(self, url: str, body: bytes) -> None:
        """Note the usable answer of `url`."""
        self._do("insert or replace into answers values (?, ?, ?)", (url, body, time.time()))

    def pictures(self, title_id: int) -> dict[Key, bytes]:
        """A title's pictures here."""
        rows = self._do("select no, url, image from pictures where title_id = ? and image is not null", (title_id,))
        return {(no, url): image for no, url, image in rows}

    def refused(self, title_id: int) -> dict[Key, str]:
        """Why a title's other thumbnails were refused for good."""
        rows = self._do("select no, url, refused from pictures where title_id = ? and refused is not null", (title_id,))
        return {(no, url): reason for no, url, reason in rows}

    def keep_picture(self, title_id: int, key: Key, image: bytes) -> None:
        """Note a picture."""
        self._do("insert or replace into pictures values (?, ?, ?, ?, null)", (title_id, *key, image))

    def keep_refusal(self, title_id: int, key: Key, reason: str) -> None:
        """Note that there is no picture to be had."""
        self._do("insert or replace into pictures values (?, ?, ?, null, ?)", (title_id, *key, reason))

    def forget_pictures(self, title_id: int) -> None:
        """Drop a title's pictures, which are staged by now."""
        self._do("delete from pictures where title_id = ? and image is not null", (title_id,))

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()


def of_disk(error: sqlite3.DatabaseError) -> bool:
    """Whether the disk is at fault (full, read-only), and not what is in the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in DISK


def unwritable(path: Path, error: sqlite3.DatabaseError) -> InputError:
    """The journal cannot be written; SQLite does not always tell a full disk from a read-only one."""
    return InputError(
        f"{path} cannot be written ({error}); free some space or make it writable and run again: "
        "what was fetched is kept"
    )


def opened(path: Path) -> sqlite3.Connection:
    """A connection in which each statement is a transaction; a kill leaves it done or undone."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("pragma journal_mode = wal")
        db.execute(
            "pragma synchronous = normal"
        )  # no wait for the disk; a power cut loses the last ones, never the rest
        [[version]] = db.execute("pragma user_version")
        if version not in (0, VERSION):
            raise sqlite3.DatabaseError(f"its tables have version {version}, not {VERSION}")
        db.executescript(TABLES)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def scoped(path: Path, scope: str) -> sqlite3.Connection:
    """`opened`, without what another scope or another day left."""
    db = opened(path)
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


def forget_refusals(path: Path) -> None:
    """Drop the refusals in the journal at `path`, if there is one: the next crawl may not meet them again."""
    if path.is_file():
        with suppress(sqlite3.DatabaseError), closing(opened(path)) as db:  # a damaged one is begun anew anyway
            db.execute("delete from pictures where image is null")


def counted(path: Path) -> tuple[int, int]:
    """How many pictures, and how many bytes of them, the journal at `path` holds; a look that changes nothing."""
    if not path.is_file():
        return 0, 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows: Iterator[tuple[int, int]] = db.execute(
                "select count(image), coalesce(sum(length(image)), 0) from pictures"
            )
            [found] = rows
            return found
    except sqlite3.DatabaseError:
        return 0, 0
