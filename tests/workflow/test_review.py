"""workflow/review.py and workflow/stale.py: what reviewers are told of a commit, on a real history of two."""

import json
import os
import re
import shlex
import subprocess
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.import_closure import REPOSITORY
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone
from workflow.comment import LIMIT, Change, Links, comment
from workflow.pictures import Figure, Side, content, page
from workflow.review import edited, intervals, on_github
from workflow.stale import apart, folder

WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed, then once more with another learning rate."""
    made = pipeline()
    replaced(made.folder / "params.yaml", "lr: 0.0001", "lr: 0.001")
    made.type("dvc repro && git commit -qam 'faster'")
    return made


@pytest.fixture(scope="module")
def reviewed(clone):
    """The comment on the second commit, as `make review` prints it."""
    return clone.type("python -m workflow.review HEAD~1")


@pytest.fixture(scope="module")
def empty(clone, tmp_path_factory):
    """A clone of it without data, cache or remote."""
    folder = tmp_path_factory.mktemp("empty") / "webtoon-genre"
    clone.type(f"git clone -q . {folder}")
    return Clone(folder)


def rows(text: str, title: str) -> list[list[str]]:
    """The cells of the first table behind a heading."""
    lines = text.split(f"### {title}\n")[1].split("\n### ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in table[2:]]


def test_it_names_both_commits_and_says_that_the_lock_is_up_to_date(clone, reviewed):
    head, base = clone.type("git log -2 --format=%h --abbrev=7").split()
    assert reviewed.startswith(
        f"## What `{head}` changes\n\nAgainst `{base}`, where it left `HEAD~1`. dvc.lock is up to date"
    )


def test_params_that_differ_stand_before_and_after(reviewed):
    assert rows(reviewed, "Params") == [["lr", "0.0001", "0.001"]]


def test_scores_are_those_of_dvc_metrics_diff_with_their_intervals(clone, reviewed):
    told = json.loads(clone.type("dvc metrics diff HEAD~1 HEAD --json"))["metrics/summary.json"]
    shown = {row[0]: row[1:] for row in rows(reviewed, "Scores")}
    assert shown.keys() == told.keys()
    for key, pair in told.items():
        assert shown[key][:2] == [f"{pair['old']:.3f}", f"{pair['new']:.3f}"]
    summary = json.loads((clone.folder / "metrics/summary.json").read_text())
    low, high = summary["backbones"][BACKBONE]["test_accuracy_interval"]
    assert shown[f"backbones.{BACKBONE}.test_accuracy"][3] == f"{low:.3f}–{high:.3f}"


def test_stages_that_ran_are_told_with_the_reason(reviewed):
    found = {row[0]: row[1:] for row in rows(reviewed, "Stages")}
    assert list(found) == [f"train@{BACKBONE}", f"evaluate@{BACKBONE}", "summary"]
    assert found[f"train@{BACKBONE}"][0] == "lr"
    assert f"models/{BACKBONE}" in found[f"train@{BACKBONE}"][1]
    assert found["summary"][0] == "metrics/evaluate, plots/train"


def test_data_and_model_are_told_with_their_versions(reviewed):
    found = {row[0]: row[1:] for row in rows(reviewed, "Data and model")}
    assert list(found) == ["data/raw", "data/dataset.parquet", "models/best (genre-classifier)"]
    assert {after for _, after in found.values()} == {"the same"}


def test_a_figure_in_git_stands_before_beside_after(clone, reviewed):
    path = "plots/summary.png"
    for side, commit in (("before", "HEAD~1"), ("after", "HEAD")):
        assert f'src="{side}/{path}"' in reviewed
        shown = subprocess.run(["git", "show", f"{commit}:{path}"], cwd=clone.folder, capture_output=True, check=True)
        assert (clone.folder / "review" / side / path).read_bytes() == shown.stdout


def test_all_figures_that_differ_are_in_a_page_that_needs_nothing_else(clone, reviewed):
    html = (clone.folder / "review/figures.html").read_text()
    kinds = [f"plots/evaluate/{BACKBONE}/{name}.png" for name in ("confusion", "examples", "genres")]
    assert re.findall("<h2>(.*)</h2>", html) == [*kinds, "plots/curves.png", "plots/summary.png"]
    assert html.count("data:image/png;base64,") == 10
    assert b64encode((clone.folder / "plots/curves.png").read_bytes()).decode() in html
    assert not re.search("https?:|<script|<link", html)
    assert "All 5 that differ: [figures.html](figures.html)." in reviewed


def test_on_github_links_lead_to_the_commits_and_to_the_run(clone, monkeypatch):
    monkeypatch.chdir(clone.folder)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    links = on_github(replace(CHANGE, base="HEAD~1", head="HEAD"), "someone/webtoon-genre")
    raw = "https://github.example/someone/webtoon-genre/raw"
    assert links.picture("before", "plots/summary.png") == f"{raw}/HEAD~1/plots/summary.png"
    assert links.picture("after", "plots/summary.png") == f"{raw}/HEAD/plots/summary.png"
    assert links.picture("after", "plots/curves.png") is None
    assert "(https://github.example/someone/webtoon-genre/actions/runs/77#artifacts)" in links.page


@pytest.mark.parametrize(
    ("base", "line"),
    [
        (
            "nowhere",
            "review: BASE is 'nowhere': Not a valid object name nowhere; git branch --all and git log show others\n",
        ),
        (
            "HEAD",
            "review: BASE is 'HEAD', which has all that HEAD has; commit first, or name an earlier one: BASE=HEAD~1\n",
        ),
    ],
)
def test_a_base_that_cannot_be_is_one_line(clone, base, line):
    result = clone.run(f"python -m workflow.review {base}")
    assert (result.returncode, result.stderr) == (1, line)


def test_a_shallow_clone_without_the_base_is_told_what_to_fetch(clone, tmp_path):
    clone.type(f"git clone -q --depth 1 file://{clone.folder} {tmp_path / 'shallow'}")
    result = Clone(tmp_path / "shallow").run("python -m workflow.review HEAD~1")
    assert result.returncode == 1
    assert result.stderr.endswith("; this clone is shallow: git fetch --unshallow\n")


def test_elsewhere_than_in_a_dvc_project_is_one_line(tmp_path):
    other = Clone(tmp_path)
    other.type("git init -q && git -c user.name=t -c user.email=t commit -q --allow-empty -m 1")
    other.type("git -c user.name=t -c user.email=t commit -q --allow-empty -m 2")
    result = other.run("python -m workflow.review HEAD~1", PYTHONPATH=str(REPOSITORY))
    assert result.returncode == 1
    assert result.stderr.startswith("review: you are not inside of a DVC repository")
    assert result.stderr.count("\n") == 1


# The comment, from facts that are made up.

SAME = {
    "cmd": "make",
    "params": {"params.yaml": {"lr": 1, "head": {"pool": "a"}}},
    "deps": [{"path": "a.py", "md5": "1"}],
}
CHANGE = Change(
    against="main",
    base="b" * 40,
    head="a" * 40,
    params={},
    metrics={},
    intervals={},
    was={},
    now={},
    artifacts={},
    stale=[],
    figures=[],
)
LINKS = Links(lambda side, path: f"{side}/{path}", "there")


def test_a_change_of_nothing_says_so():
    text = comment(CHANGE, LINKS)
    assert text.count("Nothing differs.") == 3
    assert "### Figures" not in text


def test_a_comment_is_never_longer_than_github_allows():
    pairs = {f"backbones.{number:04}.{'x' * 90}": {"old": 0.25, "new": None} for number in range(1000)}
    stages = {
        f"train@{number}": {**SAME, "outs": [{"path": f"{number}", "md5": "1", "size": 1}]} for number in range(1000)
    }
    long = replace(
        CHANGE,
        params={"params.yaml": pairs},
        metrics={"metrics/summary.json": pairs, **{f"metrics/{number}.json": pairs for number in range(10)}},
        now=stages,
        stale=list(pairs),
        figures=[Figure(f"plots/{number}.png", Side(None, None), Side("1", b"")) for number in range(1000)],
    )
    text = comment(long, LINKS)
    assert len(text) <= LIMIT
    assert re.search("and 9[0-9][0-9] more", text)
    assert text.count("<details>") == text.count("</details>")


def test_values_of_params_cannot_become_markdown():
    text = comment(replace(CHANGE, params={"params.yaml": {"a|b": {"old": "@someone <b> `x`", "new": [1, 2]}}}), LINKS)
    assert "| `a\\|b` | `@someone <b> 'x'` | `[1, 2]` |" in text


def test_scores_are_in_sight_and_other_numbers_folded():
    metrics = {
        "metrics/summary.json": {
            "balance.down.accuracy": {"old": -0.01, "new": 0.02},
            "backbones.vgg16.val_accuracy": {"old": 0.5, "new": 0.25},
            "data.thumbnails": {"old": 168, "new": 1680},
            "finetuned.best.test_accuracy": {"new": 0.75},
        },
        "metrics/crawl.json": {"episodes": {"old": 200, "new": 2000}},
    }
    shown, folded = comment(replace(CHANGE, metrics=metrics), LINKS).split("### Scores")[1].split("<details>", 1)
    assert (
        "| `finetuned.best.test_accuracy` | – | 0.750 |  |\n| `backbones.vgg16.val_accuracy` | 0.500 | 0.250 | -0.250 |"
        in shown
    )
    assert "| `data.thumbnails` | 168 | 1,680 | +1,512 |" in shown
    assert "metrics/summary.json, experiments: 1" in folded
    assert "| `episodes` | 200 | 2,000 | +1,800 |" in folded


def test_a_stage_that_ran_with_the_same_outcome_is_told_so():
    after = {**SAME, "deps": [{"path": "a.py", "md5": "2"}], "outs": [{"path": "o", "md5": "1", "size": 1}]}
    before = {**SAME, "outs": after["outs"]}
    text = comment(replace(CHANGE, was={"split": before}, now={"split": after}), LINKS)
    assert "| `split` | `a.py` | nothing: the same bytes |" in text


def test_a_stage_s_command_its_params_one_by_one_and_what_is_new_are_reasons():
    after = {
        "cmd": "cmake",
        "params": {"params.yaml": {"lr": 1, "head": {"pool": "b"}}},
        "deps": [{"path": "b.py", "md5": "1"}],
    }
    text = comment(replace(CHANGE, was={"split": SAME}, now={"split": after, "crawl": after}), LINKS)
    assert "| `split` | `its command`, `head.pool`, `b.py`, `a.py` |" in text
    assert "| `crawl` | `(new)` |" in text


def test_a_lock_that_is_not_up_to_date_is_a_warning_before_everything():
    text = comment(replace(CHANGE, stale=["split: stages/split.py changed"]), LINKS)
    assert "> [!WARNING]\n> dvc.lock is not up to date" in text.split("###")[0]
    assert "> - `split: stages/split.py changed`" in text


def test_of_a_tree_that_is_not_the_commit_nothing_is_said_about_the_lock(clone, monkeypatch):
    monkeypatch.chdir(clone.folder)
    assert not edited()
    params = clone.folder / "params.yaml"
    kept = params.read_bytes()
    params.write_bytes(kept + b"# edited\n")
    assert edited()
    params.write_bytes(kept)
    assert "Whether dvc.lock is up to date is not told" in comment(replace(CHANGE, stale=None), LINKS)


def test_a_picture_that_is_nowhere_is_told_from_a_figure_that_never_was():
    assert content(Side("1", None), "png") == "not in DVC's cache, nor in its remote"
    assert content(Side(None, None), "png") == "there is none"
    lost = Figure("plots/a.png", Side("1", None), Side("2", b""))
    assert "1 lack a picture" in comment(replace(CHANGE, figures=[lost]), LINKS)
    assert "<h2>plots/a.png</h2>" in page([lost], "b", "a")


def test_intervals_are_found_by_the_score_they_belong_to():
    assert intervals({"a": {"b_interval": [0, 1], "b": 0.5}}) == {"a.b": [0, 1]}


# Is dvc.lock up to date?


def test_a_fresh_lock_is_found_so_without_any_data(empty):
    result = empty.run("python -m workflow.stale")
    assert (result.returncode, result.stdout) == (0, "dvc.lock is up to date\n")
    assert "data/raw cannot be listed here" in result.stderr


def test_dvc_repro_with_pull_and_allow_missing_agrees(empty):
    script = shlex.quote(script_of("DVC has nothing to run"))
    printed = empty.type(f"bash -eo pipefail -c {script}", RUNNER_TEMP=str(empty.folder.parent))
    assert empty.ran(printed) == []
    assert not (empty.folder / "data").exists()


@pytest.fixture(scope="module")
def stale(clone, tmp_path_factory):
    """What is told of a clone in which much is amiss."""
    folder = tmp_path_factory.mktemp("stale") / "webtoon-genre"
    clone.type(f"git clone -q . {folder}")
    other = Clone(folder)
    other.type(f"dvc cache dir --local {clone.folder / '.dvc/cache'}")
    replaced(folder / "params.yaml", "lr: 0.001", "lr: 0.1")
    replaced(folder / "params.yaml", "interpolation: linear", "interpolation: area")
    replaced(folder / "dvc.yaml", "cmd: python -m stages.zero_center", "cmd: python3 -m stages.zero_center")
    replaced(folder / "dvc.yaml", "metrics/style.md", "metrics/style_anew.md")
    replaced(folder / "metrics/crawl.json", "{", "{ ")
    (folder / "metrics/label.json").unlink()
    (folder / "stages/baseline.py").write_text('"""Another."""\n')
    (folder / "stages/pairs.py").unlink()
    lock = folder / "dvc.lock"
    lock.write_text(re.sub(r"\n  leakage:\n(?:   .*\n)*", "\n", lock.read_text()))
    for path in (
        f"data/features/{BACKBONE}-augmented.npy",
        "data/raw/titles.parquet",
    ):  # an output, and a part of one as it was read
        lock.write_text(
            re.sub(rf"(path: {path}\n    +hash: md5\n    +md5: )\w+", rf"\g<1>{'f' * 32}", lock.read_text(), count=1)
        )
    return other.run("python -m workflow.stale")


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "line",
    [
        f"train@{BACKBONE}: lr in params.yaml changed",
        "resize: resize in params.yaml changed",
        "zero_center: its command changed",
        "style: metrics/style_anew.md is missing",
        "crawl: metrics/crawl.json changed",
        "label: metrics/label.json is missing",
        "baseline: stages/baseline.py changed",
        "pairs: stages/pairs.py is missing",
        "leakage: has not run yet",
        f"train@{BACKBONE}: data/features/{BACKBONE}-augmented.npy was made anew since",
        "finetune: data/features was made anew since",
        "label: data/raw/titles.parquet was made anew since",
    ],
)
def test_each_reason_to_run_again_is_a_line(stale, line):
    assert line in stale.stdout.splitlines()


def test_a_stale_lock_ends_with_what_to_do_and_exit_code_1(stale):
    assert stale.returncode == 1
    assert re.fullmatch(
        r"stale: dvc.lock is not up to date \(stages to run: \d+\); run `dvc repro` and commit what it writes\n",
        stale.stderr,
    )


def test_what_is_as_it_was_made_is_no_reason(stale):
    named = {line.partition(":")[0] for line in stale.stdout.splitlines()}
    assert not named & {"split", "select", f"evaluate@{BACKBONE}", "ambiguity", f"pretrained@{BACKBONE}"}


def test_a_folder_is_compared_with_the_files_that_several_stages_put_there():
    files = {"a.npy": "1", "b.npy": "2"}
    lock = {
        "one": {"outs": [{"path": "data/a.npy", "md5": "1"}]},
        "two": {"outs": [{"path": "data/b.npy", "md5": "2"}]},
        "reader": {"deps": [{"path": "data", "md5": folder(files)}]},
    }
    assert list(apart(lock, lambda path: None)) == []
    lock["two"]["outs"][0]["md5"] = "3"
    assert list(apart(lock, lambda path: None)) == ["reader: data was made anew since"]


def test_a_part_of_a_folder_is_compared_only_where_the_folder_can_be_listed():
    lock = {"one": {"outs": [{"path": "raw", "md5": "9.dir"}]}, "reader": {"deps": [{"path": "raw/a", "md5": "1"}]}}
    assert list(apart(lock, lambda path: None)) == []
    assert list(apart(lock, lambda path: {"raw/a": "1"})) == []
    assert list(apart(lock, lambda path: {"raw/a": "2"})) == ["reader: raw/a was made anew since"]


# The workflows.


def workflow(name: str) -> dict:
    """A workflow; YAML 1.2, in which `on` is a word."""
    return YAML(typ="safe", pure=True).load((REPOSITORY / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))


def steps(name: str) -> list[dict]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def script_of(name: str) -> str:
    """The script of a step of the review, by the step's name, with DVC from PATH."""
    return next(step["run"] for step in steps("review") if step.get("name") == name).replace(".venv/bin/", "")


