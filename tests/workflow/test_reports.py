"""workflow/reports.py: the reports of two commits from DVC's cache or its default remote, on a history of real commits."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.report_pages import number, report_page
from tests.support.review_change import CHANGE
from tests.support.tiny_pipeline import Clone
from workflow.command import file_at
from workflow.comment import Links, format_comment, format_reports
from workflow.reports import Reports, compare_reports
from workflow.verify import parse_lock

GIT = "git -c user.name=t -c user.email=t@example.org"
LINKS = Links(lambda side, path: None, "", "[report.html](report.html)")
STAGE = "stages: {report: {cmd: exit, deps: [version], outs: [report/index.html]}}\n"


def commit_report(clone: Clone, page: bytes | None) -> None:
    """Commit a report, or a state without the stage."""
    version = clone.folder / "version"
    version.write_text(version.read_text() + "1" if version.exists() else "1")
    if page is not None:
        (clone.folder / "dvc.yaml").write_text(STAGE)
        (clone.folder / "report").mkdir(exist_ok=True)
        (clone.folder / "report/index.html").unlink(missing_ok=True)
        (clone.folder / "report/index.html").write_bytes(page)
        clone.type("dvc commit -q -f")
    clone.type(f"git add -A && {GIT} commit -qm report")


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> Path:
    """Commits, the last one first: another grid, another number, the same report with another input, the first report, none."""
    clone = Clone(tmp_path_factory.mktemp("history"))
    clone.type("git init -q -b main && dvc init -q")
    first, second = (report_page({"data": number("data.json#/x", x), "grid": ""}) for x in (1, 2))
    for page in (None, first, first, second, second.replace(b"</h2>", b" of trials</h2>")):
        commit_report(clone, page)
    return clone.folder


@pytest.fixture
def clone(history, tmp_path, monkeypatch) -> Clone:
    """A copy of `history`, as the working directory."""
    shutil.copytree(history, tmp_path / "clone")
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return Clone(tmp_path / "clone")


def compare(base: str, head: str) -> Reports:
    before, after = (parse_lock(file_at(commit, "dvc.lock")) for commit in (base, head))
    return compare_reports(before, after, base, head)


@pytest.mark.slow
def test_the_page_has_the_numbers_of_both_commits_and_the_comment_names_the_parts(clone):
    reports = compare("HEAD~3", "HEAD~1")
    assert reports.changed == ["Data"]
    assert '<data value="1" data-source="data.json#/x" class="changed">1.000</data>' in reports.page
    assert '<data value="2" data-source="data.json#/x" class="changed">2.000</data>' in reports.page
    line = "Both reports side by side: [report.html](report.html). They differ in `Data`."
    assert format_reports(reports, LINKS) == f"### Report\n\n{line}"


@pytest.mark.slow
def test_the_same_report_has_no_page(clone):
    reports = compare("HEAD~3", "HEAD~2")
    assert reports == Reports(None, [], [])
    assert format_reports(reports, LINKS) == "### Report\n\nNo part of the report differs."


@pytest.mark.slow
def test_a_commit_without_the_stage_is_one_line(clone):
    reports = compare("HEAD~4", "HEAD")
    assert reports.page is None
    line = "No reports side by side: the dvc.lock of `HEAD~4` has none."
    assert format_reports(reports, LINKS) == f"### Report\n\n{line}"


@pytest.mark.slow
def test_reports_come_from_the_remote_and_those_that_are_nowhere_are_one_line(clone, tmp_path):
    clone.type(f"dvc remote add -q -d storage {tmp_path / 'storage'}")
    shutil.move(clone.folder / ".dvc/cache", tmp_path / "storage")
    assert compare("HEAD~3", "HEAD~1").changed == ["Data"]
    shutil.rmtree(tmp_path / "storage")
    shutil.rmtree(clone.folder / ".dvc/cache", ignore_errors=True)
    reports = compare("HEAD~3", "HEAD~1")
    assert reports.page is None
    reasons = [
        f"that of `{commit}` is neither in DVC's cache nor in its remote, `dvc push` where it was made"
        for commit in ("HEAD~3", "HEAD~1")
    ]
    assert format_reports(reports, LINKS) == f"### Report\n\nNo reports side by side: {'; '.join(reasons)}."


def test_the_comment_names_twelve_parts_at_most():
    reports = Reports("", [f"part {number}" for number in range(14)], [])
    assert format_reports(reports, LINKS).endswith("`part 10`, `part 11` and 2 more.")
    assert "### Report" in format_comment(CHANGE, LINKS)


@pytest.mark.slow
def test_make_review_writes_the_page_and_removes_that_of_an_earlier_run(clone):
    clone.type("python -m workflow.review HEAD~1")
    page = Path("review/report.html").read_text()
    head, base = clone.type("git log -2 --format=%h --abbrev=7").split()
    assert f"<title>Report of {head} beside {base}</title>" in page
    clone.type("git reset -q --hard HEAD~2 && python -m workflow.review HEAD~1")
    assert not Path("review/report.html").exists()
