"""Faults of a remote, as context managers that repair it at the end, and damage to its objects."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.crash.chain import full, read_only
from tests.support.remote_clones import object_path, set_remote
from tests.support.remote_servers import Remote, read_only_sftp
from tests.support.tiny_pipeline import Clone

ROOM = 256 * 1024  # bytes left on a disk that gets full: enough for some of the pushed objects


def down(_: Clone, remote: Remote) -> AbstractContextManager[None]:
    """The server does not run."""
    return remote.process.down()


def read_only_disk(_: Clone, remote: Remote) -> AbstractContextManager[None]:
    """The remote's separate file system is mounted read-only."""
    return read_only(remote.store)


def full_disk(_: Clone, remote: Remote) -> AbstractContextManager[None]:
    """The remote's separate file system has no room for all objects."""
    return full(remote.store, ROOM)


def refusing_sftp(_: Clone, remote: Remote) -> AbstractContextManager[None]:
    """SFTP refuses to write."""
    return read_only_sftp(remote)


@contextmanager
def no_bucket(clone: Clone, remote: Remote) -> Iterator[None]:
    """The address names a bucket that does not exist."""
    set_remote(clone, replace(remote, url="s3://missing-bucket/webtoon-genre"))
    yield
    set_remote(clone, remote)


@contextmanager
def moved_away(_: Clone, remote: Remote) -> Iterator[None]:
    """The folder does not exist, like that of a disk that is not mounted."""
    target = remote.store.with_name("away")
    remote.store.rename(target)
    yield
    target.rename(remote.store)


def object_file(remote: Remote, digest: str) -> Path:
    """The file in which a remote stores an object."""
    return next(
        path for path in remote.store.rglob(f"{object_path(digest)}*") if path.name.endswith((digest[2:], "_object"))
    )


def remove(remote: Remote, digest: str) -> None:
    """Remove an object from a remote, with the server's files about it."""
    for path in list(remote.store.rglob(f"{object_path(digest)}*")):
        path.unlink()


def corrupt(remote: Remote, digest: str) -> None:
    """Replace an object's bytes by as many other ones, with the same permissions, like a failing disk."""
    path = object_file(remote, digest)
    mode = path.stat().st_mode
    corrupt_writable(remote, digest)
    path.chmod(mode)


def corrupt_writable(remote: Remote, digest: str) -> None:
    """Replace an object's bytes, and make its file writable, unlike DVC's files."""
    path = object_file(remote, digest)
    path.chmod(0o644)
    path.write_bytes(b"?" * path.stat().st_size)