NAMES = [path.stem for path in WORKFLOWS]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_only_read_but_for_what_a_job_asks_for(name):
    found = workflow(name)
    assert found["permissions"] == {"contents": "read"}
    asked = {
        key for job in found["jobs"].values() for key, value in job.get("permissions", {}).items() if value == "write"
    }
    assert asked == ({"pull-requests"} if name == "review" else set())
    assert "pull_request_target" not in found["on"]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_uses_the_code_host_s_own_actions_alone(name):
    used = {step["uses"] for step in steps(name) if "uses" in step}
    assert used <= {"actions/checkout@v6", "actions/setup-python@v6", "actions/upload-artifact@v6"}


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_s_scripts_are_shell_and_take_no_text_of_strangers(name):
    for script in (step["run"] for step in steps(name) if "run" in step):
        assert "${{" not in script  # a branch's name would be run as code: it comes by a variable
        subprocess.run(["bash", "-n", "-c", script], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_calls_only_what_there_is(name):
    words = [shlex.split(line, comments=True) for step in steps(name) for line in step.get("run", "").splitlines()]
    targets = [line[1] for line in words if line and line[0] == "make"]
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=REPOSITORY, check=True, capture_output=True)
    assert "setup" in targets
    assert all((REPOSITORY / line[1]).is_file() for line in words if line and line[0] == "bash")


