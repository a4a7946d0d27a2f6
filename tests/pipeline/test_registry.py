"""docs/registry.md: another project takes data and model from this one, with the commands in the document's blocks."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import REPOSITORY
from tests.support.tiny_pipeline import GIT, Clone

pytestmark = pytest.mark.slow
TEXT = (REPOSITORY / "docs/registry.md").read_text(encoding="utf-8")
NAME = "genre-classifier"


def block(heading: str, index: int) -> str:
    """A block of commands or of Python below a heading, counted from 0."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)[index]


class Published:
    """This project for other users: a bare git repository by URL, and a DVC remote; `clone` is its maintainer's."""

    def __init__(self, clone: Clone, folder: Path):
        self.clone, self.remote, self.bare = clone, folder / "storage", folder / "webtoon-genre.git"
        clone.type(f"git clone -q --bare . {self.bare} && git remote add origin {self.bare} && git fetch -q")
        clone.type("git branch -q --set-upstream-to origin/main")
        clone.type(f"dvc remote add -q --force --default storage {self.remote}")
        clone.type("git commit -qam 'a remote with a full address'")

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables in the document's blocks."""
        return {"PROJECT": f"file://{self.bare}", "REMOTE": str(self.remote)}

    def read_bytes(self, path: str) -> bytes:
        """Read a file of the maintainer's clone."""
        return (self.clone.folder / path).read_bytes()


@pytest.fixture(scope="module")
def published(pipeline, tmp_path_factory):
    """Version v1.0.0, registered and assigned to the stage prod with the document's commands."""
    project = Published(pipeline(), tmp_path_factory.mktemp("published"))
    assert project.clone.type("git tag") == ""
    project.output = project.clone.type(block("Publish a version", 0))
    return project


@pytest.fixture
def other(tmp_path):
    """An empty other project."""
    return new_project(tmp_path / "other")


def new_project(folder: Path) -> Clone:
    """Create an empty git and DVC repository."""
    folder.mkdir(exist_ok=True)
    project = Clone(folder)
    project.type(f"git init -q -b main && dvc init -q && {GIT} commit -qm start")
    project.type("git config user.name t && git config user.email t@example.org")
    return project


def run_script(other: Clone, code: str, *arguments: str, **variables: str) -> str:
    """Run a Python script in the other project and return its output."""
    (other.folder / "script.py").write_text(code)
    return other.type(" ".join([sys.executable, "script.py", *arguments]), **variables)


def test_publishing_pushes_the_data_and_creates_tags_that_dvc_reads(published):
    assert "Cache and remote 'storage' are in sync." in published.output
    tags = published.clone.type(f"git -C {published.bare} tag").split()
    assert tags == [f"{NAME}#prod#1", f"{NAME}@v1.0.0"]


def test_a_file_of_a_version_is_taken(published, other):
    other.type(block("Take files", 0).splitlines()[0], **published.variables)
    assert (other.folder / "dataset.parquet").read_bytes() == published.read_bytes("data/dataset.parquet")


def test_tables_are_read_without_a_copy(published, other):
    output = run_script(other, block("Read without a copy", 0), **published.variables)
    rows = len(pq.read_table(published.clone.folder / "data/dataset.parquet"))
    scores = json.loads(published.read_bytes("metrics/finetune.json"))["best"]["test"]
    first, url = output.splitlines()
    assert first == f"{rows} images, test accuracy {scores['accuracy']}"
    assert Path(url).is_relative_to(published.remote)
    assert Path(url).read_bytes() == published.read_bytes("data/dataset.parquet")


@pytest.mark.exhaustive
def test_a_remote_with_a_relative_address_works_for_a_project_named_by_path(published, other, relative):
    other.type(f"dvc get {relative.folder} data/labels.parquet --rev HEAD")
    assert (other.folder / "labels.parquet").read_bytes() == published.read_bytes("data/labels.parquet")


@pytest.fixture
def relative(published, tmp_path):
    """A clone without a cache whose remote is a relative folder."""
    project = Clone(tmp_path / "webtoon-genre")
    published.clone.type(f"git clone -q . {project.folder}")
    (tmp_path / "storage").symlink_to(published.remote)
    (project.folder / ".dvc/config").write_text(
        "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n"
    )
    project.type(f"{GIT} commit -qam 'a relative remote'")
    return project


