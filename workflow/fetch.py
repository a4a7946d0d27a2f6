"""Copy files of a commit out of DVC's cache or its default remote; those that are in neither are left out.

Reads:  the commit's dvc.lock, DVC's cache and its default remote
Writes: FOLDER/FILE for each FILE, a path in the repository
"""

from pathlib import Path
from typing import Annotated

import typer

from webtoon_genre.core.command import run


def main(
    commit: Annotated[str, typer.Argument(help="a hash, tag or branch")],
    folder: Annotated[Path, typer.Argument(help="for the copies")],
    files: Annotated[list[str], typer.Argument(help="outputs of stages")],
) -> None:
    """Copy FILES of COMMIT into FOLDER."""
    from dvc.api import DVCFileSystem  # takes a second
    from dvc.repo import Repo

    remote = Repo().config["core"].get("remote")  # the commit may name another one, or none
    tree = DVCFileSystem(rev=commit, remote=remote)
    for name in files:
        try:
            content = tree.read_bytes(name)
        except FileNotFoundError:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    run(main, "fetch", "workflow")
