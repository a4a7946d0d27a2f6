"""Remotes: the whole circle from one clone to another, by way of a directory and of real servers. docs/remotes.md tells how.

`REMOTES=all` tries an experiment after the pull from each of them, not only from those in WITH_TRAINING.
"""

import json
import os
import re
from contextlib import nullcontext
from dataclasses import dataclass

import pytest

from tests.support.import_closure import REPOSITORY
from tests.support.remote_clones import OBJECTS, address, choose, cloned, locked, outputs, wrong
from tests.support.remote_servers import Served, apache, azurite, openssh, plain, s3rver
from tests.support.tiny_pipeline import Clone

SERVERS = {"directory": nullcontext, "ssh": openssh, "webdav": apache, "s3": s3rver, "azure": azurite}
WITH_TRAINING = tuple(SERVERS) if os.environ.get("REMOTES") == "all" else ("ssh", "s3")
PAGE = (REPOSITORY / "docs/remotes.md").read_text(encoding="utf-8")


@dataclass
class Circle:
    """A fresh clone that has pulled what another one has pushed, and what `dvc push` printed."""

    fresh: Clone
    pushed: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def source(pipeline):
    """The tiny pipeline, run and committed."""
    return pipeline()


@pytest.fixture(scope="module", params=SERVERS)
def circle(request, source):
    """By way of each server in turn; the directory is the remote of .dvc/config as it is."""
    with SERVERS[request.param]() as served:
        fresh = cloned(source, f"from-{request.param}")
        for clone in (source, fresh) if served else ():
            choose(clone, served)
        environment = served.environment if served else {}
        pushed = source.type("dvc push", **environment)
        fresh.type("dvc pull -q", **environment)
        yield Circle(fresh, pushed, environment)
        (source.folder / ".dvc/config.local").unlink(missing_ok=True)


def test_a_fresh_clone_gets_what_was_pushed_byte_for_byte(circle, source):
    assert re.search(r"^\d+ files pushed$", circle.pushed, re.MULTILINE)
    assert outputs(circle.fresh) == outputs(source)
    assert wrong(circle.fresh) == []


def test_after_the_pull_status_is_clean(circle):
    assert circle.fresh.type("git status --porcelain && dvc status") == "Data and pipelines are up to date.\n"


def test_after_the_pull_cache_and_remote_are_in_sync(circle):
    assert circle.fresh.type("dvc status --cloud", **circle.environment) == "Cache and remote 'storage' are in sync.\n"


def test_after_the_pull_a_repro_runs_nothing(circle):
    printed = circle.fresh.type("dvc repro")
    assert circle.fresh.ran(printed) == []
    assert "Data and pipelines are up to date." in printed


def test_after_the_pull_another_learning_rate_runs_only_training_and_what_follows(circle, request):
    if request.node.callspec.params["circle"] not in WITH_TRAINING:
        pytest.skip("REMOTES=all tries it from every remote")
    assert circle.fresh.ran(circle.fresh.type("dvc exp run -S lr=1e-3")) == ["train", "evaluate", "summary"]


WANTED = ("data/dataset.parquet", "models/best")


@pytest.fixture(scope="module")
def partial(source):
    """A fresh clone that has pulled WANTED alone."""
    source.type("dvc push -q")
    fresh = cloned(source, "partial")
    fresh.type(f"dvc pull -q {' '.join(WANTED)}")
    return fresh


def test_what_is_named_is_all_that_is_pulled_to_the_workspace(partial, source):
    new = set(outputs(partial)) - set(partial.type("git ls-files").splitlines())
    assert new == {name for name in outputs(source) if name.startswith(WANTED)}


def test_what_is_named_is_all_that_is_pulled_to_the_cache(partial):
    cache = partial.folder / OBJECTS
    listed = locked(partial, "models/best")
    members = [member["md5"] for member in json.loads((cache / address(listed)).read_text())]
    expected = {address(digest) for digest in (locked(partial, "data/dataset.parquet"), listed, *members)}
    assert {path.relative_to(cache).as_posix() for path in cache.glob("*/*")} == expected


def test_a_web_server_over_the_same_folder_is_enough_to_pull(source):
    with apache() as served:
        choose(source, served)
        source.type(f"dvc push -q {' '.join(WANTED)}")
        (source.folder / ".dvc/config.local").unlink()
        fresh = cloned(source, "from-http")
        choose(fresh, plain(served))
        fresh.type(f"dvc pull -q {' '.join(WANTED)}")
    assert set(outputs(fresh).items()) <= set(outputs(source).items())
    assert all((fresh.folder / name).exists() for name in WANTED)


def test_a_driver_that_is_not_installed_is_named(partial):
    choose(partial, Served("gs://bucket/webtoon-genre", {}, {}))
    printed = partial.type("dvc pull", check=False)
    (partial.folder / ".dvc/config.local").unlink()
    assert "gs is supported, but requires 'dvc-gs' to be installed" in printed


def test_the_servers_of_these_tests_are_chosen_as_documented(partial):
    with openssh() as served:
        choose(partial, served)
    config = partial.folder / ".dvc/config.local"
    written = config.read_text()
    config.unlink()
    for name, value in {"url": served.url, **served.options}.items():
        partial.type(f"dvc remote modify --local storage {name} '{value}'")
    typed = config.read_text()
    config.unlink()
    assert typed == written


@pytest.mark.parametrize("block", re.findall(r"^```sh\n(dvc remote modify.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
def test_each_documented_switch_is_one_that_dvc_knows(partial, block):
    for line in block.splitlines():
        partial.type(line)
    (partial.folder / ".dvc/config.local").unlink()
