"""workflow/scripts.py and the Makefile: a moved or copied folder runs its own environment and code."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.tiny_pipeline import source_files

PACKAGE = {
    "tool.py": "def main():\n    import sys\n    print(sys.prefix)\n",
    "tool-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1\n",
    "tool-1.dist-info/entry_points.txt": "[console_scripts]\ntool = tool:main [extra]\n",
}


@pytest.fixture
def environment(tmp_path):
    """A small virtual environment with the script `tool` of an earlier folder, moved to a folder with a space in its name."""
    old, new = tmp_path / "old/.venv", tmp_path / "new folder/.venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", old], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(old), "platbase": str(old)}))
    for name, content in PACKAGE.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(content)
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "distlib", site / "distlib")
    (old / "bin/tool").write_text(f"#!{old}/bin/python\nfrom tool import main\nmain()\n")
    (old / "bin/tool").chmod(0o755)
    new.parent.mkdir()
    old.rename(new)
    return new


def test_scripts_of_a_moved_environment_run_again(environment):
    with pytest.raises(FileNotFoundError):
        subprocess.run([environment / "bin/tool"], check=True)
    subprocess.run([environment / "bin/python", "-m", "workflow.scripts"], cwd=REPOSITORY, check=True)
    result = subprocess.run([environment / "bin/tool"], capture_output=True, text=True, check=True)
    assert result.stdout == f"{environment}\n"
    assert f"VIRTUAL_ENV='{environment}'" in (environment / "bin/activate").read_text().replace('"', "'")


@pytest.fixture
def folder(tmp_path):
    """A folder with a space in its name, with this project's files and no environment."""
    for name in source_files():
        (tmp_path / "a copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, tmp_path / "a copy" / name)
    return tmp_path / "a copy"


def make(folder: Path, *arguments: str) -> str:
    """Run make in a folder and return its output; the tests themselves may be a recipe of make, which sets MAKEFLAGS and MAKELEVEL."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_copied_folder_is_set_up_again_once(folder):
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    stamp = make(REPOSITORY, "--dry-run", "--always-make", "setup").split("touch ")[1].strip()
    (folder / stamp).touch()
    lines = make(folder, "--dry-run", "setup")
    assert ".venv/bin/python -m workflow.scripts" in lines
    assert stamp not in lines.split("touch ")[1]
    (folder / lines.split("touch ")[1].strip()).touch()
    assert make(folder, "--dry-run", "setup") == "make: Nothing to be done for 'setup'.\n"


def test_the_makefile_and_the_hooks_call_tools_as_modules_of_the_environment():
    for name in (
        "Makefile",
        ".pre-commit-config.yaml",
        ".github/workflows/review.yml",
        ".github/workflows/ci.yml",
        ".ci/run",
    ):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        scripts = text.replace("$(BIN)", ".venv/bin").split(".venv/bin/")[1:]
        assert {script.split()[0].strip(";") for script in scripts} <= {"python"}, name


def test_a_copied_folder_runs_its_own_code(folder):
    # the environment's editable install still names this repository
    command = [sys.executable, "-m", "workflow.printer"]
    (folder / "workflow/printer.py").write_text(
        "import stages, webtoon_genre\nprint(stages.__file__, webtoon_genre.__file__)\n"
    )
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert result.stdout == f"{folder}/stages/__init__.py {folder}/webtoon_genre/__init__.py\n"
