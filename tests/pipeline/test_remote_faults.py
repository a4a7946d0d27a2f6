"""Remotes that fail: what DVC prints, that nothing local is lost, and that the command succeeds when mended as docs/remotes.md says.

Of each kind of failure some are tried always; `REMOTES=all` tries them against every server.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import md5
from subprocess import CompletedProcess
from typing import Any

import pytest
from tests.support import remote_faults as faults
from _pytest.mark import ParameterSet
from tests.support.crash.chain import own_disk

from tests.support.import_closure import REPOSITORY
from tests.support.remote_clones import OBJECTS, address, choose, held, locked, outputs, wrong
from tests.support.remote_servers import Served, apache, openssh, s3rver, workplace
from tests.support.tiny_pipeline import GIT, Clone, place

FILE, FOLDER = "data/dataset.parquet", "models/best"
WANTED = f"{FILE} {FOLDER}"
UNEXPECTED, TRANSFER = "ERROR: unexpected error - ", "ERROR: failed to transfer '…' - "
MISSING = "WARNING: Some of the cache files do not exist neither locally nor on remote. Missing cache files:"
CHECKOUT = "ERROR: failed to pull data from the cloud - Checkout failed for following targets:"
EVERY = os.environ.get("REMOTES") == "all"
ALWAYS = (
    "down-ssh",
    "read-only-directory",
    "read-only-webdav",
    "full-directory",
    "full-ssh",
    "elsewhere-directory",
    "file-missing-directory",
    "member-missing-ssh",
    "list-corrupt-directory",
    "member-corrupt-webdav",
)
PAGE = (REPOSITORY / "docs/remotes.md").read_text(encoding="utf-8")


@contextmanager
def directory() -> Iterator[Served]:
    """A folder as a remote."""
    with workplace() as folder:
        yield Served(str(folder / "store"), {}, {}, folder / "store")


@contextmanager
def on_small_disk(server: Callable[[], AbstractContextManager[Served]]) -> Iterator[Served]:
    """A server whose store is a file system of its own."""
    with server() as served:
        owner = served.store.owner()
        with own_disk(served.store):
            shutil.chown(served.store, owner)
            yield served


@dataclass(frozen=True)
class Case:
    """A remote, what happens to it, the line that the user sees, in which `…` is any text, and DVC's exit code."""

    server: Callable[[], AbstractContextManager[Served]]
    fault: Callable[[Clone, Served], AbstractContextManager[None]]
    seen: str
    code: int


def disk_case(server: Callable[[], AbstractContextManager[Served]], fault: Callable, seen: str, code: int) -> Case:
    """A case in which the disk of the remote fails."""
    return Case(lambda: on_small_disk(server), fault, seen, code)


PUSHES = {
    "down-ssh": Case(openssh, faults.down, f"{UNEXPECTED}[Errno 111] Connect call failed ('…', …)", 255),
    "down-webdav": Case(apache, faults.down, f"{UNEXPECTED}[Errno 111] Connection refused: …", 255),
    "down-s3": Case(s3rver, faults.down, f'{UNEXPECTED}Could not connect to the endpoint URL: "…"', 255),
    "read-only-directory": disk_case(
        directory, faults.read_only_disk, f"{UNEXPECTED}[Errno 30] Read-only file system: '…'", 255
    ),
    "read-only-ssh": Case(openssh, faults.reading_sftp, f"{UNEXPECTED}Permission denied", 255),
    "read-only-webdav": Case(apache, faults.reading_dav, f"{UNEXPECTED}…: received 403 (Forbidden): …", 255),
    "read-only-http": Case(apache, faults.without_dav, f"{TRANSFER}http://…", 1),
    "full-directory": disk_case(
        directory, faults.full_disk, f"{TRANSFER}[Errno 28] No space left on device: '…' -> '…'", 1
    ),
    "full-ssh": disk_case(openssh, faults.full_disk, f"{TRANSFER}Failure", 1),
    "full-webdav": disk_case(apache, faults.full_disk, f"{TRANSFER}Insufficient Storage on the server", 1),
    "password-webdav": Case(apache, faults.wrong_password, f"{UNEXPECTED}received 401 (Unauthorized): …", 255),
    "no-bucket-s3": Case(s3rver, faults.no_bucket, f"{UNEXPECTED}The specified bucket does not exist: …", 255),
}
PULLS = {
    "down-ssh": Case(
        openssh, faults.down, "ERROR: failed to connect to ssh (…) - [Errno 111] Connect call failed …", 1
    ),
    "down-webdav": Case(apache, faults.down, f"{UNEXPECTED}[Errno 111] Connection refused: …", 255),
    "elsewhere-directory": Case(directory, faults.elsewhere, MISSING, 1),
}


