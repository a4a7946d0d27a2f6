"""Crawls of a faulty server, each in a fork of one process that has imported everything, and builders of faulty answers."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import crawl_runs
from tests.support.crawl_proxy import DIRECTLY, LOG, SERVE
from tests.support.crawl_runs import command, environment, episodes, metrics
from tests.support.fault_server import as_json
from tests.support.webtoon_server import API, IMAGES, Answer, Webtoons, picture

Crawl = Callable[..., "Outcome"]
QUICK = "--first-wait=0.02"  # seconds before a first retry
TOO_LONG = 86_400  # seconds
JPEG = picture(9, 9)
TOLERANT = {"max_failed_share": 0.95, "max_bytes": 250_000}


def prepare(folder: Path, **changes: Any) -> None:
    """Write params for a crawl of two genres that tolerates most failures to `folder`; `changes` are other keys of `crawl`."""
    crawl_runs.prepare(folder, **TOLERANT | changes)


@cache
def crawl_process() -> subprocess.Popen[str]:
    """Start the process whose forks crawl."""
    return subprocess.Popen(
        command(SERVE), env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def stop_crawl_process() -> None:
    """Stop that process."""
    crawl_process().communicate()
    crawl_process.cache_clear()


@dataclass
class Outcome:
    """A crawl that has ended."""

    returncode: int
    stderr: str
    peak: int  # bytes of memory


def crawl_at(folder: Path, site: Webtoons, *arguments: str, within: float = 60) -> Outcome:
    """Crawl `site` in `folder`, through its proxy or, without one, directly; the crawl must end `within` seconds."""
    if not site.proxy:
        arguments = (f"--api={site.names[API]}", f"--images={site.names[IMAGES]}", *arguments)
    order = {
        "folder": str(folder),
        "arguments": [site.proxy or DIRECTLY, QUICK, *arguments],
        "environment": environment(),
    }
    crawl_process().stdin.write(json.dumps(order) + "\n")
    pid = int(crawl_process().stdout.readline())
    killer = threading.Timer(within, os.kill, (pid, signal.SIGKILL))
    killer.start()
    code, peak = json.loads(crawl_process().stdout.readline())
    killer.cancel()
    assert code != -signal.SIGKILL, f"the crawl did not end within {within} s"
    return Outcome(code, (folder / LOG).read_text(), peak)


def endless_page(key: str, number: int, items: list[Any]) -> Answer:
    """Return page `number` of a list without an end."""
    return as_json({key: items, "pageInfo": {"page": number, "nextPage": number + 1}})


def redirect(location: str) -> Answer:
    """Return a redirect."""
    return Answer(status=302, headers={"Location": location})


def info_url(title_id: int) -> str:
    """Return the address of a title's own page."""
    return f"{API}/api/article/list/info?titleId={title_id}"


def articles_url(title_id: int, page: int = 1) -> str:
    """Return the address of a title's episodes."""
    return f"{API}/api/article/list?titleId={title_id}&page={page}&sort=ASC"


def picture_url(no: int, title_id: int) -> str:
    """Return the address of a thumbnail."""
    return f"{IMAGES}/{title_id}/{no}.jpg"


def status(no: int, title_id: int) -> str:
    """Read the status of an episode."""
    return episodes().loc[(title_id, no), "status"]


def failure(title_id: int) -> tuple[str, str]:
    """Read the reason and the detail of a title's failure."""
    [item] = [item for item in metrics()["failures"] if item["title_id"] == title_id]
    return item["reason"], item["detail"]


def requested_hosts(site: Webtoons) -> set[str]:
    """Return all hosts to which a request went."""
    return {url.split("/")[2] for url in site.requests}
