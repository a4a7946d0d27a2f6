"""Clones with a DVC remote, and their files by digest."""

from hashlib import md5
from pathlib import Path

from ruamel.yaml import YAML

from tests.support.remote_servers import Remote
from tests.support.tiny_pipeline import Clone

OBJECTS = ".dvc/cache/files/md5"
IGNORED = (".git", ".dvc/tmp", ".dvc/config.local")


def set_remote(clone: Clone, remote: Remote) -> None:
    """Write what `dvc remote modify --local storage OPTION VALUE` writes, for the address and all options."""
    options = "".join(f"    {name} = {value}\n" for name, value in {"url": remote.url, **remote.options}.items())
    (clone.folder / ".dvc/config.local").write_text(f"['remote \"storage\"']\n{options}")


def fresh_clone(clone: Clone, name: str) -> Clone:
    """Clone a repository into a folder beside it, with an empty cache."""
    clone.type(f"git clone -q -c user.name=t -c user.email=t@example.org . ../{name}")
    return Clone(clone.folder.parent / name)


def file_digests(folder: Path) -> dict[str, str]:
    """Digests of all files by path, with DVC's cache and without the internal files of git and DVC."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {
        name: md5(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if not name.startswith(tuple(f"{prefix}/" for prefix in IGNORED)) and name not in IGNORED
    }


def output_digests(clone: Clone) -> dict[str, str]:
    """Digests of the files of DVC's outputs in the workspace, by path; without locks of stages."""
    return {
        name: digest
        for name, digest in file_digests(clone.folder).items()
        if name.startswith(("data/", "models/", "plots/", "metrics/")) and "/." not in name
    }


def corrupt_objects(clone: Clone) -> list[str]:
    """The objects of the cache whose content does not have the digest in their name."""
    return [
        name
        for name, digest in file_digests(clone.folder).items()
        if name.startswith(OBJECTS) and object_path(digest) not in name
    ]


def object_path(digest: str) -> str:
    """The path of an object in a cache, or in a remote that stores files."""
    return f"{digest[:2]}/{digest[2:]}"


def lock_digest(clone: Clone, path: str) -> str:
    """The digest of an output in dvc.lock."""
    stages = YAML(typ="safe", pure=True).load((clone.folder / "dvc.lock").read_text())["stages"]
    return next(out["md5"] for stage in stages.values() for out in stage.get("outs", []) if out["path"] == path)
