"""dvc.yaml against the code: each stage runs again for its own code and params, and for nothing else."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.import_closure import REPOSITORY, closure
from webtoon_genre.core import params
from webtoon_genre.features.backbone import backbone_names

GRAPH = YAML(typ="safe", pure=True).load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))
STAGES = GRAPH["stages"]
ORDER = [
    "crawl", "resize", "label", "validate", "zero_center", "split", "baseline", "pretrained", "features", "train",
    "evaluate", "handling", "select", "finetune", "balance", "pairs", "label_limit", "criterion",
    "ambiguity", "style", "leakage", "summary",
]  # fmt: skip


def code(stage: str) -> list[str]:
    """The Python files that dvc.yaml lists for a stage."""
    return [path for path in STAGES[stage]["deps"] if path.endswith(".py")]


def test_stages_are_declared_in_the_study_s_order():
    assert list(STAGES) == ORDER


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_s_listed_code_is_the_import_closure_of_its_module(stage):
    expected = {path.as_posix() for path in closure(Path(f"stages/{stage}.py"))}
    if "matrix" in STAGES[stage]:
        expected.add("stages/backbones/${item.backbone}.py")  # chosen by name: only this architecture
    if stage in ("finetune", "style"):  # any of them, as metrics/select.json or params say
        expected |= {f"stages/backbones/{name}.py" for name in backbone_names()}
    assert code(stage) == sorted(expected)


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_s_listed_params_are_those_that_its_module_reads(stage):
    module = importlib.import_module(f"stages.{stage}")
    assert STAGES[stage].get("params", []) == params.tracked_params(module.Params)


@pytest.mark.parametrize("stage", ORDER)
def test_each_module_s_docstring_states_what_it_reads_and_writes(stage):
    contract = importlib.import_module(f"stages.{stage}").__doc__
    assert "Reads:" in contract
    assert "Writes:" in contract


@pytest.mark.parametrize("stage", ORDER)
def test_stages_never_import_stages(stage):
    others = {f"stages/{name}.py" for name in ORDER} - {f"stages/{stage}.py"}
    assert not others & {path.as_posix() for path in closure(Path(f"stages/{stage}.py"))}


def test_importing_the_stages_loads_no_slow_library():
    # a stage is a process: what it does not need it should not wait for (great_expectations takes 11 s, keras 5)
    slow = ["tensorflow", "keras", "great_expectations", "sklearn", "seaborn", "dvclive"]
    imports = "; ".join(f"import stages.{stage}" for stage in ORDER)
    program = f"import sys; {imports}; print([name for name in {slow} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_git_ignores_what_dvc_caches_and_nothing_else_that_stages_write():
    # DVC's own lists of ignored files are taken back when a later stage fails
    cached, kept = [], []
    for stage in STAGES.values():
        for entry in [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]:
            path, options = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
            for item, value in (("backbone", "resnet50"), ("unfreeze", "0")):
                path = path.replace(f"${{item.{item}}}", value)
            (cached if options.get("cache", True) else kept).append(path)
    command = ["git", "check-ignore", "--no-index", *cached, *kept]
    ignored = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ignored == cached


def test_package_files_are_empty():
    assert [path for path in (REPOSITORY / "stages").rglob("__init__.py") if path.read_bytes()] == []
