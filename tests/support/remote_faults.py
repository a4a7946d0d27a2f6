"""What can be wrong with a remote while a block runs, and is mended after it; and objects of a remote that are damaged."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from crash.chain import full, read_only

from tests.support.remote_clones import address, choose
from tests.support.remote_servers import Served, plain, read_only_location, read_only_sftp
from tests.support.tiny_pipeline import Clone

ROOM = 256 * 1024  # bytes left on a disk that gets full: enough for some of what is pushed


def down(_: Clone, served: Served) -> AbstractContextManager[None]:
    """Nobody listens."""
    return served.process.down()


def read_only_disk(_: Clone, served: Served) -> AbstractContextManager[None]:
    """The remote's file system, one of its own, is mounted read-only."""
    return read_only(served.store)


def full_disk(_: Clone, served: Served) -> AbstractContextManager[None]:
    """The remote's file system, one of its own, has no room for all."""
    return full(served.store, ROOM)


def reading_sftp(_: Clone, served: Served) -> AbstractContextManager[None]:
    """SFTP for readers only."""
    return read_only_sftp(served)


def reading_dav(clone: Clone, served: Served) -> AbstractContextManager[None]:
    """WebDAV for readers only."""
    return chosen(clone, served, read_only_location(served))


def without_dav(clone: Clone, served: Served) -> AbstractContextManager[None]:
    """A web server that gives files and takes none."""
    return chosen(clone, served, plain(served))


def wrong_password(clone: Clone, served: Served) -> AbstractContextManager[None]:
    """Another one than the server knows."""
    return chosen(clone, served, replace(served, options={**served.options, "password": "open barley"}))


def no_bucket(clone: Clone, served: Served) -> AbstractContextManager[None]:
    """An address with a bucket that nobody has made."""
    return chosen(clone, served, replace(served, url="s3://nobody-made-this/webtoon-genre"))


@contextmanager
def chosen(clone: Clone, served: Served, other: Served) -> Iterator[None]:
    """Another address, or other options."""
    choose(clone, other)
    yield
    choose(clone, served)


@contextmanager
def elsewhere(_: Clone, served: Served) -> Iterator[None]:
    """The folder is not there, as of a disk that is not mounted."""
    away = served.store.with_name("away")
    served.store.rename(away)
    yield
    away.rename(served.store)


def lying(served: Served, digest: str) -> Path:
    """The file in which a remote keeps an object."""
    return next(
        path for path in served.store.rglob(f"{address(digest)}*") if path.name.endswith((digest[2:], "_object"))
    )


def remove(served: Served, digest: str) -> None:
    """Take an object from a remote, with what the server notes beside it."""
    for path in list(served.store.rglob(f"{address(digest)}*")):
        path.unlink()


def corrupt(served: Served, digest: str) -> None:
    """Other bytes under the same name, as many, with the same permissions: what a bad disk does."""
    path = lying(served, digest)
    mode = path.stat().st_mode
    corrupt_writable(served, digest)
    path.chmod(mode)


def corrupt_writable(served: Served, digest: str) -> None:
    """Other bytes in a file that is writable, which DVC's own are not."""
    path = lying(served, digest)
    path.chmod(0o644)
    path.write_bytes(b"?" * path.stat().st_size)
