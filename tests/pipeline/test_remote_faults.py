"""Remotes that fail: DVC's error, nothing local is lost, and the command succeeds after the remedy in docs/remotes.md.

`make test-slow` tries some cases of every kind, `make test-all` every case.
"""

import json
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
from _pytest.mark import ParameterSet

from tests.conftest import REPOSITORY
from tests.support import remote_faults as faults
from tests.support.crash.chain import required_disk
from tests.support.exhaustive import parameter
from tests.support.remote_clones import (
    OBJECTS,
    corrupt_objects,
    file_digests,
    lock_digest,
    object_path,
    output_digests,
    set_remote,
)
from tests.support.remote_servers import Remote, openssh, s3rver, server_folder
from tests.support.tiny_pipeline import GIT, Clone, copy

FILE, FOLDER = "data/dataset.parquet", "models/best"
TARGETS = f"{FILE} {FOLDER}"
UNEXPECTED, TRANSFER = "ERROR: unexpected error - ", "ERROR: failed to transfer '…' - "
MISSING = "WARNING: Some of the cache files do not exist neither locally nor on remote. Missing cache files:"
CHECKOUT = "ERROR: failed to pull data from the cloud - Checkout failed for following targets:"
USUAL = (
    "down-ssh",
    "full-directory",
    "moved-away-directory",
    "member-missing-ssh",
    "list-corrupt-directory",
    "file-corrupt-s3",
)
PAGE = (REPOSITORY / "docs/remotes.md").read_text(encoding="utf-8")


@contextmanager
def directory() -> Iterator[Remote]:
    """A folder as a remote."""
    with server_folder() as folder:
        yield Remote(str(folder / "store"), {}, {}, folder / "store")


@contextmanager
def on_small_disk(server: Callable[[], AbstractContextManager[Remote]]) -> Iterator[Remote]:
    """A server whose store is a separate file system."""
    with server() as remote:
        owner = remote.store.owner()
        with required_disk(remote.store):
            shutil.chown(remote.store, owner)
            yield remote


@dataclass(frozen=True)
class Case:
    """A remote, its fault, the line that the user sees, in which `…` is any text, and DVC's exit code."""

    server: Callable[[], AbstractContextManager[Remote]]
    fault: Callable[[Clone, Remote], AbstractContextManager[None]]
    line: str
    code: int


def disk_case(server: Callable[[], AbstractContextManager[Remote]], fault: Callable, line: str, code: int) -> Case:
    """A case in which the remote's disk fails."""
    return Case(lambda: on_small_disk(server), fault, line, code)


PUSHES = {
    "down-ssh": Case(openssh, faults.down, f"{UNEXPECTED}[Errno 111] Connect call failed ('…', …)", 255),
    "down-s3": Case(s3rver, faults.down, f'{UNEXPECTED}Could not connect to the endpoint URL: "…"', 255),
    "read-only-directory": disk_case(
        directory, faults.read_only_disk, f"{UNEXPECTED}[Errno 30] Read-only file system: '…'", 255
    ),
    "read-only-ssh": Case(openssh, faults.refusing_sftp, f"{UNEXPECTED}Permission denied", 255),
    "full-directory": disk_case(
        directory, faults.full_disk, f"{TRANSFER}[Errno 28] No space left on device: '…' -> '…'", 1
    ),
    "full-ssh": disk_case(openssh, faults.full_disk, f"{TRANSFER}Failure", 1),
    "no-bucket-s3": Case(s3rver, faults.no_bucket, f"{UNEXPECTED}The specified bucket does not exist: …", 255),
}
PULLS = {
    "down-ssh": Case(
        openssh, faults.down, "ERROR: failed to connect to ssh (…) - [Errno 111] Connect call failed …", 1
    ),
    "moved-away-directory": Case(directory, faults.moved_away, MISSING, 1),
}


@dataclass(frozen=True)
class Damage:
    """A remote, the damage to one of its objects, the object, and the line that the user sees."""

    server: Callable[[], AbstractContextManager[Remote]]
    inflict: Callable[[Remote, str], None]
    part: str
    line: str


