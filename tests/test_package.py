"""The installed package: the command `webtoon-genre`, and what its base needs."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

CONFIG = {
    "backbone": "resnet50",
    "side": 112,
    "preprocess": "backbone",
    "unfreeze": 10,
    "head": {"pool": "style", "standardise": True, "units": 128, "dropout": 0.5},
    "classes": ["comic", "drama"],
}
BLOCKER = """\
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name + " is not in the base")
sys.meta_path.insert(0, Blocker())
sys.argv = ["webtoon-genre", "info", "model"]
from webtoon_genre.cli import main
main()
"""


@pytest.fixture
def model(tmp_path, monkeypatch) -> Path:
    """A folder with a model's config, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model/config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return tmp_path / "model"


def info(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "webtoon_genre.cli", "info", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_info_tells_what_model_is_in_a_folder(model):
    assert info("model").stdout.splitlines() == [
        "model     model",
        "backbone  resnet50, layers trained: 10, pooling: style, Dense units: 128",
        "input     uint8 (n, 112, 112, 3), RGB",
        "classes   2: comic, drama",
        "files     config.json (0.0 MB)",
    ]


def test_info_without_a_model_is_one_line(model):
    shutil.rmtree(model)
    for folder in ("model", "other"):
        done = info(folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"webtoon-genre: {folder}/config.json is not there; name a model's folder, or get one with `dvc pull models/best`\n"
        )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{}", "backbone, side, preprocess, unfreeze, head, classes"),
        (json.dumps({**CONFIG, "side": "112"}).encode(), "side"),
        (b'{"backbone": ', "Invalid JSON: EOF while parsing a value at line 1 column 13"),
    ],
)
def test_a_config_of_another_kind_is_one_line(model, content, reason):
    (model / "config.json").write_bytes(content)
    done = info("model")
    assert done.returncode == 1
    assert done.stderr == (
        f"webtoon-genre: model/config.json is not a model's config of this version ({reason}); get the model anew with `dvc pull`\n"
    )


def test_info_needs_the_base_alone(model):
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    names = {line.partition(">")[0].partition("[")[0] for line in extras["study"]}
    imports = {"scikit-learn": "sklearn", "great-expectations": "great_expectations", "ruamel-yaml": "ruamel"}
    blocked = {imports.get(name, name) for name in names}
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    program = BLOCKER.format(blocked=blocked)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("model     model\n"), done.stderr


def test_the_console_script_is_the_command():
    [script] = entry_points(group="console_scripts", name="webtoon-genre")
    assert script.value == "webtoon_genre.cli:main"


def test_the_wheel_holds_the_package_alone(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if "dist-info" not in name} == {"webtoon_genre"}
    assert {"webtoon_genre/cli.py", "webtoon_genre/report/templates/model_card.md.j2"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
