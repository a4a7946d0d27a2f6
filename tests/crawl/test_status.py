"""webtoon_genre/crawl/status.py: the report of a crawl's data on disk."""

from contextlib import closing
from datetime import date

import pytest

from webtoon_genre.crawl import status
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, validated
from webtoon_genre.crawl.store import Store, exclusive_lock, is_locked

LIGHT = b"\xff\xd8\xff light"


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """A store with three titles: one with two pictures, one with a genre for each picture, one for adults."""
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path.relative_to(tmp_path) / "raw")
    result = CrawlResult("test")
    rows = [validated(Episode(1, no, None, None, date(2022, 1, no), None, f"u{no}"), LIGHT, 100) for no in (1, 2)]
    paid = Episode(1, 3, None, None, None, None, "u3", status="paid")
    vanished = validated(Episode(2, 1, "comic", None, date(2021, 5, 4), None, "v1", status="vanished"), LIGHT, 100)
    result.add(Title(1, "one", (), ("pure", "drama"), None, False, "test"), [*rows, paid])
    result.add(Title(2, "two", (), ("daily", "comic"), None, False, "test"), [vanished])
    result.add(Title(3, "three", (), ("pure",), None, True, "test"), [])
    store.stage(1, [Picture(row.no, row.thumbnail_url, LIGHT) for row in rows])
    store.stage(2, [Picture(1, "v1", LIGHT)])
    store.commit(result)
    return store


def test_the_report_has_a_row_for_each_genre_and_the_missing_pictures(store):
    assert status.report(store, running=False).splitlines() == [
        "raw: test",
        "",
        "genre           titles  thumbnails       size",
        "comic                0           1        9 B",
        "daily                1           0        0 B",
        "pure                 2           2       18 B",
        "all                  3           3       27 B",
        "",
        "published 2021-05-04 to 2022-01-02",
        "vanished at the source, kept: 1",
        "without a picture: 1 adult titles, 1 paid episodes",
    ]


def test_staged_data_are_reported_separately(store):
    store.stage(7, [Picture(1, "w1", LIGHT)])
    with closing(store.journal("test")) as journal:
        journal.save_picture(8, (1, "x1"), LIGHT)
        journal.save_refusal(8, (2, "x2"), "http_404")
    lines = status.report(store, running=True).splitlines()
    assert lines[-2] == ".raw.staged: a crawl is running"
    assert lines[-1].startswith("1 complete titles with 1 thumbnails, 1 thumbnails of others, ")
    assert "a crawl did not finish; the next one resumes it" in status.report(store, running=False)


def test_staged_titles_that_share_a_file_are_counted(store):
    store.stage_file(
        "shared-0-15", {7: [Picture(1, "w1", LIGHT), Picture(2, "w2", LIGHT)], 8: [Picture(1, "x1", LIGHT)]}
    )
    assert "2 complete titles with 3 thumbnails, 0 thumbnails of others, " in status.report(store, running=False)


def test_the_report_of_an_empty_folder_says_what_to_do(tmp_path):
    report = status.report(Store(tmp_path / "raw"), running=False)
    assert report == f"{tmp_path / 'raw'}: empty; `dvc repro crawl` fetches, `dvc pull` or `dvc checkout` restores"


def test_a_running_crawl_holds_the_lock(tmp_path):
    assert not is_locked(tmp_path / "raw")
    with exclusive_lock(tmp_path / "raw"):
        assert is_locked(tmp_path / "raw")
    assert not is_locked(tmp_path / "raw")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_900, "100 kB"),
        (2_230_000_000, "2.2 GB"),
        (10**16, "10,000 TB"),
    ],
)
def test_sizes_have_units(size, text):
    assert status.format_bytes(size) == text