DAMAGES = {
    "file-missing-directory": Damage(directory, faults.remove, FILE, MISSING),
    "list-missing-directory": Damage(directory, faults.remove, "list", MISSING),
    "member-missing-ssh": Damage(
        openssh, faults.remove, "config.json", f"{TRANSFER}[Errno 2] No such file or directory: …"
    ),
    "file-corrupt-directory": Damage(directory, faults.corrupt, FILE, CHECKOUT),
    "list-corrupt-directory": Damage(directory, faults.corrupt, "list", f"{UNEXPECTED}object ….dir is corrupted: …"),
    "member-corrupt-directory": Damage(directory, faults.corrupt, "config.json", CHECKOUT),
    "file-corrupt-and-writable-directory": Damage(directory, faults.corrupt_writable, FILE, MISSING),
    "file-corrupt-s3": Damage(s3rver, faults.corrupt, FILE, CHECKOUT),
}


@pytest.fixture(scope="module")
def source(pipeline, tmp_path_factory):
    """TARGETS of the tiny pipeline, in a repository of two stages: remotes do not depend on stages, and DVC is quicker with few."""
    repository, folder = pipeline(), tmp_path_factory.mktemp("source") / "webtoon-genre"
    for name in (".dvc/config", ".gitignore", FILE, FOLDER):
        copy(repository.folder / name, folder / name)
    stages = {name: {"cmd": "true", "outs": [path]} for name, path in (("split", FILE), ("finetune", FOLDER))}
    (folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))  # JSON is YAML
    clone = Clone(folder)
    clone.type(f"git init -q -b main && dvc commit -q --force && git add -A && {GIT} commit -qm start")
    return clone


@pytest.fixture(scope="module")
def parts(source):
    """MD5 of the objects of TARGETS; `list` is the folder's list of files."""
    folder = lock_digest(source, FOLDER)
    members = json.loads((source.folder / OBJECTS / object_path(folder)).read_text())
    return {FILE: lock_digest(source, FILE), "list": folder, **{member["relpath"]: member["md5"] for member in members}}


@pytest.fixture
def puller(source, parts, tmp_path):
    """A clone that lacks only TARGETS, in the workspace and in the cache."""
    clone = Clone(tmp_path / "puller")
    shutil.copytree(source.folder, clone.folder)
    for digest in parts.values():
        (clone.folder / OBJECTS / object_path(digest)).unlink()
    (clone.folder / FILE).unlink()
    shutil.rmtree(clone.folder / FOLDER)
    yield clone
    shutil.rmtree(clone.folder)


def parameters(cases: dict[str, Any]) -> list[ParameterSet]:
    """The cases; those that are not usual are exhaustive."""
    return [parameter((case,), name, name in USUAL) for name, case in cases.items()]


def assert_failed(result: CompletedProcess, line: str, code: int) -> None:
    """Require that exit code, a line that begins with `line`, and no traceback."""
    pattern = "^" + ".*".join(re.escape(part) for part in line.split("…"))
    clean = re.search(pattern, result.stderr, re.MULTILINE) is not None and "Traceback" not in result.stderr
    assert (result.returncode, clean) == (code, True), result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("case", parameters(PUSHES))
def test_a_failed_push_changes_nothing_local_and_succeeds_after_the_remedy(case, source, parts):
    with case.server() as remote:
        set_remote(source, remote)
        before = file_digests(source.folder)
        with case.fault(source, remote):
            assert_failed(source.run(f"dvc push {TARGETS}", **remote.environment), case.line, case.code)
            assert file_digests(source.folder) == before
        source.type(f"dvc push {TARGETS}", **remote.environment)
        for digest in parts.values():
            assert md5(faults.object_file(remote, digest).read_bytes()).hexdigest() == digest.removesuffix(".dir")


@pytest.mark.slow
@pytest.mark.parametrize("case", parameters(PULLS))
def test_a_failed_pull_loses_nothing_local_and_succeeds_after_the_remedy(case, source, puller):
    with case.server() as remote:
        publish(source, puller, remote)
        before = file_digests(puller.folder)
        with case.fault(puller, remote):
            assert_failed(puller.run(f"dvc pull {TARGETS}", **remote.environment), case.line, case.code)
            assert file_digests(puller.folder) == before
        puller.type(f"dvc pull {TARGETS}", **remote.environment)
        assert output_digests(puller) == output_digests(source)