@dataclass(frozen=True)
class Damage:
    """A remote, what is done to an object of it, which one, and the line that the user sees."""

    server: Callable[[], AbstractContextManager[Served]]
    done: Callable[[Served, str], None]
    which: str
    seen: str


DAMAGES = {
    "file-missing-directory": Damage(directory, faults.remove, FILE, MISSING),
    "list-missing-webdav": Damage(apache, faults.remove, "list", MISSING),
    "member-missing-ssh": Damage(
        openssh, faults.remove, "config.json", f"{TRANSFER}[Errno 2] No such file or directory: …"
    ),
    "file-corrupt-directory": Damage(directory, faults.corrupt, FILE, CHECKOUT),
    "list-corrupt-directory": Damage(directory, faults.corrupt, "list", f"{UNEXPECTED}object ….dir is corrupted: …"),
    "member-corrupt-webdav": Damage(apache, faults.corrupt, "config.json", CHECKOUT),
    "file-corrupt-and-writable-directory": Damage(directory, faults.corrupt_writable, FILE, MISSING),
    "file-corrupt-s3": Damage(s3rver, faults.corrupt, FILE, CHECKOUT),
}


@pytest.fixture(scope="module")
def source(pipeline, tmp_path_factory):
    """WANTED as the tiny pipeline made it, in a repository of two stages: remotes know nothing of stages, and DVC reads few in a moment."""
    made, folder = pipeline(), tmp_path_factory.mktemp("source") / "webtoon-genre"
    for name in (".dvc/config", ".gitignore", FILE, FOLDER):
        place(made.folder / name, folder / name)
    stages = {name: {"cmd": "true", "outs": [path]} for name, path in (("split", FILE), ("finetune", FOLDER))}
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))  # JSON is YAML
    clone = Clone(folder)
    clone.type(f"git init -q -b main && dvc commit -q --force && git add -A && {GIT} commit -qm start")
    return clone


@pytest.fixture(scope="module")
def parts(source):
    """MD5 of the objects that WANTED consists of; `list` is the folder's list."""
    listed = locked(source, FOLDER)
    members = json.loads((source.folder / OBJECTS / address(listed)).read_text())
    return {FILE: locked(source, FILE), "list": listed, **{member["relpath"]: member["md5"] for member in members}}


@pytest.fixture
def taker(source, parts, tmp_path):
    """A clone that has all but WANTED, in the workspace and in the cache."""
    clone = Clone(tmp_path / "taker")
    shutil.copytree(source.folder, clone.folder)
    for digest in parts.values():
        (clone.folder / OBJECTS / address(digest)).unlink()
    (clone.folder / FILE).unlink()
    shutil.rmtree(clone.folder / FOLDER)
    yield clone
    shutil.rmtree(clone.folder)


def tried(cases: dict[str, Any]) -> list[ParameterSet]:
    """Those that are tried in this run."""
    return [pytest.param(case, id=name) for name, case in cases.items() if EVERY or name in ALWAYS]


def failed(result: CompletedProcess, seen: str, code: int) -> bool:
    """Whether a command ended as it should: with that code, a line that begins with `seen`, and no traceback."""
    pattern = "^" + ".*".join(re.escape(part) for part in seen.split("…"))
    told = re.search(pattern, result.stderr, re.MULTILINE) is not None and "Traceback" not in result.stderr
    assert (result.returncode, told) == (code, True), result.stdout + result.stderr
    return True


@pytest.mark.parametrize("case", tried(PUSHES))
def test_a_push_that_fails_changes_nothing_here_and_succeeds_when_mended(case, source, parts):
    with case.server() as served:
        choose(source, served)
        before = held(source.folder)
        with case.fault(source, served):
            assert failed(source.run(f"dvc push {WANTED}", **served.environment), case.seen, case.code)
            assert held(source.folder) == before
        source.type(f"dvc push {WANTED}", **served.environment)
        for digest in parts.values():
            assert md5(faults.lying(served, digest).read_bytes()).hexdigest() == digest.removesuffix(".dir")


