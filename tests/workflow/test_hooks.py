""".pre-commit-config.yaml: checks of a commit, a push and a checkout, in a clone with the hooks installed."""

import os
import re
import shutil
import sys
from hashlib import md5
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from tests.support.tiny_pipeline import Clone

HOOKS = YAML(typ="safe", pure=True).load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
# with it, every request to the network fails
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(pipeline, tmp_path_factory):
    """The tiny pipeline, run and committed, with an empty git remote and the hooks installed."""
    repository = pipeline()
    remotes = tmp_path_factory.mktemp("remotes")
    os.environ["PRE_COMMIT_HOME"] = str(remotes / "pre-commit")
    (repository.folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    if (REPOSITORY / ".mypy_cache").is_dir():  # without it mypy reads the libraries' types for a minute
        shutil.copytree(REPOSITORY / ".mypy_cache", repository.folder / ".mypy_cache")
    repository.type(f"git init -q --bare {remotes / 'git'} && git remote add origin {remotes / 'git'}")
    repository.type(".venv/bin/python -m pre_commit install --allow-missing-config")
    yield repository
    del os.environ["PRE_COMMIT_HOME"]


@pytest.fixture(scope="module")
def refused(clone):
    """The output of every hook in a commit with all faults at once, which is undone afterwards."""
    files = {
        "large.bin": bytes(700_000),
        "key": b"-----BEGIN RSA PRIVATE " + b"KEY-----\n",
        "notes.md": b"token: ghp_" + b"a1" * 18 + b"\n",
        "workflow/ugly.py": b"x = [1,\n  2]\n",
        "workflow/unused.py": b"import os\n",
        "workflow/untyped.py": b'count: int = "many"\n',
        "broken.yaml": b"a: [1\n",
        "blank.md": b"one \ntwo",
        "conflict.md": b"<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n",
    }
    for name, content in files.items():
        (clone.folder / name).write_bytes(content)
    edit(clone.folder / "params.yaml", "  epochs: 5 ", "  epochs: many ")
    edit(
        clone.folder / "dvc.yaml",
        "      - stages/split.py\n",
        "      - stages/split.py\n      - webtoon_genre/training\n",
    )
    edit(clone.folder / "dvc.yaml", "      - label_limit\n", "")
    before = clone.type("git rev-parse HEAD")
    (clone.folder / ".git/MERGE_MSG").touch()  # conflicts are checked during a merge alone
    (clone.folder / ".git/MERGE_HEAD").write_text(before)
    result = clone.run("git add -A && git commit -m wrong", **OFFLINE)
    (clone.folder / ".git/MERGE_HEAD").unlink()
    assert (result.returncode, clone.type("git rev-parse HEAD")) == (1, before)
    clone.type("git reset -q --hard && git clean -fdq")
    return hook_outputs(result.stdout + result.stderr)


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def hook_outputs(output: str) -> dict[str, str]:
    """The output of pre-commit, by hook id; "Passed" for those that passed."""
    outputs = {}
    names = {hook["name"]: hook["id"] for repository in HOOKS["repos"] for hook in repository["hooks"]}
    for part in re.split(r"\n(?=\S[^\n]*\.{3,}(?:\([^\n]*\))?(?:Passed|Failed|Skipped))", "\n" + output):
        title = re.match(r"\n?(\S.*?)\.{3,}", part)
        if title and title[1] in names:
            outputs[names[title[1]]] = "Passed" if part.splitlines()[0].endswith("Passed") else part
    return outputs


@pytest.mark.parametrize(
    ("hook", "line"),
    [
        ("format", "files were modified by this hook"),
        ("lint", "`os` imported but unused"),
        (
            "types",
            'workflow/untyped.py:1: error: Incompatible types in assignment (expression has type "str", variable has type "int")',
        ),
        ("params", "params.yaml: train.epochs is 'many': input should be a valid integer"),
        ("graph", "graph: dvc.yaml does not fit the code of split, label_limit; run `python -m workflow.graph`"),
        ("large", "large.bin (684 KB) exceeds 600 KB."),
        ("private-keys", "Private key found: key"),
        ("secrets", "Secret Type: GitHub Token\nLocation:    notes.md:1"),
        ("merge-conflicts", "conflict.md:1: Merge conflict string '<<<<<<<' found"),
        ("yaml", 'while parsing a flow sequence\n  in "broken.yaml", line 1, column 4'),
        ("line-ends", "Fixing blank.md"),
        ("file-ends", "Fixing blank.md"),
    ],
)
def test_each_fault_is_refused_with_a_line_that_names_it(refused, hook, line):
    assert line in refused[hook]


def test_an_invalid_graph_is_refused_with_dvc_s_error(clone):
    edit(clone.folder / "dvc.yaml", "cmd: python -m stages.split", "cmdd: python -m stages.split")
    result = clone.run("git add -A && .venv/bin/python -m pre_commit run dvc-pre-commit")
    clone.type("git reset -q --hard")
    assert result.returncode == 1
    assert "extra keys not allowed, in stages -> split -> cmdd" in result.stdout


def test_a_clean_commit_passes_every_hook_without_a_network(clone):
    edit(clone.folder / "stages/split.py", '"""', '"""A change: ')
    edit(clone.folder / "params.yaml", "runtime:  ", "runtime:    ")
    (clone.folder / "dvc.yaml").write_text("# A comment.\n" + (clone.folder / "dvc.yaml").read_text())
    outputs = hook_outputs(clone.type("git commit -am clean", **OFFLINE))
    clone.type("git reset -q --hard HEAD~1")
    expected = {hook["id"] for hook in HOOKS["repos"][0]["hooks"] if "stages" not in hook}
    assert outputs == dict.fromkeys(expected, "Passed")


@pytest.fixture(scope="module")
def later(clone):
    """Commit another split; digests of data/dataset.parquet in the commit before it and in this one."""
    before = digest(clone)
    edit(clone.folder / "params.yaml", "    test: 0.2\n  seed: 77", "    test: 0.2\n  seed: 78")
    clone.type("dvc repro split && git commit -qam 'another split' --no-verify")
    return before, digest(clone)


def digest(clone: Clone) -> str:
    return md5((clone.folder / "data/dataset.parquet").read_bytes()).hexdigest()


def test_data_are_pushed_with_their_commits(clone, later):
    output = clone.type("git push origin main")
    assert re.search(r"\d+ files pushed", output)
    store = clone.type("dvc remote list").split()[1]  # the default remote of .dvc/config
    assert (Path(store) / "files/md5" / later[1][:2] / later[1][2:]).is_file()


def test_commits_are_not_pushed_where_their_data_cannot_be(clone, later):
    clone.type("git commit -q --allow-empty -m next --no-verify")
    clone.type("dvc remote add --local --default --force store ssh://nobody@127.0.0.1:9/nowhere")
    result = clone.run("git push origin main")
    assert result.returncode == 1
    assert "data follow the commits (dvc push)" in result.stdout + result.stderr
    assert clone.type("git rev-parse origin/main") == clone.type("git rev-parse HEAD~1")


def test_data_follow_a_checkout(clone, later):
    clone.type("git checkout -q main~2")
    assert digest(clone) == later[0]
    clone.type("git checkout -q main")
    assert digest(clone) == later[1]
