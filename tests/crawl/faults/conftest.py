"""Sites, working directories and crawls that the tests of all kinds of faults share."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import webtoon_server
from tests.support.crawl_faults import Crawl, Outcome, crawl_at, prepare, stop_crawl_process
from tests.support.crawl_runs import contents
from tests.support.webtoon_server import Webtoons, title


@pytest.fixture(scope="session", autouse=True)
def crawl_process() -> Iterator[None]:
    """Stop the crawling process after the tests."""
    yield
    stop_crawl_process()


@pytest.fixture
def site() -> Iterator[Webtoons]:
    with webtoon_server.serve() as site:
        yield site


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def crawl(site: Webtoons, work: Path) -> Crawl:
    """Crawl `site` in the test's working directory, with changed params."""

    def run(*arguments: str, within: float = 60, **changes: Any) -> Outcome:
        prepare(work, **changes)
        return crawl_at(work, site, *arguments, within=within)

    return run


@pytest.fixture(scope="session")
def earlier_crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory after a crawl of three titles with three pictures each."""
    folder = tmp_path_factory.mktemp("earlier")
    prepare(folder)
    with webtoon_server.serve() as site:
        site.add(*[title(number, 3) for number in (10, 11, 12)])
        assert crawl_at(folder, site).returncode == 0
    return folder


@pytest.fixture
def before(earlier_crawl: Path, site: Webtoons, work: Path) -> dict[str, str]:
    """Digests of that crawl's files, copied to the test's working directory; `site` has the same titles."""
    shutil.copytree(earlier_crawl / "data", work / "data")
    site.add(*[title(number, 3) for number in (10, 11, 12)])
    return contents()
