"""workflow/review.py: the review of a commit, on a real history of two commits."""

import json
import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.drawn_predictions import review_repository
from tests.support.review_change import CHANGE
from tests.support.tiny_params import BACKBONE
from tests.support.tiny_pipeline import Clone
from workflow.changes import fetch_tables
from workflow.comment import Links, format_comment
from workflow.review import github_links, is_edited

SCORES = """\
|  | before | after | change, 95% interval |
| --- | --: | --: | --: |
| `finetuned.genre-classifier.test_accuracy` | 0.440 [0.360, 0.530], 20 titles | 0.840 [0.750, 0.920], 20 titles | a gain, +0.400 [+0.330, +0.470], 20 titles |
| `backbones.alike.test_accuracy` | 0.510 [0.410, 0.620], 20 titles | 0.530 [0.430, 0.630], 20 titles | no difference shown, +0.020 [+0.000, +0.050], 20 titles |
| `backbones.better.test_accuracy` | 0.440 [0.360, 0.530], 20 titles | 0.840 [0.750, 0.920], 20 titles | a gain, +0.400 [+0.330, +0.470], 20 titles |
| `backbones.lost.test_accuracy` | 0.250 [0.160, 0.340], 20 titles | 0.340 [0.250, 0.430], 20 titles |  |
| `backbones.other_rows.test_accuracy` | 0.440 [0.360, 0.530], 20 titles | 0.844 [0.756, 0.933], 18 titles | other test images or labels: 100 before, 90 after, 90 in both |
| `backbones.worse.test_accuracy` | 0.840 [0.750, 0.920], 20 titles | 0.440 [0.360, 0.530], 20 titles | a loss, -0.400 [-0.470, -0.330], 20 titles |
| `baselines.majority.test_accuracy` | 0.200 [0.100, 0.400], 20 titles | 0.300 [0.100, 0.400], 20 titles |  |
| `data.thumbnails` | 100 | 101 | +1 |

In brackets: 95% intervals, whole titles resampled. Changes with an interval are paired by title.

Models lack a change where predictions are neither in DVC's cache nor in its remote; `dvc push` where they were made: `data/predictions/lost.parquet of {base}`.

<details><summary>metrics/summary.json, experiments: 1</summary>

|  | before | after |
| --- | --: | --: |
| `leakage.change` | 0.000 [-0.100, +0.300], 20 titles | +0.100 [-0.100, +0.300], 20 titles |

</details>"""  # noqa: E501


@pytest.fixture(scope="module")
def clone(pipeline):
    """The tiny pipeline, run and committed, then once more with another learning rate."""
    repository = pipeline()
    params = repository.folder / "params.yaml"
    text = params.read_text()
    assert "lr: 0.001 " in text
    params.write_text(text.replace("lr: 0.001 ", "lr: 0.01 ", 1))
    repository.type("dvc repro && git commit -qam 'faster'")
    return repository


@pytest.fixture(scope="module")
def review(clone):
    """The comment on the second commit, as `make review` prints it."""
    return clone.type("python -m workflow.review HEAD~1")


