"""Crawls that are killed at any moment, and the crawls that resume: no byte differs, no complete answer is fetched twice."""

import os
import shutil
import signal
import subprocess
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import webtoon_server
from tests.support.crawl_runs import command, contents, crawl_at, environment, prepare
from tests.support.webtoon_server import Webtoons, title
from webtoon_genre.core import files
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, validated
from webtoon_genre.crawl.store import PICTURES, SHARED_PICTURES, Store, read_pictures

TITLES, EPISODES = 4, 6
IN_TRANSIT = 4  # answers that a kill loses at most: one under way and one being processed, for each host

pytestmark = pytest.mark.slow


def fill(site: Webtoons) -> None:
    """Add titles, one of them with an answer that is no picture."""
    site.add(*[title(10 + number, EPISODES) for number in range(TITLES)])
    site.answers["http://image.test/11/2.jpg"] = [webtoon_server.Answer(b"<html>sorry</html>")]


def kill_at(site: Webtoons, folder: Path, moment: int) -> bool:
    """Crawl, and kill the crawl at its `moment`th request; return False if it ended before."""
    crawl = subprocess.Popen(command(site.proxy), cwd=folder, env=environment(), stderr=subprocess.DEVNULL)
    lock, answer, requests = threading.Lock(), Webtoons.answer, 0

    def count_and_answer(url: str, referer: str) -> webtoon_server.Answer:
        nonlocal requests
        with lock:
            requests += 1
            if requests == moment:
                os.kill(crawl.pid, signal.SIGKILL)
        return answer(site, url, referer)

    site.answer = count_and_answer  # type: ignore[method-assign]
    crawl.wait(60)
    site.answer = answer.__get__(site)  # type: ignore[method-assign]
    return crawl.returncode == -signal.SIGKILL


def serialise(folder: Path) -> None:
    """Allow one request at a time to each host, to bound the answers in transit."""
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("concurrency: 8", "concurrency: 1"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, str]:
    """Digests of the files of an uninterrupted crawl."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    prepare(folder)
    with webtoon_server.serve() as site:
        fill(site)
        assert crawl_at(folder, site.proxy).returncode == 0
    return contents(folder / "data/raw") | contents(folder / "metrics")


def test_a_crawl_killed_repeatedly_ends_with_the_bytes_of_an_uninterrupted_one(uninterrupted, tmp_path):
    prepare(tmp_path)
    serialise(tmp_path)
    with webtoon_server.serve() as site:
        fill(site)
        kills = [kill_at(site, tmp_path, moment) for moment in (4, 7, 9, 13)]
        assert kills == [True] * 4
        assert not (tmp_path / "data/raw").exists()
        assert crawl_at(tmp_path, site.proxy).returncode == 0
    assert contents(tmp_path / "data/raw") | contents(tmp_path / "metrics") == uninterrupted
    requests = Counter(url for url in site.requests if not url.endswith("/robots.txt"))
    repeated = sum(count - 1 for count in requests.values())
    assert 0 < repeated <= IN_TRANSIT * len(kills)
    # lists, a title's page and three pages of its episodes, thumbnails
    assert len(requests) == 3 + 4 * TITLES + TITLES * EPISODES


def test_status_describes_the_data_of_a_killed_crawl(tmp_path):
    prepare(tmp_path)
    serialise(tmp_path)
    with webtoon_server.serve() as site:
        fill(site)
        assert kill_at(site, tmp_path, 25)
    report = subprocess.run(
        [*command("")[:1], "-m", "stages.crawl", "status"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    ).stdout
    assert "data/raw: empty; `dvc repro crawl` fetches" in report
    assert "data/.raw.staged: a crawl did not finish; the next one resumes it" in report


# The end of a crawl: the process dies after each of its operations on files in turn.


class Killed(BaseException):
    """The end of the process."""


class Kernel:
    """Performs `limit` operations on files; then the process is dead and performs none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, limit: int):
        self.remaining = limit
        for module, name in ((os, "replace"), (os, "unlink"), (shutil, "rmtree"), (files.shutil, "rmtree")):
            monkeypatch.setattr(module, name, self.limited(getattr(module, name)))

    def limited(self, operation):
        """Wrap `operation` so that it works as long as the process lives."""

        def perform(*arguments, **options):
            if self.remaining <= 0:
                raise Killed
            self.remaining -= 1
            return operation(*arguments, **options)

        return perform


def image(title_id: int, no: int) -> bytes:
    return b"\xff\xd8\xff" + bytes([title_id, no])


def crawl_result(store: Store, episodes: dict[int, int]) -> CrawlResult:
    """Return a crawl with so many episodes of each title, all staged, each title in a file of its own."""
    return crawl_result_in_files(store, {str(title_id): {title_id: count} for title_id, count in episodes.items()})