@pytest.mark.exhaustive
def test_a_user_who_names_such_a_project_by_url_gives_the_remote_s_address(published, other, relative):
    variables = {**published.variables, "PROJECT": f"file://{relative.folder}"}
    refused = other.run("dvc get $PROJECT data/labels.parquet", **variables)
    assert refused.returncode != 0
    assert "ERROR: unexpected error - [Errno 2] No storage files available: 'data/labels.parquet'" in refused.stderr
    other.type(block("Publish a version", 1), **variables)
    for name in ("labels.parquet", "imported.parquet"):
        assert (other.folder / name).read_bytes() == published.read_bytes("data/labels.parquet")
    assert str(published.remote) in (other.folder / "imported.parquet.dvc").read_text()


# The next version: last, since it is committed on top of the first.


@pytest.fixture(scope="module")
def importing(published, tmp_path_factory):
    """Another project, which imported the model before version v1.1.0 existed, and its first config.json."""
    other = new_project(tmp_path_factory.mktemp("importing"))
    other.type("\n".join(block("Take files", 0).splitlines()[1:]), **published.variables)
    first = (other.folder / "best/config.json").read_bytes()
    release(published.clone)
    return other, first


def release(clone: Clone) -> None:
    """Register v1.1.0 with git alone: the same model and one more byte. DVC transfers any bytes, however they were produced."""
    clone.type(f"git tag {NAME}@v1.2.0")  # lightweight: registers nothing
    with (clone.folder / "models/best/config.json").open("a") as config:
        config.write("\n")
    clone.type("dvc commit -q --force export && git commit -qam 'another model'")
    clone.type(f"dvc push -q export && git tag -a {NAME}@v1.1.0 -m why && git push -q origin main --tags")


def test_an_import_takes_a_newer_version_by_dvc_update(published, importing):
    other, first = importing
    assert "update available" in other.type("dvc status")
    other.type(block("Take files", 1), **published.variables)
    assert (other.folder / "best/config.json").read_bytes() == first + b"\n"


@pytest.fixture(scope="module")
def user(published, importing, tmp_path_factory):
    """A project that took the model three times: the newest version, v1.0.0, and the one of stage prod."""
    other = new_project(tmp_path_factory.mktemp("user"))
    other.type(block("Take the model", 0), **published.variables)
    return other


def test_each_version_and_stage_is_taken_by_its_name(user, importing):
    _, first = importing
    configs = [(user.folder / name / "config.json").read_bytes() for name in ("newest", "v1", "prod")]
    assert configs == [first + b"\n", first, first]


def test_an_unregistered_version_is_refused(published, importing, other):
    refused = other.run(f"dvc artifacts get $PROJECT {NAME} --rev 1.0.0", **published.variables)
    assert refused.returncode != 0
    assert f"Failed to download artifact '{NAME}' via Studio - No studio config" in refused.stderr
    assert f"Unable to find artifact '{NAME} @ 1.0.0'" in refused.stderr


def test_the_model_predicts_in_another_project_what_evaluate_scored(published, user):
    rows = write_test_pictures(published.clone.folder / "data", user.folder)
    output = user.type(f"{block('Take the model', 1).strip()} --json")
    records = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    predictions = {record["picture"]: record["genre"] for record in records}
    right = sum(predictions[f"{name}.jpg"] == genre for name, genre in rows["genre"].items())
    scores = json.loads(published.read_bytes("metrics/finetune.json"))["best"]["test"]
    assert (len(rows), round(right / len(rows), 6)) == (scores["images"], scores["accuracy"])


def test_the_model_of_a_version_predicts_without_a_copy(published, user):
    rows = write_test_pictures(published.clone.folder / "data", user.folder)
    command = block("Take the model", 2).strip().replace("*.jpg", f"{rows.index[0]}.jpg --json")
    record = json.loads(user.type(command, **published.variables).splitlines()[-1])
    local = json.loads(user.type(f"webtoon-genre predict --model v1 {rows.index[0]}.jpg --json").splitlines()[-1])
    assert record == local


def write_test_pictures(data: Path, folder: Path) -> pd.DataFrame:
    """Write the thumbnails of the test rows to `folder`, and return the rows; the index has the files' names."""
    dataset = pq.read_table(data / "dataset.parquet").to_pandas().query("split == 'test'")
    rows = dataset.set_index(dataset["title_id"].astype(str) + "-" + dataset["no"].astype(str))
    for name, row in rows.iterrows():
        images = pq.read_table(data / f"raw/thumbnails/{row['title_id']}.parquet").to_pandas().set_index("no")["image"]
        (folder / f"{name}.jpg").write_bytes(images[row["no"]])
    return rows
