"""The journal of an unfinished crawl: kills, damage, other scopes, age; no crawl runs."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from webtoon_genre.crawl import journal
from webtoon_genre.crawl.journal import Journal, count_pictures, delete_refusals

FIRST, SECOND = (1, "url/1"), (2, "url/2")
WRITER = """
import sys
from pathlib import Path
from webtoon_genre.crawl.journal import Journal
journal = Journal(Path(sys.argv[1]), "scope")
for no in range(100_000):
    journal.save_picture(7, (no, f"url/{no}"), bytes([no % 256]) * 50_000)
    journal.save_answer(f"page/{no}", b"{}" * 1000)
    print(no, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "staged" / "journal.sqlite"


def fill(path: Path, scope: str = "scope") -> None:
    """Write a journal with an answer, a picture and a refusal, and close it."""
    with closing(Journal(path, scope)) as db:
        db.save_answer("page", b"{}")
        db.save_picture(7, FIRST, b"picture")
        db.save_refusal(7, SECOND, "http_404")


def test_a_reopened_journal_has_all_entries(path):
    fill(path)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") == b"{}"
        assert db.pictures(7) == {FIRST: b"picture"}
        assert db.refusals(7) == {SECOND: "http_404"}


def test_missing_entries_are_none_or_empty(path):
    with closing(Journal(path, "scope")) as db:
        assert (db.answer("page"), db.pictures(7), db.refusals(7)) == (None, {}, {})


def test_a_picture_replaces_a_refusal_and_the_other_way_round(path):
    with closing(Journal(path, "scope")) as db:
        db.save_refusal(7, FIRST, "http_404")
        db.save_picture(7, FIRST, b"picture")
        assert (db.pictures(7), db.refusals(7)) == ({FIRST: b"picture"}, {})
        db.save_refusal(7, FIRST, "too_large")
        assert (db.pictures(7), db.refusals(7)) == ({}, {FIRST: "too_large"})


def test_another_address_of_an_episode_is_another_picture(path):
    with closing(Journal(path, "scope")) as db:
        db.save_picture(7, (1, "url/1"), b"old")
        db.save_picture(7, (1, "url/1?v=2"), b"new")
        assert db.pictures(7) == {(1, "url/1"): b"old", (1, "url/1?v=2"): b"new"}


def test_deleting_a_title_s_pictures_keeps_its_refusals_and_other_titles(path):
    fill(path)
    with closing(Journal(path, "scope")) as db:
        db.save_picture(8, FIRST, b"another")
        db.delete_pictures(7)
        assert (db.pictures(7), db.refusals(7)) == ({}, {SECOND: "http_404"})
        assert db.pictures(8) == {FIRST: b"another"}


def test_another_scope_deletes_answers_and_refusals_and_keeps_pictures(path):
    fill(path)
    with closing(Journal(path, "another")) as db:
        assert (db.answer("page"), db.refusals(7)) == (None, {})
        assert db.pictures(7) == {FIRST: b"picture"}
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") is None


def test_answers_are_deleted_after_a_day_and_pictures_are_not(path, monkeypatch):
    fill(path)
    now = time.time()
    monkeypatch.setattr(journal.time, "time", lambda: now + journal.FRESH - 60)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") == b"{}"
    monkeypatch.setattr(journal.time, "time", lambda: now + journal.FRESH + 60)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") is None
        assert db.pictures(7) == {FIRST: b"picture"}


def test_refusals_can_be_deleted_alone(path):
    fill(path)
    delete_refusals(path)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") == b"{}"
        assert (db.pictures(7), db.refusals(7)) == ({FIRST: b"picture"}, {})


def test_deleting_refusals_creates_no_file(path):
    delete_refusals(path)
    assert not path.exists()


def test_a_process_killed_while_it_writes_leaves_all_completed_entries(path):
    arguments = [sys.executable, "-c", WRITER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as writer:
        completed = 0
        while completed < 40:
            completed = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert count_pictures(path)[0] > completed
    with closing(Journal(path, "scope")) as db:
        pictures = db.pictures(7)
        assert set(range(completed + 1)) <= {no for no, _ in pictures}
        assert all(image == bytes([no % 256]) * 50_000 for (no, _), image in pictures.items())
        assert db.answer(f"page/{completed}") == b"{}" * 1000


DAMAGE = {
    "no database": lambda path: path.write_bytes(b"this is no database" * 100),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeros": lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_journal_is_replaced_with_a_warning(path, caplog, name):
    fill(path)
    DAMAGE[name](path)
    with closing(Journal(path, "scope")) as db:
        assert (db.answer("page"), db.pictures(7)) == (None, {})
        db.save_picture(7, FIRST, b"picture")
        assert db.pictures(7) == {FIRST: b"picture"}
    assert f"{path} is unusable (" in caplog.text


def test_an_empty_file_is_an_empty_journal(path):
    path.parent.mkdir()
    path.touch()
    with closing(Journal(path, "scope")) as db:
        assert db.pictures(7) == {}


def test_a_journal_of_another_version_is_replaced_with_a_warning(path, caplog):
    fill(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 99")
    with closing(Journal(path, "scope")) as db:
        assert db.pictures(7) == {}
    assert (
        f"{path} is unusable (its tables have version 99, not {journal.VERSION}); a new journal replaces it"
        in caplog.text
    )


def test_deleting_refusals_of_a_damaged_file_is_no_error(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    delete_refusals(path)


def test_counting_changes_no_entry(path):
    fill(path)
    before = path.read_bytes()
    path.chmod(0o400)
    assert count_pictures(path) == (1, len(b"picture"))
    assert path.read_bytes() == before
    assert sum(file.stat().st_size for file in path.parent.glob("*-wal")) == 0


def test_counting_works_while_a_crawl_writes(path):
    with closing(Journal(path, "scope")) as db:
        db.save_picture(7, FIRST, b"picture")
        assert count_pictures(path) == (1, len(b"picture"))
        db.save_picture(7, SECOND, b"another")
        assert count_pictures(path)[0] == 2


def test_counting_an_absent_or_damaged_file_gives_zero_and_creates_no_file(path):
    assert count_pictures(path) == (0, 0)
    assert not path.exists()
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    assert count_pictures(path) == (0, 0)
