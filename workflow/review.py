"""Write what HEAD changes for its reviewers: a comment in Markdown, both reports side by side, and a page of figures.

Reads:  two commits, HEAD and where it left BASE; DVC's cache and default remote for predictions, reports, and figures that are not in git
Writes: FOLDER/comment.md, printed too; FOLDER/report.html where the reports differ; FOLDER/figures.html where figures
        differ; not on GitHub: the pictures that comment.md shows
Environment: GITHUB_REPOSITORY, GITHUB_SERVER_URL, GITHUB_RUN_ID, as GitHub sets them: links lead there
"""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer
from ruamel.yaml import YAML

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_text
from workflow.changes import compare_models
from workflow.command import dvc_json, file_at, git
from workflow.comment import Change, Links, format_comment
from workflow.pictures import differing_figures, fetch_figures, format_page
from workflow.reports import compare_reports
from workflow.stale import stale_reasons
from workflow.verify import parse_lock

PAGES = FIGURES, REPORT = "figures.html", "report.html"


def compare_commits(against: str) -> Change:
    """Collect the differences between HEAD and where it left `against`, as git and DVC report them."""
    base, head = fork_point(against), git("rev-parse", "HEAD")
    before, after = (parse_lock(file_at(commit, "dvc.lock")) for commit in (base, head))
    graph = YAML(typ="safe").load(file_at(head, "dvc.yaml") or b"{}")
    return Change(
        against=against,
        base=base,
        head=head,
        params=dvc_json("params", "diff", base, head),
        metrics=dvc_json("metrics", "diff", base, head, "--all"),
        models=compare_models(before, after, base, head),
        before=before,
        after=after,
        artifacts={name: entry["path"] for name, entry in graph.get("artifacts", {}).items()},
        stale=None if is_edited() else stale_reasons(),
        figures=fetch_figures(differing_figures(before, after), base, head),
        reports=compare_reports(before, after, base, head),
    )


def fork_point(against: str) -> str:
    """The commit at which HEAD left another; InputError where there is none, or nothing since."""
    try:
        base = git("merge-base", against, "HEAD")
    except InputError as error:
        shallow = git("rev-parse", "--is-shallow-repository") == "true"
        hint = "this clone is shallow: git fetch --unshallow" if shallow else "git branch --all and git log show others"
        reason = str(error) or "it has no commit in common with HEAD"
        raise InputError(f"BASE is {against!r}: {reason}; {hint}") from None
    if base == git("rev-parse", "HEAD"):
        raise InputError(
            f"BASE is {against!r}, which has all that HEAD has; commit first, or name an earlier one: BASE=HEAD~1"
        )
    return base


def is_edited() -> bool:
    """Do tracked files of the working tree differ from HEAD?"""
    return git("status", "--porcelain", "--untracked-files=no") != ""


def github_links(change: Change, repository: str) -> Links:
    """Links to pictures in git, by commit; the pages are in the run's artifact."""
    server = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"

    def picture(side: str, path: str) -> str | None:
        commit = {"before": change.base, "after": change.head}[side]
        return f"{server}/raw/{commit}/{path}" if file_at(commit, path) is not None else None

    run_page = f"{server}/actions/runs/{os.environ.get('GITHUB_RUN_ID', '')}#artifacts"
    return Links(picture, *(f"`{name}` in [the artifact `review`]({run_page})" for name in PAGES))


def folder_links(change: Change, folder: Path) -> Links:
    """Links to the same pictures, which are written beside the comment."""

    def picture(side: str, path: str) -> str | None:
        content = file_at({"before": change.base, "after": change.head}[side], path)
        if content is None:
            return None
        target = folder / side / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return f"{side}/{path}"

    return Links(picture, *(f"[{name}]({name})" for name in PAGES))


def write_review(change: Change, folder: Path) -> str:
    """Write the folder's files, after removing those of an earlier run, and return the comment."""
    for name in ("before", "after"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in PAGES:
        (folder / name).unlink(missing_ok=True)
    repository = os.environ.get("GITHUB_REPOSITORY")
    text = format_comment(change, github_links(change, repository) if repository else folder_links(change, folder))
    write_text(folder / "comment.md", text)
    if change.figures:
        write_text(folder / FIGURES, format_page(change.figures, change.base, change.head))
    if change.reports.page is not None:
        write_text(folder / REPORT, change.reports.page)
    return text


def main(
    base: Annotated[str, typer.Argument(help="a branch, tag or commit that HEAD has left")],
    folder: Annotated[Path, typer.Option(help="for comment.md, report.html, figures.html")] = Path("review"),
) -> None:
    """Write what HEAD changes for its reviewers."""
    change = compare_commits(base)
    if change.stale is None:
        typer.echo("review: uncommitted changes are left out", err=True)
    typer.echo(write_review(change, folder))
    typer.echo(f"review: {', '.join(str(path) for path in sorted(folder.iterdir()) if path.is_file())}", err=True)


if __name__ == "__main__":
    run(main, "review", "workflow")
