"""docs/registry.md: another project takes data and model from this one; the blocks of the document are what is run here."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.conftest import REPOSITORY
from tests.support.tiny_pipeline import GIT, Clone

TEXT = (REPOSITORY / "docs/registry.md").read_text(encoding="utf-8")
NAME = "genre-classifier"


def block(heading: str, place: int) -> str:
    """A block of commands or of Python under a heading, counted from 0."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)[place]


class Published:
    """This project as others see it: a bare git repository by URL, and a DVC remote; `clone` is its maintainer's."""

    def __init__(self, clone: Clone, folder: Path):
        self.clone, self.remote, self.bare = clone, folder / "storage", folder / "webtoon-genre.git"
        clone.type(f"git clone -q --bare . {self.bare} && git remote add origin {self.bare} && git fetch -q")
        clone.type("git branch -q --set-upstream-to origin/main")
        clone.type(f"dvc remote add -q --force --default storage {self.remote}")
        clone.type("git commit -qam 'a remote with a full address'")

    @property
    def variables(self) -> dict[str, str]:
        """What the document's blocks know it by."""
        return {"PROJECT": f"file://{self.bare}", "REMOTE": str(self.remote)}

    def bytes_of(self, path: str) -> bytes:
        """A file as the maintainer has it."""
        return (self.clone.folder / path).read_bytes()


@pytest.fixture(scope="module")
def published(pipeline, tmp_path_factory):
    """Version v1.0.0, registered and assigned to the stage prod as the document says."""
    made = Published(pipeline(), tmp_path_factory.mktemp("published"))
    made.printed = made.clone.type(block("Publish a version", 0))
    return made


@pytest.fixture
def other(tmp_path):
    """Another project with nothing in it."""
    return begun(tmp_path / "other")


def begun(folder: Path) -> Clone:
    """A git and DVC repository with nothing in it."""
    folder.mkdir(exist_ok=True)
    made = Clone(folder)
    made.type(f"git init -q -b main && dvc init -q && {GIT} commit -qm start")
    made.type("git config user.name t && git config user.email t@example.org")
    return made


def python(other: Clone, code: str, *arguments: str, **variables: str) -> str:
    """What a script prints in the other project."""
    (other.folder / "script.py").write_text(code)
    return other.type(" ".join([sys.executable, "script.py", *arguments]), **variables)


def test_publishing_pushes_the_data_and_leaves_tags_that_dvc_reads(published):
    assert "Cache and remote 'storage' are in sync." in published.printed
    tags = published.clone.type(f"git -C {published.bare} tag").split()
    assert tags == [f"{NAME}#prod#1", f"{NAME}@v1.0.0"]


def test_a_file_is_taken_as_it_was_at_a_version(published, other):
    other.type(block("Take files", 0).splitlines()[0], **published.variables)
    assert (other.folder / "dataset.parquet").read_bytes() == published.bytes_of("data/dataset.parquet")


def test_tables_are_read_without_a_copy(published, other):
    printed = python(other, block("Read without a copy", 0), **published.variables)
    rows = len(pq.read_table(published.clone.folder / "data/dataset.parquet"))
    scores = json.loads(published.bytes_of("metrics/finetune.json"))["best"]["test"]
    first, url = printed.splitlines()
    assert first == f"{rows} images, test accuracy {scores['accuracy']}"
    assert Path(url).is_relative_to(published.remote)
    assert Path(url).read_bytes() == published.bytes_of("data/dataset.parquet")


def test_a_remote_with_a_relative_address_serves_who_names_the_project_by_path(published, other, relative):
    other.type(f"dvc get {relative.folder} data/labels.parquet --rev HEAD")
    assert (other.folder / "labels.parquet").read_bytes() == published.bytes_of("data/labels.parquet")


@pytest.fixture
def relative(published, tmp_path):
    """A clone without a cache whose remote is a relative folder."""
    made = Clone(tmp_path / "webtoon-genre")
    published.clone.type(f"git clone -q . {made.folder}")
    (tmp_path / "storage").symlink_to(published.remote)
    (made.folder / ".dvc/config").write_text(
        "[core]\n    remote = storage\n['remote \"storage\"']\n    url = ../../storage\n"
    )
    made.type(f"{GIT} commit -qam 'a relative remote'")
    return made


