"""A crawl that is killed, at any of its moments, and the one that goes on after it: no byte differs, nothing whole is fetched twice."""

import os
import shutil
import signal
import subprocess
import threading
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support import webtoon_server
from tests.support.crawl_runs import command, contents, crawl_at, environment, prepare
from tests.support.webtoon_server import Webtoons, title
from webtoon_genre.core import files
from webtoon_genre.crawl.source import CrawlResult, Episode, Picture, Title, validated
from webtoon_genre.crawl.store import Store

TITLES, EPISODES = 4, 6
IN_FLIGHT = 4  # answers at most that a kill takes with it: one on its way and one being taken in, at either host


def fill(site: Webtoons) -> None:
    """Titles, one of them with an answer that is no picture."""
    site.add(*[title(10 + number, EPISODES) for number in range(TITLES)])
    site.answers["http://image.test/11/2.jpg"] = [webtoon_server.Answer(b"<html>sorry</html>")]


def killed_at(site: Webtoons, folder: Path, moment: int) -> bool:
    """Crawl, and kill the crawl when it asks for its `moment`th address; False if it ended before."""
    crawl = subprocess.Popen(command(site.proxy), cwd=folder, env=environment(), stderr=subprocess.DEVNULL)
    asked, lock, answer = Counter[str](), threading.Lock(), Webtoons.answer

    def counting(url: str, referer: str) -> webtoon_server.Answer:
        with lock:
            asked.update([url])
            if asked.total() == moment:
                os.kill(crawl.pid, signal.SIGKILL)
        return answer(site, url, referer)

    site.answer = counting  # type: ignore[method-assign]
    crawl.wait(60)
    site.answer = answer.__get__(site)  # type: ignore[method-assign]
    return crawl.returncode == -signal.SIGKILL


def slow(folder: Path) -> None:
    """One request at a time to each host, so that it is known what is on its way."""
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("concurrency: 8", "concurrency: 1"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, str]:
    """The files of an uninterrupted crawl."""
    folder = tmp_path_factory.mktemp("whole")
    prepare(folder)
    with webtoon_server.serving() as site:
        fill(site)
        assert crawl_at(folder, site.proxy).returncode == 0
    return contents(folder / "data/raw") | contents(folder / "metrics")


def test_a_crawl_killed_again_and_again_ends_with_the_bytes_of_an_uninterrupted_one(whole, tmp_path):
    prepare(tmp_path)
    slow(tmp_path)
    with webtoon_server.serving() as site:
        fill(site)
        kills = [killed_at(site, tmp_path, moment) for moment in (4, 7, 9, 13)]
        assert kills == [True] * 4
        assert not (tmp_path / "data/raw").exists()
        assert crawl_at(tmp_path, site.proxy).returncode == 0
    assert contents(tmp_path / "data/raw") | contents(tmp_path / "metrics") == whole
    asked = Counter(url for url in site.asked if not url.endswith("/robots.txt"))
    again = sum(count - 1 for count in asked.values())
    assert 0 < again <= IN_FLIGHT * len(kills)
    assert (
        len(asked) == 3 + 4 * TITLES + TITLES * EPISODES
    )  # lists, a title's page and three of its episodes, thumbnails


def test_what_a_killed_crawl_left_is_told(tmp_path):
    prepare(tmp_path)
    slow(tmp_path)
    with webtoon_server.serving() as site:
        fill(site)
        assert killed_at(site, tmp_path, 25)
    told = subprocess.run(
        [*command("")[:1], "-m", "stages.crawl", "status"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    ).stdout
    assert "data/raw: nothing; `dvc repro crawl` fetches" in told
    assert "data/.raw.staged: a crawl did not end; the next one goes on from here" in told


# The end of a crawl: every operation on files in turn is the last one.


class Killed(BaseException):
    """The process is gone."""


class Kernel:
    """Carries out operations on files until `last` are done; a dead process does none any more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, last: int):
        self.left = last
        for module, name in ((os, "replace"), (os, "unlink"), (shutil, "rmtree"), (files.shutil, "rmtree")):
            monkeypatch.setattr(module, name, self.counted(getattr(module, name)))

    def counted(self, operation):
        """`operation` as long as the process lives."""

        def carry_out(*arguments, **named):
            if self.left <= 0:
                raise Killed
            self.left -= 1
            return operation(*arguments, **named)

        return carry_out


def image(title_id: int, no: int) -> bytes:
    return b"\xff\xd8\xff" + bytes([title_id, no])


def found_at(store: Store, numbers: dict[int, int]) -> CrawlResult:
    """A crawl that found so many episodes of each title, all staged."""
    found = CrawlResult("test")
    for title_id, count in numbers.items():
        rows = [Episode(title_id, no, None, None, None, None, f"url/{no}") for no in range(count)]
        found.add(
            Title(title_id, "t", (), ("pure",), None, False, "test"),
            [validated(row, image(title_id, row.no), 100) for row in rows],
        )
        store.stage(title_id, [Picture(row.no, row.thumbnail_url, image(title_id, row.no)) for row in rows])
    return found


OPERATIONS = 9  # of the commit of LATER after EARLIER
EARLIER, LATER = {1: 2, 2: 2, 3: 1}, {1: 2, 2: 3, 4: 1}


def committed(store: Store, later: CrawlResult, operations: int) -> int:
    """Commit with so many operations before the kill; how many were left."""
    with pytest.MonkeyPatch.context() as patch:
        kernel = Kernel(patch, operations)
        with suppress(Killed):
            store.commit(later)
    return kernel.left


@pytest.mark.parametrize("last", range(OPERATIONS))
def test_a_commit_cut_short_anywhere_is_made_whole_by_the_next_one(tmp_path, last):
    clean, store = Store(tmp_path / "clean"), Store(tmp_path / "raw")
    for numbers in (EARLIER, LATER):
        clean.commit(found_at(clean, numbers))
    store.commit(found_at(store, EARLIER))
    assert committed(store, found_at(store, LATER), last) == 0
    known = {title_id: {key[0] for key in store.pictures(title_id)} for title_id in LATER}
    assert known == {title_id: set(range(count)) for title_id, count in LATER.items()}
    store.commit(found_at(store, LATER))
    assert contents(store.folder) == contents(clean.folder)


def test_every_operation_of_a_commit_is_tried_above(tmp_path):
    store = Store(tmp_path / "raw")
    store.commit(found_at(store, EARLIER))
    assert committed(store, found_at(store, LATER), 1000) == 1000 - OPERATIONS