def table_cells(text: str, title: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    lines = text.split(f"### {title}\n")[1].split("\n### ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in table[2:]]


@pytest.mark.slow
def test_the_heading_names_both_commits_and_states_that_the_lock_is_up_to_date(clone, review):
    head, base = clone.type("git log -2 --format=%h --abbrev=7").split()
    assert review.startswith(
        f"## What `{head}` changes\n\nAgainst `{base}`, where it left `HEAD~1`. dvc.lock is up to date"
    )


@pytest.mark.slow
def test_params_that_differ_are_listed_before_and_after(review):
    assert table_cells(review, "Params") == [["lr", "0.001", "0.01"]]


@pytest.mark.slow
def test_scores_are_those_of_dvc_metrics_diff_with_their_intervals(clone, review):
    pairs = json.loads(clone.type("dvc metrics diff HEAD~1 HEAD --json"))["metrics/summary.json"]
    key = f"backbones.{BACKBONE}.test_accuracy"
    before, after = (f"{pairs[key][side]:.3f} {pairs[f'{key}_interval'][side]}" for side in ("old", "new"))
    cells = {row[0]: row[1:] for row in table_cells(review, "Scores")}
    assert cells.keys() == {name.removesuffix("_interval") for name in pairs}
    assert cells[key][:2] == [before, after]
    assert re.fullmatch(r"(a gain|a loss|no difference shown), [+-]\d\.\d{3} \[.*\], \d+ titles", cells[key][2])


@pytest.mark.slow
def test_changes_are_paired_by_predictions_from_the_cache_or_the_default_remote(tmp_path, monkeypatch):
    repository = review_repository(tmp_path / "repository")
    text = repository.type("python -m workflow.review HEAD~1", PYTHONPATH=str(REPOSITORY))
    base = repository.type("git log -1 --format=%h --abbrev=7 HEAD~1").strip()
    assert text.split("### Scores\n\n")[1].split("\n\n### Stages")[0] == SCORES.format(base=base)
    files = [f"data/predictions/{name}.parquet" for name in ("better", "lost")]
    monkeypatch.chdir(repository.folder)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    assert list(fetch_tables(files, "HEAD~1")) == files[:1]
    repository.type(f"dvc remote add -q -d storage {tmp_path / 'storage'} && dvc push -q")
    shutil.rmtree(repository.folder / ".dvc/cache")
    assert list(fetch_tables(files, "HEAD")) == files


@pytest.mark.slow
def test_stages_that_ran_are_listed_with_the_reason(review):
    cells = {row[0]: row[1:] for row in table_cells(review, "Stages")}
    assert set(cells) == {
        "check",
        f"train@{BACKBONE}",
        f"evaluate@{BACKBONE}",
        "select",
        "finetune",
        "export",
        "summary",
        "cards",
        "report",
    }
    assert cells[f"train@{BACKBONE}"][0] == "lr"
    assert f"models/trained/{BACKBONE}" in cells[f"train@{BACKBONE}"][1]
    assert {"metrics/evaluate", "plots/train"} <= set(cells["summary"][0].split(", "))


@pytest.mark.slow
def test_data_and_model_are_listed_with_their_versions(review):
    cells = {row[0]: row[1:] for row in table_cells(review, "Data and model")}
    assert list(cells) == ["data/raw", "data/dataset.parquet", "models/best (genre-classifier)"]
    assert {cells[path][1] for path in ("data/raw", "data/dataset.parquet")} == {"the same"}


@pytest.mark.slow
def test_a_figure_in_git_is_shown_before_beside_after(clone, review):
    path = "plots/summary.png"
    for side, commit in (("before", "HEAD~1"), ("after", "HEAD")):
        assert f'src="{side}/{path}"' in review
        figure = subprocess.run(["git", "show", f"{commit}:{path}"], cwd=clone.folder, capture_output=True, check=True)
        assert (clone.folder / "review" / side / path).read_bytes() == figure.stdout


@pytest.mark.slow
def test_all_figures_that_differ_are_in_a_self_contained_page(clone, review):
    html = (clone.folder / "review/figures.html").read_text()
    figures = [f"plots/evaluate/{BACKBONE}/{name}.png" for name in ("confusion", "examples", "genres")]
    shown = re.findall("<h2>(.*)</h2>", html)
    assert {*figures, "plots/curves.png", "plots/summary.png"} <= set(shown)
    assert html.count("data:image/png;base64,") == 2 * len(shown)
    assert b64encode((clone.folder / "plots/curves.png").read_bytes()).decode() in html
    assert not re.search("https?:|<script|<link", html)
    assert f"All {len(shown)} that differ: [figures.html](figures.html)." in review


@pytest.mark.slow
def test_both_reports_stand_side_by_side(clone, review):
    assert "### Report\n\nBoth reports side by side: [report.html](report.html). They differ in `" in review
    head, base = clone.type("git log -2 --format=%h --abbrev=7").split()
    html = (clone.folder / "review/report.html").read_text(encoding="utf-8")
    assert f"<title>Report of {head} beside {base}</title>" in html


@pytest.mark.slow
def test_on_github_links_lead_to_the_commits_and_to_the_run(clone, monkeypatch):
    monkeypatch.chdir(clone.folder)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    links = github_links(replace(CHANGE, base="HEAD~1", head="HEAD"), "someone/webtoon-genre")
    raw = "https://github.example/someone/webtoon-genre/raw"
    assert links.picture("before", "plots/summary.png") == f"{raw}/HEAD~1/plots/summary.png"
    assert links.picture("after", "plots/summary.png") == f"{raw}/HEAD/plots/summary.png"
    assert links.picture("after", "plots/curves.png") is None
    for name, link in (("figures.html", links.page), ("report.html", links.report)):
        artifact = "https://github.example/someone/webtoon-genre/actions/runs/77#artifacts"
        assert link == f"`{name}` in [the artifact `review`]({artifact})"


@pytest.fixture
def history(tmp_path):
    """A repository of two empty commits."""
    repository = Clone(tmp_path / "history")
    repository.folder.mkdir()
    commit = "git -c user.name=t -c user.email=t commit -q --allow-empty -m"
    repository.type(f"git init -q && {commit} 1 && {commit} 2")
    return repository


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
def test_an_impossible_base_is_one_line(history, base, line):
    result = history.run(f"python -m workflow.review {base}", PYTHONPATH=str(REPOSITORY))
    assert (result.returncode, result.stderr) == (1, line)


def test_in_a_shallow_clone_without_the_base_the_error_names_the_command_that_fetches_it(history, tmp_path):
    history.type(f"git clone -q --depth 1 file://{history.folder} {tmp_path / 'shallow'}")
    result = Clone(tmp_path / "shallow").run("python -m workflow.review HEAD~1", PYTHONPATH=str(REPOSITORY))
    assert result.returncode == 1
    assert result.stderr.endswith("; this clone is shallow: git fetch --unshallow\n")


def test_outside_a_dvc_project_the_error_is_one_line(history):
    result = history.run("python -m workflow.review HEAD~1", PYTHONPATH=str(REPOSITORY))
    assert result.returncode == 1
    assert result.stderr.startswith("review: you are not inside of a DVC repository")
    assert result.stderr.count("\n") == 1


def test_a_working_tree_that_differs_from_its_commit_leaves_the_state_of_the_lock_unknown(history, monkeypatch):
    history.type("echo 1 > file && git add file && git -c user.name=t -c user.email=t commit -qm 3")
    monkeypatch.chdir(history.folder)
    assert not is_edited()
    Path("file").write_text("2\n")
    assert is_edited()
    text = format_comment(replace(CHANGE, stale=None), Links(lambda side, path: None, "", ""))
    assert "Whether dvc.lock is up to date is unknown" in text