def crawl_result_in_files(store: Store, files: dict[str, dict[int, int]]) -> CrawlResult:
    """Return a crawl with so many episodes of each title, all staged, in these files."""
    result = CrawlResult("test", files={title_id: name for name, titles in files.items() for title_id in titles})
    for name, titles in files.items():
        pictures = {}
        for title_id, count in titles.items():
            rows = [Episode(title_id, no, None, None, None, None, f"url/{no}") for no in range(count)]
            result.add(
                Title(title_id, "t", (), ("pure",), None, False, "test"),
                [validated(row, image(title_id, row.no), 100) for row in rows],
            )
            pictures[title_id] = [Picture(row.no, row.thumbnail_url, image(title_id, row.no)) for row in rows]
        store.stage_file(name, pictures)
    return result


OPERATIONS = 9  # of the commit of LATER after EARLIER
EARLIER, LATER = {1: 2, 2: 2, 3: 1}, {1: 2, 2: 3, 4: 1}


def commit_until_killed(store: Store, later: CrawlResult, operations: int) -> int:
    """Commit with so many operations before the kill; return the number of unused ones."""
    with pytest.MonkeyPatch.context() as patch:
        kernel = Kernel(patch, operations)
        with suppress(Killed):
            store.commit(later)
    return kernel.remaining


@pytest.mark.parametrize("operations", range(OPERATIONS))
def test_a_commit_killed_anywhere_is_completed_by_the_next_one(tmp_path, operations):
    clean, store = Store(tmp_path / "clean"), Store(tmp_path / "raw")
    for episodes in (EARLIER, LATER):
        clean.commit(crawl_result(clean, episodes))
    store.commit(crawl_result(store, EARLIER))
    assert commit_until_killed(store, crawl_result(store, LATER), operations) == 0
    on_disk = {title_id: {key[0] for key in store.pictures(title_id)} for title_id in LATER}
    assert on_disk == {title_id: set(range(count)) for title_id, count in LATER.items()}
    store.commit(crawl_result(store, LATER))
    assert contents(store.folder) == contents(clean.folder)


def test_the_kills_cover_every_operation_of_a_commit(tmp_path):
    store = Store(tmp_path / "raw")
    store.commit(crawl_result(store, EARLIER))
    assert commit_until_killed(store, crawl_result(store, LATER), 1000) == 1000 - OPERATIONS


# Files that titles share: one is divided, since it has become too large, and a title grows out of it.
SHARED_OPERATIONS = 10  # of the commit of DIVIDED after SHARED_BY_ALL
SHARED_BY_ALL = {"shared-0-15": {1: 2, 3: 1, 9: 2}, "20": {20: 3}}
DIVIDED = {"shared-0-7": {1: 2, 2: 1}, "3": {3: 2}, "shared-8-15": {9: 2}, "20": {20: 3}}


def pictures_on_disk(store: Store) -> set[tuple[int, int]]:
    """Return title_id and number of all pictures, staged or not."""
    rows = set()
    for path in [*store.thumbnails.glob("*.parquet"), *store.staged.glob("*.parquet")]:
        shared = path.stem.startswith("shared-")
        table = read_pictures(path, SHARED_PICTURES if shared else PICTURES)
        rows |= {(row["title_id"] if shared else int(path.stem), row["no"]) for row in table.to_pylist()}
    return rows


@pytest.mark.parametrize("operations", range(SHARED_OPERATIONS))
@pytest.mark.parametrize(("earlier", "later"), [(SHARED_BY_ALL, DIVIDED), (DIVIDED, SHARED_BY_ALL)])
def test_titles_that_change_their_file_are_neither_lost_nor_doubled_by_a_kill(tmp_path, earlier, later, operations):
    clean, store = Store(tmp_path / "clean"), Store(tmp_path / "raw")
    clean.commit(crawl_result_in_files(clean, earlier))
    clean.commit(crawl_result_in_files(clean, later))
    store.commit(crawl_result_in_files(store, earlier))
    commit_until_killed(store, crawl_result_in_files(store, later), operations)
    expected = {
        (title_id, no) for titles in later.values() for title_id, count in titles.items() for no in range(count)
    }
    assert pictures_on_disk(store) >= expected
    store.commit(crawl_result_in_files(store, later))
    assert contents(store.folder) == contents(clean.folder)
    assert {path.stem for path in store.thumbnails.iterdir()} == later.keys()


def test_the_kills_cover_every_operation_of_a_commit_of_shared_files(tmp_path):
    store = Store(tmp_path / "raw")
    store.commit(crawl_result_in_files(store, SHARED_BY_ALL))
    assert commit_until_killed(store, crawl_result_in_files(store, DIVIDED), 1000) == 1000 - SHARED_OPERATIONS


def test_staged_files_of_a_killed_crawl_with_other_files_are_not_used(tmp_path):
    store = Store(tmp_path / "raw")
    store.commit(crawl_result_in_files(store, SHARED_BY_ALL))
    crawl_result_in_files(store, DIVIDED)  # killed before its commit
    store.commit(crawl_result_in_files(store, SHARED_BY_ALL))
    assert pictures_on_disk(store) == {(1, 0), (1, 1), (3, 0), (9, 0), (9, 1), (20, 0), (20, 1), (20, 2)}
    assert {path.stem for path in store.thumbnails.iterdir()} == SHARED_BY_ALL.keys()