@pytest.mark.parametrize(
    ("fails", "calls"),
    [("", ["--edit-last"]), ("--edit-last", ["--edit-last", "new"]), ("--edit-last new", ["--edit-last", "new"])],
)
def test_the_comment_is_written_anew_or_once_and_without_leave_the_summary_has_it(tmp_path, fails, calls):
    (tmp_path / "review").mkdir()
    (tmp_path / "review/comment.md").write_text("## What it changes\n")
    fake = tmp_path / "gh"
    fake.write_text('#!/bin/sh\nlast=new\nfor last; do :; done\ncase $last in --edit-last) ;; *) last=new ;; esac\n'
                    'echo "$last" >> calls\ncase " $FAILS " in *" $last "*) exit 1 ;; esac\n')  # fmt: skip
    fake.chmod(0o755)
    script = script_of("The comment; where the token may only read, as a fork's does, the run's summary")
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "FAILS": fails, "NUMBER": "7"}
    environment |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    assert (tmp_path / "calls").read_text().split() == calls
    assert (tmp_path / "summary").read_text() == "## What it changes\n"


def test_a_secret_tells_where_the_data_are(empty):
    script = shlex.quote(script_of("Where the data are, if a secret tells"))
    assert empty.type(f"bash -ec {script}", URL="") == ""
    empty.type(
        f"bash -ec {script}", URL="s3://bucket/path", OPTIONS="access_key_id someone\nendpointurl http://127.0.0.1:9"
    )
    written = (empty.folder / ".dvc/config.local").read_text().replace(" ", "").splitlines()
    (empty.folder / ".dvc/config.local").unlink()
    remote = ["url=s3://bucket/path", "access_key_id=someone", "endpointurl=http://127.0.0.1:9"]
    assert written == ["[core]", "remote=review", "['remote\"review\"']", *remote]


def test_the_template_of_pull_requests_asks_what_was_expected():
    text = (REPOSITORY / ".github/pull_request_template.md").read_text(encoding="utf-8")
    assert "expected to do to the scores" in text
    assert "`dvc push`" in text
