"""The reports of two commits: the page that shows them side by side, or why there is none.

Reads: report/index.html of both commits, from DVC's cache or its default remote
"""

from dataclasses import dataclass

from webtoon_genre.core import paths
from workflow.command import cached_files
from workflow.report_diff import format_page
from workflow.report_parts import changed_parts, parse
from workflow.verify import Lock, outputs

REPORT, THUMBNAILS = paths.REPORT.as_posix(), paths.RESIZED.as_posix()


@dataclass(frozen=True)
class Reports:
    """The difference of two reports. page: None where no part differs or a report is missing; changed: titles of parts; missing: why."""

    page: str | None
    changed: list[str]
    missing: list[str]


def compare_reports(before: Lock, after: Lock, base: str, head: str) -> Reports:
    """Compare the reports of two commits and their dvc.lock files."""
    versions = {base: output_digests(before), head: output_digests(after)}
    if REPORT in versions[base] and versions[base][REPORT] == versions[head].get(REPORT):
        return Reports(None, [], [])
    contents = {
        commit: cached_files(commit, [REPORT] if REPORT in digests else []) for commit, digests in versions.items()
    }
    if missing := [describe_missing(commit, versions[commit]) for commit, files in contents.items() if not files]:
        return Reports(None, [], missing)
    old, new = (parse(contents[commit][REPORT], versions[commit].get(THUMBNAILS, "")) for commit in (base, head))
    changed = changed_parts(old, new)
    titles = [(new.parts.get(key) or old.parts[key]).title for key in changed]
    return Reports(format_page(old, new, changed, base, head) if changed else None, titles, [])


def describe_missing(commit: str, digests: dict[str, str]) -> str:
    """Describe why the report of a commit is missing."""
    if REPORT in digests:
        return f"that of `{commit[:7]}` is neither in DVC's cache nor in its remote, `dvc push` where it was made"
    return f"the dvc.lock of `{commit[:7]}` has none"


def output_digests(lock: Lock) -> dict[str, str]:
    """Digests of the outputs of all stages by path."""
    return {path: digest for stage in lock.values() for path, digest in outputs(stage).items()}
