"""The service as a process on a free port, and what drives its page: `make servers` installs Debian's Chromium and axe-core."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.support.remote_servers import free_port, require_program

AXE = REPOSITORY / ".servers/node_modules/axe-core/axe.min.js"
PATIENCE = 60.0  # seconds until the service answers


@dataclass
class RunningService:
    """A service that answers."""

    url: str
    process: subprocess.Popen


@contextmanager
def running_service(model: Path, log: Path) -> Iterator[RunningService]:
    """Serve a model's folder until the end of the block, with SIGTERM."""
    port = free_port()
    command = [sys.executable, "-m", "webtoon_genre.cli", "serve", "--model", str(model), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_it_answers(process, f"{url}/health", log)
        yield RunningService(url, process)
    finally:
        process.terminate()
        process.wait(40)


def wait_until_it_answers(process: subprocess.Popen, url: str, log: Path) -> None:
    """Return when a GET request is answered."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)


def chromium() -> str:
    """The path of Chromium; the test is skipped, or fails, where it is not installed."""
    return require_program("chromium")


def axe_core() -> str:
    """The script of axe-core, as Chromium."""
    return Path(require_program(AXE)).read_text(encoding="utf-8")
