"""The stage as `dvc repro` runs it, on the embedded site over loopback."""

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
GENRES = ["drama", "sports"]  # enough of it for most tests


def contents() -> dict[str, str]:
    """The digest of each file of data/raw by its path."""
    files = sorted(path for path in Path("data/raw").rglob("*") if path.is_file())
    return {path.as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def episodes() -> pd.DataFrame:
    return read_table(Path("data/raw/episodes.parquet"), EPISODES)


def titles() -> pd.DataFrame:
    return read_table(Path("data/raw/titles.parquet"), TITLES)


@pytest.fixture
def crawl(run_stage: RunStage, set_params: SetParams) -> Crawl:
    """Crawl a small embedded site as it stood on a day; other params by name."""

    def crawl(as_of: date | str = LATE, **changes: Any) -> subprocess.CompletedProcess[str]:
        named = {f"crawl.{name.replace('__', '.')}": value for name, value in changes.items()}
        set_params({"crawl.as_of": as_of, "crawl.demo.scale": SCALE, "crawl.demo.seed": SEED} | named)
        return run_stage("crawl")

    return crawl


def test_each_day_has_its_own_data_whatever_day_was_crawled_before(crawl):
    crawl(EARLY, genres=GENRES)
    early, metrics = contents(), Path("metrics/crawl.json").read_bytes()
    pictures = episodes().query("status == 'ok'").groupby("title_id").size()
    crawl(LATE, genres=GENRES)
    late = contents()
    later = episodes().query("status == 'ok'").groupby("title_id").size()
    unchanged = {
        f"data/raw/thumbnails/{title_id}.parquet" for title_id, count in pictures.items() if later[title_id] == count
    }
    assert unchanged
    assert unchanged == {path for path in early if "thumbnails" in path and late[path] == early[path]}
    assert len(late) > len(early)
    crawl(EARLY.isoformat(), genres=GENRES, concurrency=2)  # text, as `dvc exp run -S` writes it
    assert contents() == early
    assert Path("metrics/crawl.json").read_bytes() == metrics


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A working directory after a crawl of LATE, and what the crawl said."""
    folder = tmp_path_factory.mktemp("crawled")
    params = YAML(typ="safe", pure=True).load((REPOSITORY / "params.yaml").read_text())["crawl"]
    params |= {"as_of": LATE, "demo": {"scale": SCALE, "seed": SEED, "delay": 0.0, "mislabelled": 0.0}}
    with (folder / "params.yaml").open("w") as file:
        YAML().dump({"crawl": params}, file)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "stages.crawl"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


@pytest.fixture
def raw(crawled: tuple[Path, str], workspace: Path) -> Path:
    """data/raw and metrics of that crawl in the workspace."""
    shutil.copytree(crawled[0] / "data", "data")
    shutil.copytree(crawled[0] / "metrics", "metrics")
    return Path("data/raw")


@pytest.fixture
def free(raw: Path) -> dict[tuple[int, int], Any]:
    """What the embedded site gives to everybody by LATE, usable or not: its own account."""
    return {
        (title.id, episode.no): episode
        for title in World(SEED, SCALE, LATE).titles.values()
        if not title.adult
        for episode in World(SEED, SCALE, LATE).episodes(title)
        if not episode.paid and episode.kind != "hidden"
    }


def test_a_crawl_that_goes_well_says_nothing(crawled):
    assert crawled[1] == ""


def test_each_free_episode_is_there_and_html_served_as_a_picture_is_not_taken_for_one(free):
    rows = episodes().set_index(["title_id", "no"])
    taken = {key: row.date for key, row in rows[rows["status"] == "ok"].iterrows()}
    assert taken == {key: episode.date for key, episode in free.items() if episode.kind != "html"}
    assert set(rows[rows["status"] == "not_an_image"].index) == {key for key in free if free[key].kind == "html"}


def test_each_title_is_there_with_its_genres(raw):
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


def test_a_title_s_file_holds_the_pictures_that_its_rows_describe(raw):
    for title_id, rows in episodes().query("status == 'ok'").groupby("title_id"):
        table = pq.read_table(raw / "thumbnails" / f"{title_id}.parquet")
        assert table.schema == PICTURES
        assert table.select(IMAGES.names).schema == IMAGES
        pictures = table.to_pydict()
        assert pictures["no"] == rows["no"].tolist()
        assert [sha256(image).hexdigest() for image in pictures["image"]] == rows["sha256"].tolist()
        assert pictures["thumbnail_url"] == rows["thumbnail_url"].tolist()


def test_another_world_is_not_mixed_in(raw, crawl):
    first = contents()
    crawl(demo__seed=7, genres=GENRES)
    assert set(titles()["source"]) == {f"demo-7-{SCALE}"}
    assert not set(contents().values()) & set(first.values())
    kept = {f"data/raw/thumbnails/{title_id}.parquet" for title_id in episodes().query("status == 'ok'")["title_id"]}
    assert set(contents()) == kept | {"data/raw/episodes.parquet", "data/raw/titles.parquet"}


# Errors: one line, exit code 1, nothing written.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "web"}, "params.yaml: crawl.source is 'web': input should be 'demo', 'naver' or 'folder'"),
        ({"as_of": "soon"}, "params.yaml: crawl.as_of is 'soon': value error, Invalid isoformat string: 'soon'"),
        (
            {"genres": ["pure", "pure"]},
            "params.yaml: crawl.genres is ['pure', 'pure']: value error, pure stands there twice",
        ),
        (
            {"source": "naver"},
            "crawl.user_agent is 'webtoon-genre (contact you@example.org)'; put an address in it at which the site can reach you",
        ),
        (
            {"source": "folder", "folder__path": "nowhere"},
            "crawl.folder.path is 'nowhere', which is no folder here; put <label>/<files> into it",
        ),
    ],
)
def test_what_cannot_be_crawled_is_one_clear_line(crawl, changes, message):
    done = crawl(**changes)
    assert (done.returncode, done.stderr) == (1, f"crawl: {message}\n")
    assert not Path("data/raw").exists()
    assert not Path("metrics/crawl.json").exists()


def test_the_second_of_two_crawls_at_once_ends(crawl):
    with exclusive_lock(Path("data/raw")):
        done = crawl()
    assert (done.returncode, done.stderr) == (1, "crawl: another crawl is filling data/raw; wait until it has ended\n")