@pytest.mark.parametrize("case", tried(PULLS))
def test_a_pull_that_fails_loses_nothing_here_and_succeeds_when_mended(case, source, taker):
    with case.server() as served:
        publish(source, taker, served)
        before = held(taker.folder)
        with case.fault(taker, served):
            assert failed(taker.run(f"dvc pull {WANTED}", **served.environment), case.seen, case.code)
            assert held(taker.folder) == before
        taker.type(f"dvc pull {WANTED}", **served.environment)
        assert outputs(taker) == outputs(source)


@pytest.mark.parametrize("damage", tried(DAMAGES))
def test_damage_to_an_object_loses_nothing_here_is_not_taken_over_and_is_mended_by_push(damage, source, taker, parts):
    with damage.server() as served:
        publish(source, taker, served)
        before = held(taker.folder)
        damage.done(served, parts[damage.which])
        result = taker.run(f"dvc pull {WANTED}", **served.environment)
        assert failed(result, damage.seen, 255 if damage.seen.startswith(UNEXPECTED) else 1)
        assert before.items() <= held(taker.folder).items()
        assert wrong(taker) == []
        mend(source, served, parts, damage.which)
        taker.type(f"dvc pull {WANTED}", **served.environment)
        assert outputs(taker) == outputs(source)


def publish(source: Clone, taker: Clone, served: Served) -> None:
    """Both have the remote, and WANTED is in it."""
    for clone in (source, taker):
        choose(clone, served)
    source.type(f"dvc push -q {WANTED}", **served.environment)


def mend(source: Clone, served: Served, parts: dict[str, str], which: str) -> None:
    """What docs/remotes.md says: remove the object, and the list of the folder that it is in, and push."""
    for name in {which, "list"} if which != FILE else {FILE}:
        faults.remove(served, parts[name])
    source.type(f"dvc push {WANTED}", **served.environment)


@pytest.fixture
def harmed(source, taker):
    """A folder as a remote, with WANTED in it."""
    with directory() as served:
        publish(source, taker, served)
        yield served


def test_dvc_takes_the_list_of_a_folder_as_proof_that_its_files_are_there(harmed, source, parts):
    faults.remove(harmed, parts["config.json"])
    assert "Everything is up to date." in source.type(f"dvc push {WANTED}")
    assert source.type(f"dvc status --cloud {WANTED}") == "Cache and remote 'storage' are in sync.\n"


def test_without_verify_a_corrupted_object_is_taken_over_without_a_word(harmed, taker, parts):
    faults.corrupt(harmed, parts[FILE])
    taker.type(f"dvc remote modify --local storage verify false && dvc pull {FILE}")
    assert wrong(taker) == [f"{OBJECTS}/{address(parts[FILE])}"]


def test_an_output_changed_by_hand_stays_when_what_would_replace_it_is_missing(harmed, taker, parts):
    faults.remove(harmed, parts[FILE])
    (taker.folder / FILE).write_bytes(b"changed by hand")
    result = taker.run(f"dvc pull {WANTED}")
    assert failed(result, "ERROR: failed to pull data from the cloud - Can't remove the following unsaved files …", 1)
    assert (taker.folder / FILE).read_bytes() == b"changed by hand"


def test_pulling_verbosely_names_the_corrupted_object(harmed, taker, parts):
    faults.corrupt(harmed, parts[FILE])
    printed = taker.type(f"dvc pull -v {FILE}", check=False)
    assert f"corrupted cache file '{taker.folder / OBJECTS / address(parts[FILE])}'" in printed


def test_the_documented_line_finds_corrupted_objects_in_a_folder(harmed, parts):
    (line,) = re.findall(r"^for object in .*$", PAGE, re.MULTILINE)
    faults.corrupt(harmed, parts[FILE])
    faults.corrupt(harmed, parts["list"])
    found = subprocess.run(
        ["sh", "-c", line], cwd=harmed.store / "files/md5", capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines() == sorted(address(parts[name]) for name in (FILE, "list"))


def test_every_line_that_these_tests_expect_is_in_the_documentation():
    seen = {case.seen for case in (*PUSHES.values(), *PULLS.values(), *DAMAGES.values())}
    assert [line for line in sorted(seen) if f"`{line}`" not in PAGE] == []
