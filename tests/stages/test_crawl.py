"""The stage as `dvc repro` runs it, on the demo site over loopback."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from webtoon_genre.crawl.store import PICTURES, exclusive_lock
from webtoon_genre.data.tables import EPISODES, IMAGES, TITLES, read_table
from webtoon_genre.demo_site.world import World

RunStage = Callable[..., subprocess.CompletedProcess[str]]
Crawl = Callable[..., subprocess.CompletedProcess[str]]
SetParams = Callable[[dict[str, Any]], None]
SCALE, SEED = 0.002, 2022
EARLY, LATE = date(2021, 3, 1), date(2022, 8, 19)


def contents() -> dict[str, str]:
    """Return the digest of each file of data/raw by its path."""
    files = sorted(path for path in Path("data/raw").rglob("*") if path.is_file())
    return {path.as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def episodes() -> pd.DataFrame:
    return read_table(Path("data/raw/episodes.parquet"), EPISODES)


def titles() -> pd.DataFrame:
    return read_table(Path("data/raw/titles.parquet"), TITLES)


@pytest.fixture
def crawl(run_stage: RunStage, set_params: SetParams) -> Crawl:
    """Crawl a small demo site as of a day, with other params by name."""

    def crawl(as_of: date | str = LATE, **changes: Any) -> subprocess.CompletedProcess[str]:
        params = {f"crawl.{name.replace('__', '.')}": value for name, value in changes.items()}
        set_params({"crawl.as_of": as_of, "crawl.demo.scale": SCALE, "crawl.demo.seed": SEED} | params)
        return run_stage("crawl")

    return crawl


@pytest.mark.slow
def test_the_data_of_a_day_do_not_depend_on_earlier_crawls(crawl):
    crawl(EARLY)
    early, metrics = contents(), Path("metrics/crawl.json").read_bytes()
    pictures = episodes().query("status == 'ok'").groupby("title_id").size()
    crawl(LATE)
    late = contents()
    later = episodes().query("status == 'ok'").groupby("title_id").size()
    unchanged = {
        f"data/raw/thumbnails/{title_id}.parquet" for title_id, count in pictures.items() if later[title_id] == count
    }
    assert unchanged
    assert unchanged == {path for path in early if "thumbnails" in path and late[path] == early[path]}
    assert len(late) > len(early)
    crawl(EARLY.isoformat(), concurrency=2)  # text, as `dvc exp run -S` writes it
    assert contents() == early
    assert Path("metrics/crawl.json").read_bytes() == metrics


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A working directory after a crawl of LATE, and the crawl's log."""
    folder = tmp_path_factory.mktemp("crawled")
    params = YAML(typ="safe", pure=True).load((REPOSITORY / "params.yaml").read_text())["crawl"]
    params |= {"as_of": LATE, "demo": {"scale": SCALE, "seed": SEED, "delay": 0.0, "mislabelled": 0.0}}
    with (folder / "params.yaml").open("w") as file:
        YAML().dump({"crawl": params}, file)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.run(
        [sys.executable, "-m", "stages.crawl"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 0, process.stderr
    return folder, process.stderr


@pytest.fixture
def raw(outcome: tuple[Path, str], workspace: Path) -> Path:
    """data/raw of that crawl, copied to the workspace with its metrics."""
    shutil.copytree(outcome[0] / "data", "data")
    shutil.copytree(outcome[0] / "metrics", "metrics")
    return Path("data/raw")


@pytest.fixture
def free(raw: Path) -> dict[tuple[int, int], Any]:
    """The free episodes of the demo site's world as of LATE, with a usable picture or not."""
    return {
        (title.id, episode.no): episode
        for title in World(SEED, SCALE, LATE).titles.values()
        if not title.adult
        for episode in World(SEED, SCALE, LATE).episodes(title)
        if not episode.paid and episode.kind != "hidden"
    }


def test_a_successful_crawl_logs_nothing(outcome):
    assert outcome[1] == ""


def test_each_free_episode_is_stored_and_html_served_as_a_picture_is_rejected(free):
    rows = episodes().set_index(["title_id", "no"])
    stored = {key: row.date for key, row in rows[rows["status"] == "ok"].iterrows()}
    assert stored == {key: episode.date for key, episode in free.items() if episode.kind != "html"}
    assert set(rows[rows["status"] == "not_an_image"].index) == {key for key in free if free[key].kind == "html"}


def test_each_title_is_stored_with_its_genres(raw):
    world = World(SEED, SCALE, LATE).titles
    rows = titles().set_index("title_id")
    assert rows["adult"].to_dict() == {key: title.adult for key, title in world.items()}
    assert {key: tuple(codes) for key, codes in rows["genres"].items()} == {
        key: title.genres for key, title in world.items()
    }


def test_metrics_are_sums_over_the_tables(raw):
    metrics = json.loads(Path("metrics/crawl.json").read_text())
    rows = episodes()
    assert metrics["source"] == f"demo-{SEED}-{SCALE}"
    assert metrics["titles"] == len(titles())
    assert metrics["episodes"] == len(rows)
    assert metrics["thumbnails"] == (rows["status"] == "ok").sum()
    assert metrics["bytes"] == rows["bytes"].sum()
    assert metrics["left_out"]["adult"] == titles()["adult"].sum()


def test_a_title_s_file_has_the_pictures_of_its_rows(raw):
    for title_id, rows in episodes().query("status == 'ok'").groupby("title_id"):
        table = pq.read_table(raw / "thumbnails" / f"{title_id}.parquet")
        assert table.schema == PICTURES
        assert table.select(IMAGES.names).schema == IMAGES
        pictures = table.to_pydict()
        assert pictures["no"] == rows["no"].tolist()
        assert [sha256(image).hexdigest() for image in pictures["image"]] == rows["sha256"].tolist()
        assert pictures["thumbnail_url"] == rows["thumbnail_url"].tolist()


@pytest.mark.slow
def test_another_world_is_not_mixed_in(raw, crawl):
    first = contents()
    crawl(demo__seed=7)
    assert set(titles()["source"]) == {f"demo-7-{SCALE}"}
    assert not set(contents().values()) & set(first.values())
    thumbnails = {
        f"data/raw/thumbnails/{title_id}.parquet" for title_id in episodes().query("status == 'ok'")["title_id"]
    }
    assert set(contents()) == thumbnails | {"data/raw/episodes.parquet", "data/raw/titles.parquet"}


# Errors: one line, exit code 1, no file.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"source": "web"},
            "params.yaml: crawl.source is 'web': input should be 'demo', 'folder' or 'naver'",
        ),
        ({"as_of": "soon"}, "params.yaml: crawl.as_of: 'soon' is no date; write year-month-day, such as '2022-08-19'"),
        (
            {"naver__genres": ["pure", "pure"]},
            "params.yaml: crawl.naver.genres: pure is listed twice",
        ),
        (
            {"source": "naver"},
            "crawl.user_agent is 'webtoon-genre (contact you@example.org)'; put a contact address for the site into it",
        ),
        (
            {"source": "folder", "folder__path": "nowhere"},
            "crawl.folder.path is 'nowhere', which is no folder; create it and put <label>/<files> into it",
        ),
    ],
)
def test_an_impossible_crawl_is_one_clear_line(crawl, changes, message):
    process = crawl(**changes)
    assert (process.returncode, process.stderr) == (1, f"crawl: {message}\n")
    assert not Path("data/raw").exists()
    assert not Path("metrics/crawl.json").exists()


def test_the_second_of_two_simultaneous_crawls_ends(crawl):
    with exclusive_lock(Path("data/raw")):
        process = crawl()
    assert (process.returncode, process.stderr) == (
        1,
        "crawl: another crawl is filling data/raw; wait until it has ended\n",
    )
