"""What every test file shares: a workspace of its own, params to edit in it, and stages run as a person runs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a copy of the repository's params.yaml."""
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def set_params(workspace: Path) -> Callable[..., None]:
    """Change keys of the workspace's params.yaml: `set_params({"crawl.demo.scale": 0.001})`."""

    def change(values: dict[str, Any]) -> None:
        yaml = YAML()
        path = workspace / "params.yaml"
        params = yaml.load(path)
        for name, value in values.items():
            *sections, key = name.split(".")
            section = params
            for part in sections:
                section = section[part]
            section[key] = value
        yaml.dump(params, path)

    return change


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
