"""The workflows and the template of pull requests on GitHub: their permissions, actions and scripts."""

import os
import shlex
import subprocess

import pytest

from tests.conftest import REPOSITORY
from tests.support.github_workflows import WORKFLOWS, read_workflow, step_script, workflow_steps
from tests.support.tiny_pipeline import Clone


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_only_read_except_for_permissions_that_a_job_requests(name):
    workflow = read_workflow(name)
    assert workflow["permissions"] == {"contents": "read"}
    written = {
        key
        for job in workflow["jobs"].values()
        for key, value in job.get("permissions", {}).items()
        if value == "write"
    }
    assert written == ({"pull-requests"} if name == "review" else set())
    assert "pull_request_target" not in workflow["on"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_uses_only_github_s_actions(name):
    actions = {step["uses"] for step in workflow_steps(name) if "uses" in step}
    assert actions <= {"actions/checkout@v6", "actions/setup-python@v6", "actions/upload-artifact@v6"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_s_scripts_are_shell_without_text_from_strangers(name):
    for script in (step["run"] for step in workflow_steps(name) if "run" in step):
        assert "${{" not in script  # a branch's name would be run as code: it comes by a variable
        subprocess.run(["bash", "-n", "-c", script], check=True)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_calls_only_existing_targets_and_scripts(name):
    lines = [line for step in workflow_steps(name) for line in step.get("run", "").splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    targets = [line[1] for line in words if line and line[0] == "make"]
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=REPOSITORY, check=True, capture_output=True)
    assert "setup" in targets
    assert all((REPOSITORY / line[1]).is_file() for line in words if line and line[0] == "bash")


@pytest.mark.parametrize(
    ("failing", "calls"),
    [("", ["--edit-last"]), ("--edit-last", ["--edit-last", "new"]), ("--edit-last new", ["--edit-last", "new"])],
)
def test_the_comment_replaces_the_last_one_or_is_new_and_is_always_in_the_summary(tmp_path, failing, calls):
    (tmp_path / "review").mkdir()
    (tmp_path / "review/comment.md").write_text("## What it changes\n")
    fake = tmp_path / "gh"
    fake.write_text('#!/bin/sh\nlast=new\nfor last; do :; done\ncase $last in --edit-last) ;; *) last=new ;; esac\n'
                    'echo "$last" >> calls\ncase " $FAILS " in *" $last "*) exit 1 ;; esac\n')  # fmt: skip
    fake.chmod(0o755)
    script = step_script("Write the comment; with a read-only token, as of a fork, the run's summary has it")
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "FAILS": failing, "NUMBER": "7"}
    environment |= {"GITHUB_REPOSITORY": "o/r", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    assert (tmp_path / "calls").read_text().split() == calls
    assert (tmp_path / "summary").read_text() == "## What it changes\n"


def test_a_secret_sets_the_remote(tmp_path):
    clone = Clone(tmp_path)
    clone.type("git init -q && dvc init -q")
    script = shlex.quote(step_script("Set the DVC remote, if a secret names it"))
    assert clone.type(f"bash -ec {script}", URL="") == ""
    clone.type(
        f"bash -ec {script}", URL="s3://bucket/path", OPTIONS="access_key_id someone\nendpointurl http://127.0.0.1:9"
    )
    config = (tmp_path / ".dvc/config.local").read_text().replace(" ", "").splitlines()
    remote = ["url=s3://bucket/path", "access_key_id=someone", "endpointurl=http://127.0.0.1:9"]
    assert config == ["[core]", "remote=review", "['remote\"review\"']", *remote]


def test_the_template_of_pull_requests_asks_for_the_expected_effect():
    text = (REPOSITORY / ".github/pull_request_template.md").read_text(encoding="utf-8")
    assert "expected effect on the scores" in text
    assert "`dvc push`" in text
