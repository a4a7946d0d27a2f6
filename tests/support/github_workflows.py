"""GitHub's workflows of this project: their names, steps and scripts."""

from ruamel.yaml import YAML

from tests.conftest import REPOSITORY

WORKFLOWS = sorted(path.stem for path in (REPOSITORY / ".github/workflows").glob("*.yml"))


def read_workflow(name: str) -> dict:
    """Read a workflow as YAML 1.2, in which `on` is a string."""
    return YAML(typ="safe", pure=True).load((REPOSITORY / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))


def workflow_steps(name: str) -> list[dict]:
    return [step for job in read_workflow(name)["jobs"].values() for step in job["steps"]]


def step_script(name: str) -> str:
    """The script of a step of the workflow `review`, by the step's name, with DVC from PATH."""
    scripts = {step.get("name"): step.get("run") for step in workflow_steps("review")}
    return scripts[name].replace(".venv/bin/", "")
