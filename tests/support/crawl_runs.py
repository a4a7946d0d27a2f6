"""Crawls of the tests' server as processes, and readers of their output."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from tests.support.webtoon_server import API
from webtoon_genre.data.tables import EPISODES, TITLES, read_table

REPOSITORY = Path(__file__).parents[2]
LIST = f"{API}/api/webtoon/titlelist/genre?genre=PURE&order=user&page=1"
SMALL = {"max_failed_share": 0.7, "max_bytes": 5000, "retries": 1, "timeout": 20}


def prepare(folder: Path, **changes: Any) -> None:
    """Write params for a crawl of two genres with small limits to `folder`; `changes` are keys of `crawl` or of `crawl.naver`."""
    crawl = YAML(typ="safe", pure=True).load((REPOSITORY / "params.yaml").read_text())["crawl"]
    naver = {key: changes.pop(key) for key in ("lists", "genres", "order") if key in changes}
    crawl["naver"] |= {"genres": ["pure", "drama"]} | naver
    with (folder / "params.yaml").open("w") as file:
        YAML().dump({"crawl": crawl | SMALL | changes}, file)


def command(proxy: str, *arguments: str) -> list[str]:
    """Return the command of a crawl of the tests' server."""
    return [sys.executable, str(REPOSITORY / "tests" / "support" / "crawl_proxy.py"), proxy, *arguments]


def environment() -> dict[str, str]:
    """Return this process's environment with the repository's modules."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def crawl_at(folder: Path, proxy: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Crawl in `folder` and wait for the end."""
    return subprocess.run(
        command(proxy, *arguments), cwd=folder, env=environment(), capture_output=True, text=True, timeout=120
    )


def contents(folder: Path = Path("data/raw")) -> dict[str, str]:
    """Return the digest of each file by its path."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def episodes() -> pd.DataFrame:
    """Read episodes.parquet by (title_id, no)."""
    return read_table(Path("data/raw/episodes.parquet"), EPISODES).set_index(["title_id", "no"])


def titles() -> pd.DataFrame:
    """Read titles.parquet by title_id."""
    return read_table(Path("data/raw/titles.parquet"), TITLES).set_index("title_id")


def metrics() -> dict[str, Any]:
    return json.loads(Path("metrics/crawl.json").read_text())
