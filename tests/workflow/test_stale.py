"""workflow/stale.py: whether dvc.lock is up to date, answered without data."""

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.github_workflows import step_script
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone
from workflow.stale import folder_digest, outdated_inputs


@pytest.fixture(scope="module")
def source(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


@pytest.fixture(scope="module")
def empty(source, tmp_path_factory):
    """A clone without data, cache or remote."""
    folder = tmp_path_factory.mktemp("empty") / "webtoon-genre"
    source.type(f"git clone -q . {folder}")
    return Clone(folder)


@pytest.mark.slow
def test_a_fresh_lock_is_up_to_date_without_any_data(empty):
    result = empty.run("python -m workflow.stale")
    assert (result.returncode, result.stdout) == (0, "dvc.lock is up to date\n")
    assert "data/raw cannot be listed here" in result.stderr


@pytest.mark.slow
def test_dvc_repro_with_pull_and_allow_missing_agrees(empty):
    script = shlex.quote(step_script("DVC has nothing to run"))
    output = empty.type(f"bash -eo pipefail -c {script}", RUNNER_TEMP=str(empty.folder.parent))
    assert empty.stages_run(output) == []
    assert [path.name for path in (empty.folder / "data").iterdir()] == ["croissant.json"]  # the one file of data/ in git


@pytest.fixture(scope="module")
def edited(source, tmp_path_factory):
    """A clone with many edits that make stages run again."""
    folder = tmp_path_factory.mktemp("stale") / "webtoon-genre"
    source.type(f"git clone -q . {folder}")
    clone = Clone(folder)
    clone.type(f"dvc cache dir --local {source.folder / '.dvc/cache'}")
    replace_once(folder / "params.yaml", "lr: 0.001 ", "lr: 0.1 ")
    replace_once(folder / "params.yaml", "interpolation: linear", "interpolation: area")
    replace_once(folder / "dvc.yaml", "cmd: python -m stages.zero_center", "cmd: python3 -m stages.zero_center")
    replace_once(folder / "dvc.yaml", "metrics/style.md", "metrics/style_new.md")
    replace_once(folder / "metrics/crawl.json", "{", "{ ")
    (folder / "metrics/label.json").unlink()
    (folder / "stages/baseline.py").write_text('"""Another."""\n')
    (folder / "stages/pairs.py").unlink()
    lock = folder / "dvc.lock"
    lock.write_text(re.sub(r"\n  leakage:\n(?:   .*\n)*", "\n", lock.read_text()))
    for path in (  # an output, and a dependency that is a part of one
        f"data/features/{BACKBONE}-augmented.npy",
        "data/raw/titles.parquet",
    ):
        lock.write_text(
            re.sub(rf"(path: {path}\n    +hash: md5\n    +md5: )\w+", rf"\g<1>{'f' * 32}", lock.read_text(), count=1)
        )
    return clone


@pytest.fixture(scope="module")
def result(edited):
    return edited.run("python -m workflow.stale")


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        f"train@{BACKBONE}: lr in params.yaml changed",
        "resize: resize in params.yaml changed",
        "zero_center: its command changed",
        "style: metrics/style_new.md is missing",
        "crawl: metrics/crawl.json changed",
        "label: metrics/label.json is missing",
        "baseline: stages/baseline.py changed",
        "pairs: stages/pairs.py is missing",
        "leakage: has not run yet",
        f"train@{BACKBONE}: data/features/{BACKBONE}-augmented.npy has a newer version",
        "select: data/features has a newer version",
        "label: data/raw/titles.parquet has a newer version",
    ],
)
def test_each_reason_to_run_again_is_a_line(result, line):
    assert line in result.stdout.splitlines()


@pytest.mark.slow
def test_a_stale_lock_ends_with_the_remedy_and_exit_code_1(result):
    assert result.returncode == 1
    assert re.fullmatch(
        r"stale: dvc.lock is not up to date \(stages to run: \d+\); run `dvc repro` and commit what it writes\n",
        result.stderr,
    )


@pytest.mark.slow
def test_unchanged_stages_are_not_listed(result):
    stages = {line.partition(":")[0] for line in result.stdout.splitlines()}
    assert not stages & {"split", "finetune", f"evaluate@{BACKBONE}", "ambiguity", f"pretrained@{BACKBONE}"}


def test_a_folder_is_compared_with_the_files_that_several_stages_write_into_it():
    files = {"a.npy": "1", "b.npy": "2"}
    lock = {
        "one": {"outs": [{"path": "data/a.npy", "md5": "1"}]},
        "two": {"outs": [{"path": "data/b.npy", "md5": "2"}]},
        "reader": {"deps": [{"path": "data", "md5": folder_digest(files)}]},
    }
    assert list(outdated_inputs(lock, lambda path: None)) == []
    lock["two"]["outs"][0]["md5"] = "3"
    assert list(outdated_inputs(lock, lambda path: None)) == ["reader: data has a newer version"]


def test_a_part_of_a_folder_is_compared_only_where_the_folder_can_be_listed():
    lock = {"one": {"outs": [{"path": "raw", "md5": "9.dir"}]}, "reader": {"deps": [{"path": "raw/a", "md5": "1"}]}}
    assert list(outdated_inputs(lock, lambda path: None)) == []
    assert list(outdated_inputs(lock, lambda path: {"raw/a": "1"})) == []
    assert list(outdated_inputs(lock, lambda path: {"raw/a": "2"})) == ["reader: raw/a has a newer version"]


# Why this is not `dvc repro --pull --allow-missing --dry`: a part of a folder that another stage has written again.


PIPELINE = """stages:
  crawl:
    cmd: mkdir -p raw && cp content raw/titles && cp content raw/episodes
    deps: [content]
    outs: [raw]
  label:
    cmd: cp raw/titles labels
    deps: [raw/titles]
    outs: [labels]
"""


@pytest.mark.slow
def test_dvc_repro_misses_a_newer_version_of_a_part_of_a_folder_and_this_does_not(tmp_path):
    # if this fails because DVC finds it, workflow/stale.py can go
    source, clone = Clone(tmp_path / "source"), Clone(tmp_path / "clone")
    source.folder.mkdir()
    (source.folder / "dvc.yaml").write_text(PIPELINE)
    (source.folder / "content").write_text("1")
    (source.folder / ".gitignore").write_text("/raw\n/labels\n")
    source.type("git init -q && git config user.name t && git config user.email t && dvc init -q")
    source.type(f"dvc remote add -q -d storage {tmp_path / 'storage'} && dvc repro -q")
    source.type("echo 2 > content && dvc repro -q --single-item crawl && git add -A && git commit -qm 1 && dvc push -q")
    source.type(f"git clone -q . {clone.folder}")
    assert "Data and pipelines are up to date." in clone.type("dvc repro --pull --allow-missing --dry")
    result = clone.run("python -m workflow.stale", PYTHONPATH=str(REPOSITORY))
    assert (result.returncode, result.stdout) == (1, "label: raw/titles has a newer version\n")
