"""Fixtures for all tests: a temporary workspace, a way to edit its params, and stages run as commands."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from ruamel.yaml import YAML

from tests.support.tiny_pipeline import Clone, committed_clone
from webtoon_genre.core import machine
from webtoon_genre.data.tables import DATASET, INDEX, write_table

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).parent.parent
LONG = ("pipeline", "workflow")  # folders whose files run whole pipelines
# no deadline: a slow machine is no failure; derandomised: every run tries the same examples
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
machine.clear_environment()
for name in ("KERAS_HOME", "MATPLOTLIBRC"):
    os.environ[name] = os.devnull  # tests may import keras, which imports matplotlib, before `start_keras`


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: a worker that began one at the end would keep the other waiting for minutes."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)


@pytest.fixture(scope="session")
def pipeline_cache(pytestconfig: pytest.Config) -> Path:
    """Return the folder that caches the tiny pipeline's products between test runs, by a digest of the sources."""
    return pytestconfig.cache.mkdir("built")


@pytest.fixture(scope="session")
def pipeline(pipeline_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Clone]:
    """Return a function; each call creates a repository in which the tiny pipeline has been run and committed."""
    return lambda: committed_clone(pipeline_cache, tmp_path_factory.mktemp("pipeline") / "webtoon-genre")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty working directory with a copy of the repository's params.yaml."""
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_params(workspace: Path) -> Callable[..., None]:
    """Return a function that changes keys of the workspace's params.yaml: `set_params({"crawl.demo.scale": 0.001})`."""
    return lambda values: edit_params(workspace / "params.yaml", values)


def edit_params(path: Path, values: dict[str, Any]) -> None:
    """Change keys of a params.yaml; comments and order stay."""
    yaml = YAML()
    params = yaml.load(path)
    for name, value in values.items():
        *sections, key = name.split(".")
        section = params
        for part in sections:
            section = section[part]
        section[key] = value
    yaml.dump(params, path)


@pytest.fixture
def run_stage(workspace: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `python -m stages.NAME ARGUMENT...` in the workspace and returns the finished process."""

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", f"stages.{name}", *arguments],
            cwd=workspace,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run


@pytest.fixture(scope="session")
def pipeline_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that `train` reads, computed once a session."""
    from tests.support.pipeline_inputs import run_stages_before_train

    folder = tmp_path_factory.mktemp("pipeline_inputs")
    run_stages_before_train(folder, REPOSITORY)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A headless Chromium; the test is skipped, or fails, where it is not installed."""
    from playwright.sync_api import sync_playwright

    from tests.support.page_browser import chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def training_workspace(pipeline_inputs: Path, workspace: Path) -> Path:
    """Change to a workspace with a copy of `pipeline_inputs`."""
    shutil.copytree(pipeline_inputs, workspace, dirs_exist_ok=True)
    return workspace


@pytest.fixture
def synthetic_dataset(workspace: Path) -> pd.DataFrame:
    """Write data/dataset.parquet and data/resized/ to the workspace: three genres, five titles each, four images a title.

    Colour tells the genre: images are uint8 (16, 16, 3), RGB, noise, brightest in the channel whose number is the label.
    """
    generator = np.random.default_rng(0)
    rows = [
        {"title_id": 10 * label + title, "no": no, "genre": genre, "label": label, "split": split}
        for label, genre in enumerate(["comic", "drama", "pure"])
        for title, split in enumerate(["train", "test", "train", "val", "train"])
        for no in range(1, 5)
    ]
    dataset = pd.DataFrame(rows).assign(group=lambda frame: frame["title_id"])
    write_table(dataset, DATASET, Path("data/dataset.parquet"))
    files = dataset["title_id"].astype(str)
    index = dataset.assign(file=files, row=dataset["no"] - 1, sha256="", width=16, height=16, perceptual_hash="")
    write_table(index, INDEX, Path("data/resized/index.parquet"))
    for title_id, title_rows in dataset.groupby("title_id"):
        images = generator.integers(0, 128, (len(title_rows), 16, 16, 3), np.uint8)
        images[..., title_rows["label"].iloc[0]] += 100
        np.save(f"data/resized/{title_id}.npy", images)
    return dataset
