"""A store of files by content at an fsspec URL, in the layout of a DVC remote, so that a DVC remote is one: files/md5/ab/cdef..."""

import importlib.util
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from webtoon_genre.cluster.digests import InputFile, content_md5
from webtoon_genre.core.errors import InputError

REQUESTS = 16  # at once
VARIABLES = ("AWS_", "FSSPEC_")  # prefixes of the environment variables with keys and endpoints
# there an object appears when it is complete; elsewhere a file is written under a temporary name
OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"}


def environment() -> dict[str, str]:
    """The variables of this process with which fsspec opens a storage; they hold keys, so nothing may log them."""
    return {name: value for name, value in os.environ.items() if name.startswith(VARIABLES)}


@dataclass
class Storage:
    """The store at `url`. variables: of the driver's environment, which a worker takes on before it opens the store."""

    url: str
    variables: dict[str, str] = field(repr=False)

    @cached_property
    def filesystem(self) -> Any:
        """The fsspec file system of the URL; workers have the driver's variables and not their machine's."""
        import fsspec

        os.environ.update(self.variables)
        fsspec.config.set_conf_env(fsspec.config.conf, self.variables)
        with self._explain():
            return fsspec.url_to_fs(self.url)[0]

    def __getstate__(self) -> dict[str, Any]:
        """Another process opens the store anew."""
        return {"url": self.url, "variables": self.variables}

    def read(self, file: InputFile) -> bytes:
        """The content of a file."""
        with self._explain():
            try:
                content = self.filesystem.cat_file(self._name(file))
            except FileNotFoundError:
                raise InputError(
                    f"cluster.storage {self.url} lacks {key(file)}, which is {file.path}; run the stage again: it puts it there"
                ) from None
        if content_md5(content) != file.md5:
            raise InputError(
                f"cluster.storage {self.url} has {key(file)} with other bytes, of md5 {content_md5(content)}, for {file.path}; "
                "remove this object and run the stage again"
            )
        return content

    def put_missing(self, files: Iterable[InputFile]) -> None:
        """Put files of this machine there, unless they are there."""
        unique = {file.md5: file for file in files}
        filesystem = self.filesystem  # opened before threads use it
        with self._explain(), ThreadPoolExecutor(REQUESTS) as pool:
            for _ in pool.map(lambda file: self._put(filesystem, file), unique.values()):
                pass

    def _put(self, filesystem: Any, file: InputFile) -> None:
        name = self._name(file)
        try:
            if filesystem.info(name)["size"] == file.size:
                return
        except FileNotFoundError:
            pass
        if not OBJECT_STORES.isdisjoint(protocols(filesystem)):
            filesystem.put_file(str(file.path), name)
            return
        part = f"{name}.{uuid4().hex}"
        filesystem.makedirs(name.rpartition("/")[0], exist_ok=True)
        filesystem.put_file(str(file.path), part)
        filesystem.mv(part, name)

    def _name(self, file: InputFile) -> str:
        return f"{self.filesystem._strip_protocol(self.url)}/{key(file)}"

    @contextmanager
    def _explain(self) -> Iterator[None]:
        """Make errors of a file system one line."""
        try:
            yield
        except storage_errors() as error:
            if isinstance(error, InputError):
                raise
            reason = " ".join(str(error).split())[:160]
            raise InputError(
                f"cluster.storage {self.url} cannot be used ({type(error).__name__}: {reason}); check the address, that its bucket "
                "or folder exists, and the variables of the environment with keys and endpoint"
            ) from None


def key(file: InputFile) -> str:
    """The name of a file's object below the URL."""
    return f"files/md5/{file.md5[:2]}/{file.md5[2:]}"


def protocols(filesystem: Any) -> set[str]:
    """The names of a file system."""
    return {filesystem.protocol} if isinstance(filesystem.protocol, str) else set(filesystem.protocol)


def storage_errors() -> tuple[type[Exception], ...]:
    """What file systems raise where a store cannot be used: botocore's errors are none of Python's."""
    errors: tuple[type[Exception], ...] = (OSError, ValueError, ImportError)
    if importlib.util.find_spec("botocore") is None:
        return errors
    from botocore.exceptions import BotoCoreError, ClientError

    return (*errors, BotoCoreError, ClientError)
