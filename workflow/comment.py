"""The review comment on one commit, as Markdown for GitHub; review.py collects its data. No files, no git, no DVC.

Scores come first, long parts are folded, and tables end early where the comment would be longer than GitHub allows.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webtoon_genre.evaluation import bootstrap
from workflow.changes import ModelChanges
from workflow.pictures import Figure
from workflow.reports import Reports
from workflow.verify import Lock, outputs

LIMIT = 65_536  # characters of a comment on GitHub
ROWS = (200, 50, 12, 4)  # of a table: fewer where the comment would be too long
CELL = 120  # characters
MANY = 12  # entries from which on a list ends early, and a table is folded
SUMMARY = "metrics/summary.json"
INTERVAL = "_interval"  # ends the key of a score's interval, which is a text
FIRST = ("finetuned", "backbones", "baselines", "data")  # its sections that are never folded
DATA = ("data/raw", "data/dataset.parquet")  # whose versions are listed, beside those of the artifacts
# By key {"old": …, "new": …}, as DVC reports a difference; one of them is missing or null where there is none.
Pairs = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """The difference between two commits, as git and DVC report it."""

    against: str  # as a person named it: a branch, a tag, a commit
    base: str  # the commit at which `head` left `against`
    head: str
    params: dict[str, Pairs]  # by file
    metrics: dict[str, Pairs]  # by file, those that do not differ too
    models: ModelChanges
    before: Lock
    after: Lock
    artifacts: dict[str, str]  # paths by name, from dvc.yaml
    stale: list[str] | None  # why dvc.lock is not up to date; None where that is unknown
    figures: list[Figure]  # those that differ
    reports: Reports


@dataclass(frozen=True)
class Links:
    """Links to pictures and pages."""

    picture: Callable[[str, str], str | None]  # from "before" or "after" and a path; None where it cannot be shown
    page: str  # of all figures, as Markdown
    report: str  # to both reports side by side, as Markdown


def format_comment(change: Change, links: Links) -> str:
    """Format the comment, of LIMIT characters at most."""
    text = ""
    for rows in ROWS:
        tables = (format_params(change, rows), format_scores(change, rows), format_stages(change, rows))
        pages = (format_reports(change.reports, links), format_figures(change, links))
        more = (format_versions(change), *pages, format_commands(change))
        text = "\n\n".join(part for part in (format_heading(change), *tables, *more) if part) + "\n"
        if len(text) <= LIMIT:
            break
    return text


def format_heading(change: Change) -> str:
    """Name the commits, and state whether the rest of the comment is their result."""
    title = f"## What `{change.head[:7]}` changes\n\nAgainst `{change.base[:7]}`, where it left `{change.against}`."
    if change.stale is None:
        return f"{title} Whether dvc.lock is up to date is unknown: the working tree differs from the commit."
    if not change.stale:
        return f"{title} dvc.lock is up to date: these are the results of this commit's code and params."
    lines = [f"- {code(line)}" for line in change.stale[:MANY]]
    if len(change.stale) > MANY:
        lines.append(f"- and {len(change.stale) - MANY} more")
    warning = "dvc.lock is not up to date: these are results of an earlier state. Run `dvc repro`, because:"
    return f"{title}\n\n" + "\n".join(f"> {line}".rstrip() for line in ("[!WARNING]", warning, "", *lines))


def format_params(change: Change, rows: int) -> str:
    """Tabulate the params that differ."""
    pairs = {key: pair for keys in change.params.values() for key, pair in keys.items()}
    cells = [[code(key), format_value(pair.get("old")), format_value(pair.get("new"))] for key, pair in pairs.items()]
    return "### Params\n\n" + format_table(["param", "before", "after"], cells, rows)


def format_scores(change: Change, rows: int) -> str:
    """Tabulate the scores of models, then all other metrics, folded."""
    metrics = {path: dict(sorted(pairs.items())) for path, pairs in sorted(change.metrics.items())}
    summary = metrics.pop(SUMMARY, {})
    titles = summary.get("data.test_titles", {}).get("new")
    first = {key: summary.pop(key) for part in FIRST for key in list(summary) if key.partition(".")[0] == part}
    scores = metric_cells(first, change.models.texts)
    rest = {f"{SUMMARY}, experiments": summary, **metrics}
    folded = {title: cells for title, pairs in rest.items() if (cells := metric_cells(pairs, {}))}
    more = [fold(f"{title}: {len(cells)}", format_metrics(cells, "change", rows)) for title, cells in folded.items()]
    notes = score_notes(change.models.lost, titles) if scores or folded else []
    return "\n\n".join(["### Scores", format_metrics(scores, "change, 95% interval", rows), *notes, *more])


def score_notes(lost: list[str], titles: int | None) -> list[str]:
    """Paragraphs below the scores. lost: predictions that are not available. titles: of the test images, None where that is unknown."""
    notes = ["In brackets: 95% intervals, whole titles resampled. Changes with an interval are paired by title."]
    if titles is not None and not bootstrap.is_enough(titles):
        notes.append(f"The intervals are no evidence: {bootstrap.too_few(titles)}.")
    if lost:
        where = "neither in DVC's cache nor in its remote; `dvc push` where they were made"
        notes.append(f"Models lack a change where predictions are {where}: {enumerate_codes(lost)}.")
    return notes


def metric_cells(pairs: Pairs, changes: dict[str, str]) -> list[list[str]]:
    """A row for each metric that differs, its interval in the same cell; changes: in words, by key."""
    cells = []
    for key, pair in pairs.items():
        limits = pairs.get(f"{key}{INTERVAL}", {})
        is_interval = key.endswith(INTERVAL) and key.removesuffix(INTERVAL) in pairs
        if is_interval or not (differs(pair) or differs(limits)):
            continue
        before, after = (format_score(pair.get(side), limits.get(side)) for side in ("old", "new"))
        difference = "" if limits else format_difference(pair.get("old"), pair.get("new"))
        cells.append([code(key), before, after, changes.get(key, difference)])
    return cells


def differs(pair: dict[str, Any]) -> bool:
    """Is a value another one than before?"""
    return pair.get("old") != pair.get("new")


def format_score(value: Any, interval: str | None) -> str:
    """Format a number with its interval; one between signed limits is a difference, and has a sign."""
    sign = "+" if interval and interval[1] in "+-" and value > 0 else ""
    return f"{sign}{format_number(value)} {interval or ''}".rstrip()


def format_metrics(cells: list[list[str]], change: str, rows: int) -> str:
    """Tabulate the rows of `metric_cells`; change: the title of the last column, which is left out where it is empty."""
    head = ["", "before", "after", change]
    if not any(row[-1] for row in cells):
        head, cells = head[:-1], [row[:-1] for row in cells]
    return format_table(head, cells, rows, numbers=True)


def format_stages(change: Change, rows: int) -> str:
    """Tabulate the stages that ran between the two commits: the reasons, and the outputs whose bytes differ."""
    cells = []
    for name, stage in change.after.items():
        earlier = change.before.get(name)
        changed = differing_keys(outputs(earlier or {}), outputs(stage))
        if reasons := ["(new)"] if earlier is None else run_reasons(earlier, stage):
            cells.append([code(name), enumerate_codes(reasons), enumerate_codes(changed) or "none: the same bytes"])
    text = format_table(["stage", "ran because of changes in", "outputs that changed"], cells, rows)
    return "### Stages\n\n" + (fold(f"{len(cells)} stages ran", text) if len(cells) > MANY else text)


def run_reasons(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The differences in a stage's command, params and dependencies."""
    deps = ({dep["path"]: dep["md5"] for dep in stage.get("deps", [])} for stage in (before, after))
    params = (flatten(list(stage.get("params", {}).values())) for stage in (before, after))
    command = ["its command"] if before["cmd"] != after["cmd"] else []
    return [*command, *differing_keys(*params), *differing_keys(*deps)]


