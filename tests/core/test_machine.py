"""webtoon_genre/core/machine.py: variables that could change a result reach neither Python nor a library."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY
from tests.support.hostile_machine import ENVIRONMENT
from webtoon_genre.core import machine

STAGE = """
import json, os, sys
from webtoon_genre.core.command import run

def main(path: str) -> None:
    print(json.dumps([path, sys.flags.optimize, sys.path[0], dict(os.environ)]))

if __name__ == "__main__":
    run(main, "printer", "tools")
"""


@pytest.mark.parametrize(
    "name",
    [
        "KERAS_HOME",
        "MPLCONFIGDIR",
        "OMP_SCHEDULE",
        "PANDAS_FUTURE",
        "PYTHONOPTIMIZE",
        "TF_CUDNN_USE_AUTOTUNE",
        "XLA_FLAGS",
    ],
)
def test_variables_of_libraries_are_foreign(name):
    assert machine.neutral({name: "1", "HOME": "/root"}) == {"HOME": "/root"}


@pytest.mark.parametrize(
    "name",
    ["CUDA_VISIBLE_DEVICES", "DVC_EXP_NAME", "HTTPS_PROXY", "LC_ALL", "PYTHONHASHSEED", "PYTHONPATH", "TMPDIR", "TZ"],
)
def test_variables_that_a_person_needs_or_that_change_nothing_stay(name):
    assert machine.neutral({name: "1"}) == {name: "1"}


def test_utf_8_for_names_of_files_can_be_asked_for_but_not_refused():
    assert machine.neutral({"PYTHONUTF8": "1"}) == {"PYTHONUTF8": "1"}
    assert machine.neutral({"PYTHONUTF8": "0"}) == {}


def test_libraries_imported_later_find_no_foreign_variable(monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    machine.clear_environment()
    assert "TF_USE_LEGACY_KERAS" not in os.environ
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_a_command_starts_again_in_a_neutral_environment_with_its_arguments(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/printer.py").write_text(STAGE)
    environment = {**os.environ, **ENVIRONMENT, "PYTHONSAFEPATH": "1", "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    result = subprocess.run(
        [sys.executable, "-m", "tools.printer", "그림 $x"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    argument, optimize, first, seen = json.loads(result.stdout)
    assert (argument, optimize, first) == ("그림 $x", 0, str(tmp_path))
    assert seen.keys() >= {"LC_ALL", "OPENBLAS_CORETYPE", "OPENCV_CPU_DISABLE", "TZ", "http_proxy"}
    assert not {
        name
        for name in seen
        if name not in machine.KEPT
        and name.startswith(("KERAS", "MPL", "PANDAS", "SCIPY", "SCRAPY", "SKLEARN", "TF_", "XLA"))
    }
