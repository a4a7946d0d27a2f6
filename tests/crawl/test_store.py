"""data/raw during a crawl: staging, commit, damage, the lock; no source."""

import math
from datetime import date
from typing import Any

import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl import source
from webtoon_genre.crawl.source import OK, CrawlResult, Episode, Picture, Title, summarise, validated
from webtoon_genre.crawl.store import SHARED_PICTURES, Store, exclusive_lock, read_pictures

LIGHT = b"\xff\xd8\xff light"
DARK = b"\xff\xd8\xff dark"


def test_the_lock_is_free_after_a_crawl(tmp_path):
    for _ in range(2):
        with exclusive_lock(tmp_path / "raw"):
            pass


def title(title_id: int, **changes: Any) -> Title:
    return Title(**{"title_id": title_id, "title": "t", "authors": (), "genres": ("pure",), "star_score": None,
                    "adult": False, "source": "test"} | changes)  # fmt: skip


def crawl_result(titles: list[Title], rows: list[Episode]) -> CrawlResult:
    """Return a crawl of these titles with their rows, in this order."""
    result = CrawlResult("test")
    for title in titles:
        result.add(title, [row for row in rows if row.title_id == title.title_id])
    return result


def row(no: int, image: bytes) -> Episode:
    return validated(Episode(1, no, None, None, None, None, f"url/{no}"), image, 1000)


def test_staged_pictures_are_not_in_data_raw_until_the_end(tmp_path):
    store = Store(tmp_path / "raw")
    store.stage(1, [Picture(1, "url/1", LIGHT)])
    assert not (tmp_path / "raw").exists()
    assert store.pictures(1) == {(1, "url/1"): LIGHT}
    store.commit(crawl_result([title(1)], [row(1, LIGHT)]))
    assert store.pictures(1) == {(1, "url/1"): LIGHT}
    assert store.titles() == [title(1)]
    assert store.episodes().of(1) == [row(1, LIGHT)]
    assert not store.staged.exists()


def test_the_order_of_answers_has_no_effect(tmp_path):
    pictures = [Picture(1, "url/1", LIGHT), Picture(2, "url/2", DARK)]
    rows = [row(1, LIGHT), row(2, DARK)]
    for name, step in (("forward", 1), ("backward", -1)):
        store = Store(tmp_path / name)
        store.stage(1, pictures[::step])
        store.commit(crawl_result([title(1), title(2, adult=True)][::step], rows[::step]))
    for file in ("titles.parquet", "episodes.parquet", "thumbnails/1.parquet"):
        assert (tmp_path / "forward" / file).read_bytes() == (tmp_path / "backward" / file).read_bytes()


def test_titles_that_share_a_file_are_sorted_by_title_id_and_number(tmp_path):
    store = Store(tmp_path / "raw")
    pictures = {7: [Picture(2, "b", DARK), Picture(1, "a", LIGHT)], 3: [Picture(1, "c", DARK)]}
    store.stage_file("shared-0-15", pictures)
    table = read_pictures(store.staged / "shared-0-15.parquet", SHARED_PICTURES)
    assert [(*row.values(),) for row in table.to_pylist()] == [(3, 1, DARK, "c"), (7, 1, LIGHT, "a"), (7, 2, DARK, "b")]


def test_a_shared_file_on_disk_is_not_written_again(tmp_path):
    store, result = Store(tmp_path / "raw"), crawl_result([title(1)], [row(1, LIGHT)])
    result.files = {1: "shared-0-15"}
    store.stage_file("shared-0-15", {1: [Picture(1, "url/1", LIGHT)]})
    store.commit(result)
    store.stage_file("shared-0-15", {1: [Picture(1, "url/1", LIGHT)]})
    assert not store.staged.exists()
    assert [path.name for path in store.thumbnails.iterdir()] == ["shared-0-15.parquet"]


def test_episodes_added_in_small_parts_are_one_sorted_table(monkeypatch):
    monkeypatch.setattr(source, "PENDING", 2)
    result = CrawlResult("test")
    for no in (5, 1, 3):
        result.add(title(no), [row(no, LIGHT)])
    assert result.episodes()["no"].to_pylist() == [1, 3, 5]
    result.add_episodes([row(2, DARK)])
    assert result.episodes()["no"].to_pylist() == [1, 2, 3, 5]


def test_staged_files_of_an_abandoned_crawl_do_not_replace_current_ones(tmp_path):
    store = Store(tmp_path / "raw")
    store.stage(1, [Picture(1, "url/1", LIGHT)])
    store.commit(crawl_result([title(1)], [row(1, LIGHT)]))
    store.stage(1, [Picture(1, "url/1", LIGHT), Picture(2, "url/2", DARK)])
    store.stage(2, [Picture(1, "url/1", DARK)])
    store.stage(1, [Picture(1, "url/1", LIGHT)])
    store.commit(crawl_result([title(1)], [row(1, LIGHT)]))
    assert store.pictures(1) == {(1, "url/1"): LIGHT}
    assert [path.name for path in store.thumbnails.iterdir()] == ["1.parquet"]


def test_a_damaged_file_counts_as_absent(tmp_path, caplog):
    store = Store(tmp_path / "raw")
    store.stage(1, [Picture(1, "url/1", LIGHT)])
    store.commit(crawl_result([title(1)], [row(1, LIGHT)]))
    path = store.thumbnails / "1.parquet"
    path.write_bytes(path.read_bytes()[:100])
    assert store.pictures(1) == {}
    assert "its pictures are fetched again" in caplog.text


def test_a_damaged_table_is_an_error_and_not_an_empty_one(tmp_path):
    store = Store(tmp_path / "raw")
    store.commit(crawl_result([title(1)], []))
    (store.folder / "titles.parquet").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"titles\.parquet is not the table expected"):
        store.titles()


def test_nulls_come_back_as_none(tmp_path):
    store = Store(tmp_path / "raw")
    rows = [Episode(1, 1, None, None, None, None, "url", status="paid"),
            Episode(1, 2, "pure", "s", date(2022, 1, 1), math.pi, "url", "aa", 3, OK)]  # fmt: skip
    store.commit(crawl_result([title(1)], rows))
    assert store.episodes().of(1) == rows


@pytest.mark.parametrize(
    ("image", "status"), [(b"\xff\xd8\xff" + bytes(997), "ok"), (b"\xff\xd8\xff" + bytes(998), "too_large"), (b"", "not_an_image")]
)  # fmt: skip
def test_pictures_up_to_the_limit_are_valid(image, status):
    result = row(1, image)
    assert result.status == status
    assert result.bytes == (len(image) if status == "ok" else None)


def test_a_summary_of_nothing_has_every_key():
    assert summarise(CrawlResult("test")) == {
        "source": "test",
        "titles": 0,
        "finished": 0,
        "episodes": 0,
        "thumbnails": 0,
        "bytes": 0,
        "vanished": 0,
        "left_out": {},
        "limited": {},
        "failed": {"titles": {}, "thumbnails": {}},
        "failures": [],
    }