def test_who_names_such_a_project_by_url_says_where_the_remote_is(published, other, relative):
    variables = {**published.variables, "PROJECT": f"file://{relative.folder}"}
    plain = other.run("dvc get $PROJECT data/labels.parquet", **variables)
    assert plain.returncode != 0
    assert "ERROR: unexpected error - [Errno 2] No storage files available: 'data/labels.parquet'" in plain.stderr
    other.type(block("Publish a version", 1), **variables)
    for name in ("labels.parquet", "imported.parquet"):
        assert (other.folder / name).read_bytes() == published.bytes_of("data/labels.parquet")
    assert str(published.remote) in (other.folder / "imported.parquet.dvc").read_text()


# The next version: last, since it is committed on top of the first.


@pytest.fixture(scope="module")
def importing(published, tmp_path_factory):
    """Another project, which imported the model before there was a version v1.1.0, and its first config.json."""
    other = begun(tmp_path_factory.mktemp("importing"))
    other.type("\n".join(block("Take files", 0).splitlines()[1:]), **published.variables)
    first = (other.folder / "best/config.json").read_bytes()
    release(published.clone)
    return other, first


def release(clone: Clone) -> None:
    """v1.1.0, registered with git alone: the same model with one byte more. What DVC hands on does not depend on how it came about."""
    clone.type(f"git tag {NAME}@v1.2.0")  # lightweight: registers nothing
    with (clone.folder / "models/best/config.json").open("a") as config:
        config.write("\n")
    clone.type("dvc commit -q --force finetune && git commit -qam 'another model'")
    clone.type(f"dvc push -q finetune && git tag -a {NAME}@v1.1.0 -m why && git push -q origin main --tags")


def test_an_import_takes_what_is_newer_when_it_is_told_to(published, importing):
    other, first = importing
    assert "update available" in other.type("dvc status")
    other.type(block("Take files", 1), **published.variables)
    assert (other.folder / "best/config.json").read_bytes() == first + b"\n"


@pytest.fixture(scope="module")
def taken(published, importing, tmp_path_factory):
    """A project that took the model three times: the newest, v1.0.0, and the one of stage prod."""
    other = begun(tmp_path_factory.mktemp("taken"))
    other.type(block("Take the model", 0), **published.variables)
    return other


def test_each_version_and_stage_is_taken_by_its_name(taken, importing):
    _, first = importing
    found = [(taken.folder / name / "config.json").read_bytes() for name in ("newest", "v1", "prod")]
    assert found == [first + b"\n", first, first]


def test_a_version_that_is_not_registered_is_refused(published, importing, other):
    refused = other.run(f"dvc artifacts get $PROJECT {NAME} --rev 1.0.0", **published.variables)
    assert refused.returncode != 0
    assert f"Failed to download artifact '{NAME}' via Studio - No studio config" in refused.stderr
    assert f"Unable to find artifact '{NAME} @ 1.0.0'" in refused.stderr


def test_the_model_names_genres_in_a_project_without_this_one_s_code(published, taken):
    taken.type(block("Take the model", 1), **published.variables)
    rows = pictures(published.clone.folder / "data", taken.folder)
    printed = python(taken, block("Take the model", 2), "v1", *(f"{name}.jpg" for name in rows.index))
    told = dict(line.split()[:2] for line in printed.splitlines() if line[:1].isdecimal())
    right = sum(told[f"{name}.jpg"] == genre for name, genre in rows["genre"].items())
    scores = json.loads(published.bytes_of("metrics/finetune.json"))["best"]["test"]
    assert (len(rows), round(right / len(rows), 6)) == (scores["images"], scores["accuracy"])


def pictures(data: Path, folder: Path) -> pd.DataFrame:
    """The test rows; their thumbnails are written to `folder` under the names in the index."""
    dataset = pq.read_table(data / "dataset.parquet").to_pandas().query("split == 'test'")
    rows = dataset.set_index(dataset["title_id"].astype(str) + "-" + dataset["no"].astype(str))
    for name, row in rows.iterrows():
        served = pq.read_table(data / f"raw/thumbnails/{row['title_id']}.parquet").to_pandas().set_index("no")["image"]
        (folder / f"{name}.jpg").write_bytes(served[row["no"]])
    return rows
