"""Clones with a DVC remote, and what lies in them, by digest."""

from hashlib import md5
from pathlib import Path

from ruamel.yaml import YAML

from tests.support.remote_servers import Served
from tests.support.tiny_pipeline import Clone

OBJECTS = ".dvc/cache/files/md5"
REST = (".git", ".dvc/tmp", ".dvc/config.local")


def choose(clone: Clone, served: Served) -> None:
    """What `dvc remote modify --local storage OPTION VALUE` writes, for the address and all options."""
    options = "".join(f"    {name} = {value}\n" for name, value in {"url": served.url, **served.options}.items())
    (clone.folder / ".dvc/config.local").write_text(f"['remote \"storage\"']\n{options}")


def cloned(clone: Clone, name: str) -> Clone:
    """A fresh clone beside another one, with an empty cache."""
    clone.type(f"git clone -q -c user.name=t -c user.email=t@example.org . ../{name}")
    return Clone(clone.folder.parent / name)


def held(folder: Path) -> dict[str, str]:
    """All files, with DVC's cache and without git's and DVC's own notes: digest by path."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {
        name: md5(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if not name.startswith(tuple(f"{each}/" for each in REST)) and name not in REST
    }


def outputs(clone: Clone) -> dict[str, str]:
    """What DVC's outputs hold in the workspace: digest by path; locks of stages left out."""
    return {
        name: digest
        for name, digest in held(clone.folder).items()
        if name.startswith(("data/", "models/", "plots/", "metrics/")) and "/." not in name
    }


def wrong(clone: Clone) -> list[str]:
    """The objects of the cache whose content is not what their name says."""
    return [
        name for name, digest in held(clone.folder).items() if name.startswith(OBJECTS) and address(digest) not in name
    ]


def address(digest: str) -> str:
    """Where an object lies in a cache, or in a remote that keeps files."""
    return f"{digest[:2]}/{digest[2:]}"


def locked(clone: Clone, path: str) -> str:
    """The hash of an output in dvc.lock."""
    stages = YAML(typ="safe", pure=True).load((clone.folder / "dvc.lock").read_text())["stages"]
    return next(out["md5"] for stage in stages.values() for out in stage.get("outs", []) if out["path"] == path)
