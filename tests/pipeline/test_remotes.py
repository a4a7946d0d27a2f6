"""Remotes: push from one clone and pull into another, through a folder, OpenSSH and S3. docs/remotes.md documents them."""

import json
import re
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from tests.conftest import REPOSITORY
from tests.support.exhaustive import parameter
from tests.support.remote_clones import (
    OBJECTS,
    corrupt_objects,
    fresh_clone,
    lock_digest,
    object_path,
    output_digests,
    set_remote,
)
from tests.support.remote_servers import Remote, http, openssh, s3rver
from tests.support.tiny_pipeline import Clone

pytestmark = pytest.mark.slow
SERVERS = {"directory": nullcontext, "ssh": openssh, "s3": s3rver}  # test_remote_faults.py always uses all three
PAGE = (REPOSITORY / "docs/remotes.md").read_text(encoding="utf-8")
PARTS = ("data/dataset.parquet", "models/best")


@dataclass
class Pulled:
    """A fresh clone that has pulled what another one has pushed, and the output of `dvc push`."""

    clone: Clone
    push_output: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def source(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


@pytest.fixture(scope="module", params=[parameter((name,), name, name == "directory") for name in SERVERS])
def pulled(request, source):
    """Through each server in turn; the directory is the remote of .dvc/config as it is."""
    with SERVERS[request.param]() as remote:
        clone = fresh_clone(source, f"from-{request.param}")
        for repository in (source, clone) if remote else ():
            set_remote(repository, remote)
        environment = remote.environment if remote else {}
        output = source.type("dvc push", **environment)
        clone.type("dvc pull -q", **environment)
        yield Pulled(clone, output, environment)
        (source.folder / ".dvc/config.local").unlink(missing_ok=True)


def test_a_fresh_clone_gets_the_pushed_files_byte_for_byte(pulled, source):
    assert re.search(r"^\d+ files pushed$", pulled.push_output, re.MULTILINE)
    assert output_digests(pulled.clone) == output_digests(source)
    assert corrupt_objects(pulled.clone) == []


def test_after_the_pull_status_is_clean(pulled):
    assert pulled.clone.type("git status --porcelain && dvc status") == "Data and pipelines are up to date.\n"


def test_after_the_pull_cache_and_remote_are_in_sync(pulled):
    assert pulled.clone.type("dvc status --cloud", **pulled.environment) == "Cache and remote 'storage' are in sync.\n"


def test_after_the_pull_a_repro_runs_nothing(pulled):
    output = pulled.clone.type("dvc repro")
    assert pulled.clone.stages_run(output) == []
    assert "Data and pipelines are up to date." in output


@pytest.mark.exhaustive
@pytest.mark.parametrize("pulled", ["directory"], indirect=True)
def test_after_the_pull_another_learning_rate_runs_only_training_and_the_stages_after_it(pulled):
    output = pulled.clone.type("dvc exp run -S lr=1e-4")
    stages = ["check", "train", "evaluate", "select", "finetune", "export", "summary", "cards", "report"]
    assert pulled.clone.stages_run(output) == stages


@pytest.fixture(scope="module")
def partial(source):
    """A fresh clone that has pulled only PARTS."""
    source.type("dvc push -q")
    clone = fresh_clone(source, "partial")
    clone.type(f"dvc pull -q {' '.join(PARTS)}")
    return clone


def test_a_partial_pull_writes_only_the_named_outputs_to_the_workspace(partial, source):
    new = set(output_digests(partial)) - set(partial.type("git ls-files").splitlines())
    assert new == {name for name in output_digests(source) if name.startswith(PARTS)}


def test_a_partial_pull_writes_only_the_named_outputs_to_the_cache(partial):
    cache = partial.folder / OBJECTS
    folder = lock_digest(partial, "models/best")
    members = [member["md5"] for member in json.loads((cache / object_path(folder)).read_text())]
    expected = {object_path(digest) for digest in (lock_digest(partial, "data/dataset.parquet"), folder, *members)}
    assert {path.relative_to(cache).as_posix() for path in cache.glob("*/*")} == expected


def test_a_web_server_over_a_folder_that_is_a_remote_is_enough_to_pull(source, tmp_path):
    set_remote(source, Remote(str(tmp_path), {}, {}))
    source.type(f"dvc push -q {' '.join(PARTS)}")
    (source.folder / ".dvc/config.local").unlink()
    clone = fresh_clone(source, "from-http")
    with http(tmp_path) as remote:
        set_remote(clone, remote)
        clone.type(f"dvc pull -q {' '.join(PARTS)}")
    assert set(output_digests(clone).items()) <= set(output_digests(source).items())
    assert all((clone.folder / name).exists() for name in PARTS)


def test_a_missing_driver_is_named(partial):
    set_remote(partial, Remote("gs://bucket/webtoon-genre", {}, {}))
    output = partial.type("dvc pull", check=False)
    (partial.folder / ".dvc/config.local").unlink()
    assert "gs is supported, but requires 'dvc-gs' to be installed" in output


def test_the_remotes_of_these_tests_are_set_as_documented(partial):
    with openssh() as remote:
        set_remote(partial, remote)
    config = partial.folder / ".dvc/config.local"
    written = config.read_text()
    config.unlink()
    for name, value in {"url": remote.url, **remote.options}.items():
        partial.type(f"dvc remote modify --local storage {name} '{value}'")
    typed = config.read_text()
    config.unlink()
    assert typed == written


@pytest.mark.parametrize("block", re.findall(r"^```sh\n(dvc remote modify.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_each_documented_option_exists_in_dvc(partial, block):
    for line in block.splitlines():
        partial.type(line)
    (partial.folder / ".dvc/config.local").unlink()
