"""webtoon_genre/cluster/storage.py: files by content in a folder, in a DVC remote and in S3."""

import re
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from tests.support.remote_servers import s3rver
from webtoon_genre.cluster.digests import InputFile, describe
from webtoon_genre.cluster.storage import Storage, environment
from webtoon_genre.core.errors import InputError

REMEDY = (
    "check the address, that its bucket or folder exists, and the variables of the environment with keys and endpoint"
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InputFile:
    """A file in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/1.npy").write_bytes(b"content")
    return describe([Path("data/1.npy")])[Path("data/1.npy")]


@pytest.fixture
def folder(file: InputFile) -> Storage:
    """An empty storage that is a folder."""
    Path("store").mkdir()
    return Storage(str(Path("store").absolute()), {})


def files(storage: Storage) -> dict[str, int]:
    """Names and times of the files of a folder."""
    paths = [path for path in Path(storage.url).rglob("*") if path.is_file()]
    return {path.relative_to(storage.url).as_posix(): path.stat().st_mtime_ns for path in paths}


def test_a_missing_file_is_put_under_its_md5_and_never_again(folder, file):
    folder.put_missing([file, file])
    before = files(folder)
    assert set(before) == {"files/md5/9a/0364b9e99bb480dd25e1f0284c8555"}
    folder.put_missing([file])
    assert files(folder) == before
    assert folder.read(file) == b"content"


@pytest.mark.slow
def test_what_dvc_pushed_is_there_already(folder, file):
    for command in ("init -q --no-scm", "add -q data", f"remote add -q -d store {folder.url}", "push -q"):
        subprocess.run([sys.executable, "-m", "dvc", *command.split()], check=True)
    pushed = files(folder)
    folder.put_missing([file])
    assert files(folder) == pushed
    assert folder.read(file) == b"content"


def test_an_incomplete_file_is_put_again(folder, file):
    folder.put_missing([file])
    [name] = files(folder)
    (Path(folder.url) / name).write_bytes(b"con")
    folder.put_missing([file])
    assert folder.read(file) == b"content"
    assert list(files(folder)) == [name]


def test_a_missing_object_is_one_line(folder, file):
    line = (
        f"cluster.storage {folder.url} lacks files/md5/9a/0364b9e99bb480dd25e1f0284c8555, which is data/1.npy; "
        "run the stage again: it puts it there"
    )
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        folder.read(file)


def test_a_damaged_object_is_one_line(folder, file):
    folder.put_missing([file])
    (Path(folder.url) / next(iter(files(folder)))).write_bytes(b"CONTENT")
    line = (
        f"cluster.storage {folder.url} has files/md5/9a/0364b9e99bb480dd25e1f0284c8555 with other bytes, of md5 "
        "45685e95985e20822fb2538a522a5ccf, for data/1.npy; remove this object and run the stage again"
    )
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        folder.read(file)


def test_an_unknown_protocol_is_one_line(file):
    line = f"cluster.storage nope://bucket cannot be used (ValueError: Protocol not known: nope); {REMEDY}"
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        Storage("nope://bucket", {}).put_missing([file])


def test_keys_are_in_no_text_of_a_storage():
    assert "secret" not in repr(Storage("s3://bucket", {"AWS_SECRET_ACCESS_KEY": "secret"}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "variables", "reason"),
    [
        ("s3://nowhere/x", {}, r"FileNotFoundError: The specified bucket does not exist"),
        ("s3://dvc/x", {"AWS_ACCESS_KEY_ID": "unknown"}, r"PermissionError: .*"),
        (
            "s3://dvc/x",
            {"FSSPEC_S3_ENDPOINT_URL": "http://127.0.0.1:9"},
            r"EndpointConnectionError: Could not connect .*",
        ),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line(file, monkeypatch, url, variables, reason):
    with s3rver() as remote:
        keys = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}
        endpoint = {"FSSPEC_S3_ENDPOINT_URL": remote.options["endpointurl"]}
        for name, value in {**remote.environment, **keys, **endpoint, **variables}.items():
            monkeypatch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        with pytest.raises(InputError, match=f"^cluster.storage {url} cannot be used \\({reason}\\); {REMEDY}$"):
            Storage(url, environment()).put_missing([file])
