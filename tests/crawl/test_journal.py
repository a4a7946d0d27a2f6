"""The journal of a crawl under way: kills, damage, other scopes, age; no crawl."""

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
from webtoon_genre.crawl.journal import Journal, counted, forget_refusals

FIRST, SECOND = (1, "url/1"), (2, "url/2")
WRITER = """
import sys
from pathlib import Path
from webtoon_genre.crawl.journal import Journal
written = Journal(Path(sys.argv[1]), "scope")
for no in range(100_000):
    written.keep_picture(7, (no, f"url/{no}"), bytes([no % 256]) * 50_000)
    written.keep_answer(f"page/{no}", b"{}" * 1000)
    print(no, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "staged" / "journal.sqlite"


def filled(path: Path, scope: str = "scope") -> None:
    """A journal with an answer, a picture and a refusal, closed."""
    with closing(Journal(path, scope)) as db:
        db.keep_answer("page", b"{}")
        db.keep_picture(7, FIRST, b"picture")
        db.keep_refusal(7, SECOND, "http_404")


def test_what_was_noted_is_there_when_it_is_opened_again(path):
    filled(path)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") == b"{}"
        assert db.pictures(7) == {FIRST: b"picture"}
        assert db.refused(7) == {SECOND: "http_404"}


def test_what_was_not_noted_is_not_there(path):
    with closing(Journal(path, "scope")) as db:
        assert (db.answer("page"), db.pictures(7), db.refused(7)) == (None, {}, {})


def test_a_picture_takes_the_place_of_a_refusal_and_the_other_way_round(path):
    with closing(Journal(path, "scope")) as db:
        db.keep_refusal(7, FIRST, "http_404")
        db.keep_picture(7, FIRST, b"picture")
        assert (db.pictures(7), db.refused(7)) == ({FIRST: b"picture"}, {})
        db.keep_refusal(7, FIRST, "too_large")
        assert (db.pictures(7), db.refused(7)) == ({}, {FIRST: "too_large"})


def test_another_address_of_an_episode_is_another_picture(path):
    with closing(Journal(path, "scope")) as db:
        db.keep_picture(7, (1, "url/1"), b"old")
        db.keep_picture(7, (1, "url/1?v=2"), b"new")
        assert db.pictures(7) == {(1, "url/1"): b"old", (1, "url/1?v=2"): b"new"}


def test_pictures_of_a_staged_title_are_forgotten_and_its_refusals_and_other_titles_are_not(path):
    filled(path)
    with closing(Journal(path, "scope")) as db:
        db.keep_picture(8, FIRST, b"another")
        db.forget_pictures(7)
        assert (db.pictures(7), db.refused(7)) == ({}, {SECOND: "http_404"})
        assert db.pictures(8) == {FIRST: b"another"}


def test_another_scope_forgets_answers_and_refusals_and_keeps_pictures(path):
    filled(path)
    with closing(Journal(path, "another")) as db:
        assert (db.answer("page"), db.refused(7)) == (None, {})
        assert db.pictures(7) == {FIRST: b"picture"}
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") is None


def test_answers_are_forgotten_after_a_day_and_pictures_are_not(path, monkeypatch):
    filled(path)
    now = time.time()
    monkeypatch.setattr(journal.time, "time", lambda: now + journal.FRESH - 60)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") == b"{}"
    monkeypatch.setattr(journal.time, "time", lambda: now + journal.FRESH + 60)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") is None
        assert db.pictures(7) == {FIRST: b"picture"}


def test_refusals_can_be_forgotten_alone(path):
    filled(path)
    forget_refusals(path)
    with closing(Journal(path, "scope")) as db:
        assert db.answer("page") == b"{}"
        assert (db.pictures(7), db.refused(7)) == ({FIRST: b"picture"}, {})


def test_forgetting_refusals_makes_no_file(path):
    forget_refusals(path)
    assert not path.exists()


def test_a_process_killed_while_it_writes_leaves_all_that_it_had_noted(path):
    words = [sys.executable, "-c", WRITER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as writer:
        noted = 0
        while noted < 40:
            noted = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert counted(path)[0] > noted
    with closing(Journal(path, "scope")) as db:
        pictures = db.pictures(7)
        assert set(range(noted + 1)) <= {no for no, _ in pictures}
        assert all(image == bytes([no % 256]) * 50_000 for (no, _), image in pictures.items())
        assert db.answer(f"page/{noted}") == b"{}" * 1000


DAMAGE = {
    "no database": lambda path: path.write_bytes(b"this is no database" * 100),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeros": lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_begun_anew_with_a_warning(path, caplog, name):
    filled(path)
    DAMAGE[name](path)
    with closing(Journal(path, "scope")) as db:
        assert (db.answer("page"), db.pictures(7)) == (None, {})
        db.keep_picture(7, FIRST, b"picture")
        assert db.pictures(7) == {FIRST: b"picture"}
    assert f"{path} is begun anew (" in caplog.text


def test_an_empty_file_is_a_journal_without_anything(path):
    path.parent.mkdir()
    path.touch()
    with closing(Journal(path, "scope")) as db:
        assert db.pictures(7) == {}


def test_a_file_of_another_version_is_begun_anew_with_a_warning(path, caplog):
    filled(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 99")
    with closing(Journal(path, "scope")) as db:
        assert db.pictures(7) == {}
    assert f"{path} is begun anew (its tables have version 99, not {journal.VERSION})" in caplog.text


def test_forgetting_refusals_of_a_damaged_file_is_no_error(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    forget_refusals(path)


def test_counting_changes_nothing_that_is_noted(path):
    filled(path)
    before = path.read_bytes()
    path.chmod(0o400)
    assert counted(path) == (1, len(b"picture"))
    assert path.read_bytes() == before
    assert sum(file.stat().st_size for file in path.parent.glob("*-wal")) == 0


def test_counting_works_while_a_crawl_writes(path):
    with closing(Journal(path, "scope")) as db:
        db.keep_picture(7, FIRST, b"picture")
        assert counted(path) == (1, len(b"picture"))
        db.keep_picture(7, SECOND, b"another")
        assert counted(path)[0] == 2


def test_counting_what_is_absent_or_damaged_gives_nothing_and_makes_no_file(path):
    assert counted(path) == (0, 0)
    assert not path.exists()
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 100)
    assert counted(path) == (0, 0)
