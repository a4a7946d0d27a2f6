"""A digest of everything that a result depends on, under which a stage stores what a later run may reuse."""

import json
from collections.abc import Iterable
from hashlib import file_digest, sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]


def fingerprint(params: Any, files: Iterable[Path] = (), distributions: Iterable[str] = ()) -> str:
    """sha256 of `params`, a JSON value, of the bytes of `files`, of this package's code, and of the versions of installed distributions."""
    digest = sha256(json.dumps([params, [version(name) for name in distributions]], sort_keys=True).encode())
    for path in [*files, *sorted(PACKAGE.rglob("*.py"))]:
        digest.update(bytes.fromhex(digest_of(path)))
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