def flatten(values: Any, key: str = "") -> dict[str, Any]:
    """Nested params by dotted key; those of a list of files together."""
    if isinstance(values, dict) and values:
        parts = [flatten(item, f"{key}.{name}".lstrip(".")) for name, item in values.items()]
    elif isinstance(values, list) and not key:
        parts = [flatten(item) for item in values]
    else:
        return {key: values}
    return {name: item for part in parts for name, item in part.items()}


def differing_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Keys whose values differ, or that only one of both has, in the order of the later one."""
    missing = object()
    keys = [*after, *(key for key in before if key not in after)]
    return [key for key in keys if before.get(key, missing) != after.get(key, missing)]


def format_versions(change: Change) -> str:
    """Tabulate the versions of data and models in both commits."""
    before, after = (
        {out["path"]: out for stage in lock.values() for out in stage.get("outs", [])}
        for lock in (change.before, change.after)
    )
    names = {**dict.fromkeys(DATA, ""), **{path: f" ({name})" for name, path in change.artifacts.items()}}
    cells = []
    for path, name in names.items():
        old, new = before.get(path), after.get(path)
        same = old is not None and new is not None and old["md5"] == new["md5"]
        if old or new:
            cells.append([code(path) + name, format_version(old), "the same" if same else format_version(new)])
    return "### Data and model\n\n" + format_table(["", "before", "after"], cells, MANY) if cells else ""


def format_version(out: dict[str, Any] | None) -> str:
    """Describe an output of dvc.lock in a few words."""
    if out is None:
        return "–"
    files = f"{out['nfiles']:,} files, " if "nfiles" in out else ""
    return f"`{out['md5'][:7]}` {files}{out['size']:,} bytes"


def format_reports(reports: Reports, links: Links) -> str:
    """Link to both reports side by side and name the parts that differ, or state why there is no such page."""
    if reports.missing:
        line = f"No reports side by side: {'; '.join(reports.missing)}."
    elif reports.page is None:
        line = "No part of the report differs."
    else:
        more = f" and {len(reports.changed) - MANY} more" if len(reports.changed) > MANY else ""
        line = f"Both reports side by side: {links.report}. They differ in {', '.join(map(code, reports.changed[:MANY]))}{more}."
    return f"### Report\n\n{line}"


def format_figures(change: Change, links: Links) -> str:
    """Show the figures in git, before beside after, and link to the page of all figures."""
    if not change.figures:
        return ""
    parts: list[str] = []
    for figure in change.figures:
        urls = [links.picture(side, figure.path) for side in ("before", "after")]
        if any(urls) and len(parts) < MANY:
            cells = [f'<img width="400" alt="{figure.path}" src="{url}">' if url else "–" for url in urls]
            parts.append(f"`{figure.path}`\n\n| before | after |\n|---|---|\n| {cells[0]} | {cells[1]} |")
    lost = sum(figure.lost for figure in change.figures)
    missing = f" {lost} lack a picture, which is neither in DVC's cache nor in its remote." if lost else ""
    return "\n\n".join(["### Figures", *parts, f"All {len(change.figures)} that differ: {links.page}.{missing}"])


def format_commands(change: Change) -> str:
    """List the commands that show more."""
    base, head = change.base[:7], change.head[:7]
    lines = [
        f"git checkout {head} && dvc pull",
        f"dvc metrics diff {base} {head}",
        f"dvc plots diff {base} {head} --open   # curves and confusion matrices, interactive; needs the web",
    ]
    return fold("Look closer", "```sh\n" + "\n".join(lines) + "\n```")


def format_table(head: list[str], cells: list[list[str]], rows: int, numbers: bool = False) -> str:
    """Format a table of `rows` rows at most; `numbers`: all columns but the first are right-aligned."""
    if not cells:
        return "Nothing differs."
    rule = ["---", *(["--:" if numbers else "---"] * (len(head) - 1))]
    lines = [f"| {' | '.join(row)} |" for row in (head, rule, *cells[:rows])]
    more = f"\n\nand {len(cells) - rows:,} more" if len(cells) > rows else ""
    return "\n".join(lines) + more


def fold(title: str, text: str) -> str:
    """Fold `text` under a title that opens on a click."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def code(text: str) -> str:
    """Quote a cell's text so that Markdown does not read it: nothing in it is a link, a mention or the end of the cell."""
    short = text if len(text) <= CELL else text[: CELL - 1] + "…"
    return "`" + " ".join(short.split()).replace("`", "'").replace("|", "\\|") + "`"


def format_value(value: Any) -> str:
    """Format a param nearly as YAML does."""
    return "–" if value is None else code(json.dumps(value, ensure_ascii=False).strip('"'))


def format_number(value: Any) -> str:
    """Format a float with three decimals, or as many as a small one needs, and an integer without."""
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.2g}"
    return f"{value:,}" if isinstance(value, int) else format_value(value)


def format_difference(old: Any, new: Any) -> str:
    """Format the signed difference of two numbers; empty where one of them is none."""
    if not (isinstance(old, int | float) and isinstance(new, int | float)):
        return ""
    return ("+" if new > old else "") + format_number(new - old)


def enumerate_codes(names: list[str]) -> str:
    """List the first four names, and the number of the others."""
    return ", ".join(map(code, names[:4])) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
