"""What HEAD changes, as one Markdown comment for its reviewers and a page of figures, on GitHub and here.

Reads:  two commits, HEAD and where it left BASE; DVC's cache and default remote for figures that are not in git
Writes: FOLDER/comment.md, printed too; FOLDER/figures.html where figures differ; not on GitHub: the pictures that comment.md shows
Environment: GITHUB_REPOSITORY, GITHUB_SERVER_URL, GITHUB_RUN_ID, as GitHub sets them: links lead there
"""

import json
import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_text
from workflow.command import at, git, told
from workflow.comment import SUMMARY, Change, Links, comment
from workflow.pictures import differing, fetched, page
from workflow.stale import stale
from workflow.verify import parsed


def gather(against: str) -> Change:
    """What git and DVC tell of HEAD and where it left `against`."""
    base, head = fork(against), git("rev-parse", "HEAD")
    was, now = (parsed(at(commit, "dvc.lock")) for commit in (base, head))
    graph = YAML(typ="safe").load(at(head, "dvc.yaml") or b"{}")
    return Change(
        against=against,
        base=base,
        head=head,
        params=told("params", "diff", base, head),
        metrics=told("metrics", "diff", base, head),
        intervals=intervals(json.loads(at(head, SUMMARY) or b"{}")),
        was=was,
        now=now,
        artifacts={name: entry["path"] for name, entry in graph.get("artifacts", {}).items()},
        stale=None if edited() else stale(),
        figures=fetched(differing(was, now), base, head),
    )


def fork(against: str) -> str:
    """The commit at which HEAD left another; InputError where there is none, or nothing since."""
    try:
        base = git("merge-base", against, "HEAD")
    except InputError as error:
        shallow = git("rev-parse", "--is-shallow-repository") == "true"
        hint = "this clone is shallow: git fetch --unshallow" if shallow else "git branch --all and git log show others"
        why = str(error) or "it has no commit in common with HEAD"
        raise InputError(f"BASE is {against!r}: {why}; {hint}") from None
    if base == git("rev-parse", "HEAD"):
        raise InputError(
            f"BASE is {against!r}, which has all that HEAD has; commit first, or name an earlier one: BASE=HEAD~1"
        )
    return base


def edited() -> bool:
    """Is the working tree, as far as git knows its files, other than HEAD?"""
    return git("status", "--porcelain", "--untracked-files=no") != ""


def intervals(metrics: Any, key: str = "") -> dict[str, list[float]]:
    """Intervals, which DVC's diff leaves out, by the key of the score that they belong to."""
    if isinstance(metrics, dict):
        each = [intervals(item, f"{key}.{name}".lstrip(".")) for name, item in metrics.items()]
        return {name: ends for part in each for name, ends in part.items()}
    return {key.removesuffix("_interval"): metrics} if key.endswith("_interval") else {}


def on_github(change: Change, repository: str) -> Links:
    """Pictures that git holds, by commit; the page is in the run's artifact."""
    server = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"

    def picture(side: str, path: str) -> str | None:
        commit = {"before": change.base, "after": change.head}[side]
        return f"{server}/raw/{commit}/{path}" if at(commit, path) is not None else None

    run_page = f"{server}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}#artifacts"
    return Links(picture, f"`figures.html` in [the artifact `review`]({run_page})")


def in_folder(change: Change, folder: Path) -> Links:
    """The same pictures, written beside the comment."""

    def picture(side: str, path: str) -> str | None:
        content = at({"before": change.base, "after": change.head}[side], path)
        if content is None:
            return None
        target = folder / side / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return f"{side}/{path}"

    return Links(picture, "[figures.html](figures.html)")


def write(change: Change, folder: Path) -> str:
    """Write the folder's files, none of them left of an earlier time; the comment."""
    for name in ("before", "after"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "figures.html").unlink(missing_ok=True)
    repository = os.environ.get("GITHUB_REPOSITORY")
    text = comment(change, on_github(change, repository) if repository else in_folder(change, folder))
    write_text(folder / "comment.md", text)
    if change.figures:
        write_text(folder / "figures.html", page(change.figures, change.base, change.head))
    return text


def main(
    base: Annotated[str, typer.Argument(help="a branch, tag or commit that HEAD has left")],
    folder: Annotated[Path, typer.Option(help="for comment.md, figures.html")] = Path("review"),
) -> None:
    """Write what HEAD changes for its reviewers."""
    change = gather(base)
    if change.stale is None:
        typer.echo("review: what is not committed is left out", err=True)
    typer.echo(write(change, folder))
    typer.echo(f"review: {', '.join(str(path) for path in sorted(folder.iterdir()) if path.is_file())}", err=True)


if __name__ == "__main__":
    run(main, "review", "workflow")