@pytest.mark.slow
@pytest.mark.parametrize("damage", parameters(DAMAGES))
def test_a_damaged_object_loses_nothing_local_is_not_accepted_and_is_repaired_by_a_push(damage, source, puller, parts):
    with damage.server() as remote:
        publish(source, puller, remote)
        before = file_digests(puller.folder)
        damage.inflict(remote, parts[damage.part])
        result = puller.run(f"dvc pull {TARGETS}", **remote.environment)
        assert_failed(result, damage.line, 255 if damage.line.startswith(UNEXPECTED) else 1)
        assert before.items() <= file_digests(puller.folder).items()
        assert corrupt_objects(puller) == []
        repair(source, remote, parts, damage.part)
        puller.type(f"dvc pull {TARGETS}", **remote.environment)
        assert output_digests(puller) == output_digests(source)


def publish(source: Clone, puller: Clone, remote: Remote) -> None:
    """Set the remote in both clones, and push TARGETS."""
    for clone in (source, puller):
        set_remote(clone, remote)
    source.type(f"dvc push -q {TARGETS}", **remote.environment)


def repair(source: Clone, remote: Remote, parts: dict[str, str], part: str) -> None:
    """The remedy in docs/remotes.md: remove the object, and the list of its folder, and push."""
    for name in {part, "list"} if part != FILE else {FILE}:
        faults.remove(remote, parts[name])
    source.type(f"dvc push {TARGETS}", **remote.environment)


@pytest.fixture
def published(source, puller):
    """A folder as a remote, with TARGETS in it."""
    with directory() as remote:
        publish(source, puller, remote)
        yield remote


@pytest.mark.slow
def test_dvc_takes_the_list_of_a_folder_as_proof_that_its_files_exist(published, source, parts):
    faults.remove(published, parts["config.json"])
    assert "Everything is up to date." in source.type(f"dvc push {TARGETS}")
    assert source.type(f"dvc status --cloud {TARGETS}") == "Cache and remote 'storage' are in sync.\n"


@pytest.mark.slow
def test_without_verify_dvc_accepts_a_corrupt_object_silently(published, puller, parts):
    faults.corrupt(published, parts[FILE])
    puller.type(f"dvc remote modify --local storage verify false && dvc pull {FILE}")
    assert corrupt_objects(puller) == [f"{OBJECTS}/{object_path(parts[FILE])}"]


@pytest.mark.slow
def test_an_edited_output_stays_where_its_replacement_is_missing(published, puller, parts):
    faults.remove(published, parts[FILE])
    (puller.folder / FILE).write_bytes(b"changed by hand")
    result = puller.run(f"dvc pull {TARGETS}")
    assert_failed(result, "ERROR: failed to pull data from the cloud - Can't remove the following unsaved files …", 1)
    assert (puller.folder / FILE).read_bytes() == b"changed by hand"


@pytest.mark.slow
def test_a_verbose_pull_names_the_corrupt_object(published, puller, parts):
    faults.corrupt(published, parts[FILE])
    output = puller.type(f"dvc pull -v {FILE}", check=False)
    assert f"corrupted cache file '{puller.folder / OBJECTS / object_path(parts[FILE])}'" in output


@pytest.mark.slow
def test_the_documented_line_finds_corrupt_objects_in_a_folder(published, parts):
    (line,) = re.findall(r"^for object in .*$", PAGE, re.MULTILINE)
    faults.corrupt(published, parts[FILE])
    faults.corrupt(published, parts["list"])
    result = subprocess.run(
        ["sh", "-c", line], cwd=published.store / "files/md5", capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines() == sorted(object_path(parts[name]) for name in (FILE, "list"))


def test_every_error_line_of_these_tests_is_in_the_documentation():
    lines = {case.line for case in (*PUSHES.values(), *PULLS.values(), *DAMAGES.values())}
    assert [line for line in sorted(lines) if f"`{line}`" not in PAGE] == []
