"""What every test file shares: a workspace of its own, params to edit in it, and stages run as a person runs them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from ruamel.yaml import YAML

from tests.support.tiny_pipeline import Clone, committed
from webtoon_genre.data.tables import DATASET, INDEX, write_table

REPOSITORY = Path(__file__).parent.parent
settings.register_profile(
    "project", deadline=None, derandomize=True
)  # a slow machine is no failure; every run is the same
settings.load_profile("project")


@pytest.fixture(scope="session")
def built_cache(pytestconfig: pytest.Config) -> Path:
    """Where the tiny pipeline's products are kept from one test run to the next, by a digest of the sources."""
    return pytestconfig.cache.mkdir("built")


@pytest.fixture(scope="session")
def pipeline(built_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Clone]:
    """Each call gives a new repository in which the tiny pipeline has been run and committed."""
    return lambda: committed(built_cache, tmp_path_factory.mktemp("pipeline") / "webtoon-genre")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a copy of the repository's params.yaml."""
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_params(workspace: Path) -> Callable[..., None]:
    """Change keys of the workspace's params.yaml: `set_params({"crawl.demo.scale": 0.001})`."""
    return lambda values: edit_params(workspace / "params.yaml", values)


def edit_params(path: Path, values: dict[str, Any]) -> None:
    """Change keys of a params.yaml, comments and order kept."""
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
    """Run `python -m stages.NAME ARGUMENT...` in the workspace and return the finished process."""

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
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything before `train`, made once; see made.py."""
    from tests.support.pipeline_inputs import make

    folder = tmp_path_factory.mktemp("made")
    make(folder, REPOSITORY)
    return folder


@pytest.fixture
def prepared(made: Path, workspace: Path) -> Path:
    """A workspace of its own with a copy of `made`."""
    shutil.copytree(made, workspace, dirs_exist_ok=True)
    return workspace


@pytest.fixture
def drawn_dataset(workspace: Path) -> pd.DataFrame:
    """data/dataset.parquet and data/resized/ in the workspace: three genres told by colour, five titles each, four images a title.

    Images are uint8 (16, 16, 3), RGB: noise, brightest in the channel whose number is the label.
    """
    generator = np.random.default_rng(0)
    rows = [
        {"title_id": 10 * label + title, "no": no, "genre": genre, "label": label, "split": side}
        for label, genre in enumerate(["comic", "drama", "pure"])
        for title, side in enumerate(["train", "test", "train", "val", "train"])
        for no in range(1, 5)
    ]
    dataset = pd.DataFrame(rows).assign(group=lambda frame: frame["title_id"])
    write_table(dataset, DATASET, Path("data/dataset.parquet"))
    index = dataset.assign(row=dataset["no"] - 1, sha256="", width=16, height=16, perceptual_hash="")
    write_table(index, INDEX, Path("data/resized/index.parquet"))
    for title_id, own in dataset.groupby("title_id"):
        images = generator.integers(0, 128, (len(own), 16, 16, 3), np.uint8)
        images[..., own["label"].iloc[0]] += 100
        np.save(f"data/resized/{title_id}.npy", images)
    return dataset
