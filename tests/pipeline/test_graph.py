"""dvc.yaml against the code: each stage runs again for its own code and params, and for nothing else."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from webtoon_genre.core import paths
from workflow import graph

STAGES = YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
ORDER = [stage for stage in STAGES if stage != graph.CHECK]
ARCHITECTURE = Path("webtoon_genre/features/backbone.py")  # the code that builds backbones


@pytest.fixture(autouse=True)
def repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


def output_paths(stage: str, kinds: tuple[str, ...] = ("outs", "metrics", "plots")) -> dict[str, dict]:
    """Paths of a stage's outputs with their options, the matrix items filled in."""
    outputs = {}
    for entry in [entry for kind in kinds for entry in STAGES[stage].get(kind, [])]:
        path, options = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
        outputs[path.replace("${item.backbone}", "resnet50")] = options
    return outputs


def test_every_stage_is_a_file_and_every_file_a_stage():
    assert {path.stem for path in Path("stages").glob("[!_]*.py")} == set(ORDER)


def test_the_check_of_params_comes_before_every_stage():
    assert next(iter(STAGES)) == graph.CHECK
    first = [name for name, stage in STAGES.items() if all(is_source(path) for path in stage["deps"])]
    assert first == [graph.CHECK]


def is_source(path: str) -> bool:
    """Whether a dependency is no product of a stage."""
    return Path(path).parts[0] not in ("data", "models", "metrics", "plots")


def test_the_study_s_stages_are_in_its_order():
    study = ["crawl", "resize", "label", "zero_center", "split", "train", "evaluate", "balance", "pairs"]
    assert [stage for stage in ORDER if stage in study] == study
    assert ORDER[-3:] == ["summary", "cards", "report"]


@pytest.fixture(scope="module")
def lists_of() -> dict[str, dict[str, list[str]]]:
    """The lists of every stage that follow from the code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        return graph.updated({"stages": STAGES})


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_s_lists_follow_from_the_code(stage, lists_of):
    # written by `python -m workflow.graph`
    lists = lists_of[stage]
    assert STAGES[stage]["deps"] == lists["deps"]
    assert STAGES[stage].get("params", []) == lists["params"]


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_that_builds_a_backbone_depends_on_the_one_architecture(stage):
    named = [path for path in STAGES[stage]["deps"] if path.startswith("webtoon_genre/backbones")]
    if stage == "select":  # it hands on the digest of the best trial's architecture
        assert named == ["webtoon_genre/backbones"]
    elif stage == "export":  # by what the architecture computes
        assert named == []
        assert "data/best_style.npy" in STAGES[stage]["deps"]
    elif stage == "finetune":  # by that digest
        assert named == []
        assert "metrics/select.json" in STAGES[stage]["deps"]
    elif ARCHITECTURE in graph.import_closure(Path(f"stages/{stage}.py")):
        item = "item.backbone" if "backbone" in STAGES[stage].get("matrix", {}) else "train.backbones[0]"
        assert named == [f"webtoon_genre/backbones/${{{item}}}.py"]
    else:
        assert named == []


def test_the_graph_is_small():
    assert len((REPOSITORY / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 29 * len(STAGES)
    assert len((REPOSITORY / "dvc.lock").read_text(encoding="utf-8").splitlines()) <= 144 * len(STAGES)


def test_the_check_names_the_stages_that_differ(tmp_path):
    text = (REPOSITORY / "dvc.yaml").read_text(encoding="utf-8")
    broken = text.replace("      - stages/split.py\n", "      - stages/split.py\n      - webtoon_genre/training\n")
    assert broken != text
    for name in ("stages", "webtoon_genre"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "dvc.yaml").write_text(broken, encoding="utf-8")
    command = [sys.executable, "-m", "workflow.graph"]
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}
    checked = subprocess.run([*command, "--check"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert checked.returncode == 1
    assert checked.stderr == "graph: dvc.yaml does not fit the code of split; run `python -m workflow.graph`\n"
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "dvc.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("stage", ORDER)
def test_each_stage_s_docstring_states_what_it_reads_and_writes(stage):
    contract = importlib.import_module(f"stages.{stage}").__doc__
    assert "Reads:" in contract
    assert "Writes:" in contract
    assert "Params:" in contract


@pytest.mark.parametrize("stage", ORDER)
def test_stages_never_import_stages(stage):
    source = (REPOSITORY / f"stages/{stage}.py").read_text(encoding="utf-8")
    assert "from stages" not in source
    assert "import stages" not in source


def test_every_experiment_is_collected_by_the_summary():
    experiments = graph.experiments(ORDER)
    assert len(experiments) > 1
    assert {paths.metrics(name).as_posix() for name in experiments} <= set(STAGES["summary"]["deps"])


def test_importing_the_stages_loads_no_slow_library():
    # a stage is a process: what it does not need it should not wait for (great_expectations takes 11 s, keras 5)
    slow = ["tensorflow", "keras", "great_expectations", "sklearn", "seaborn", "dvclive"]
    imports = "; ".join(f"import stages.{stage}" for stage in ORDER)
    program = f"import sys; {imports}; print([name for name in {slow} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_git_ignores_what_dvc_caches_and_nothing_else_that_stages_write():
    # DVC's own lists of ignored files are taken back when a later stage fails
    outputs = {path: options for stage in ORDER for path, options in output_paths(stage).items()}
    cached = [path for path, options in outputs.items() if options.get("cache", True)]
    command = ["git", "check-ignore", "--no-index", *outputs]
    ignored = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ignored == cached
