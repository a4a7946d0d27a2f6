"""What one commit changes, as Markdown that GitHub shows; no files, no git, no DVC: review.py gathers what is told here.

Scores come first, what is long is folded, and tables end early where the whole would be longer than a comment may be.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflow.pictures import Figure
from workflow.verify import Lock, outputs

LIMIT = 65_536  # characters of a comment on GitHub
ROWS = (200, 50, 12, 4)  # of a table: fewer where the comment would be too long
CELL = 120  # characters
MANY = 12  # entries from which on a list ends early, and a table is folded
SUMMARY = "metrics/summary.json"
FIRST = ("finetuned", "backbones", "baselines", "data")  # its sections that are never folded
DATA = ("data/raw", "data/dataset.parquet")  # whose versions are told, beside the artifacts'
# By key {"old": …, "new": …}, as DVC tells a difference; one of them is missing or null where there is none.
Pairs = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Change:
    """What git and DVC tell of two commits."""

    against: str  # as a person named it: a branch, a tag, a commit
    base: str  # where `head` left it
    head: str
    params: dict[str, Pairs]  # by file
    metrics: dict[str, Pairs]  # by file
    intervals: dict[str, list[float]]  # by key of SUMMARY, at `head`
    was: Lock
    now: Lock
    artifacts: dict[str, str]  # paths by name, from dvc.yaml
    stale: list[str] | None  # why dvc.lock is not up to date; None where that is not known
    figures: list[Figure]  # those that differ


@dataclass(frozen=True)
class Links:
    """Where the reader finds pictures."""

    picture: Callable[[str, str], str | None]  # from "before" or "after" and a path; None where it cannot be shown
    page: str  # of all figures, as Markdown


def comment(change: Change, links: Links) -> str:
    """The whole comment, of LIMIT characters at most."""
    text = ""
    for rows in ROWS:
        tables = (params(change, rows), scores(change, rows), stages(change, rows), versions(change))
        parts = (heading(change), *tables, figures(change, links), commands(change))
        text = "\n\n".join(part for part in parts if part) + "\n"
        if len(text) <= LIMIT:
            break
    return text


def heading(change: Change) -> str:
    """Which commits, and whether what follows is theirs."""
    title = f"## What `{change.head[:7]}` changes\n\nAgainst `{change.base[:7]}`, where it left `{change.against}`."
    if change.stale is None:
        return f"{title} Whether dvc.lock is up to date is not told: the working tree is not the commit."
    if not change.stale:
        return f"{title} dvc.lock is up to date: what follows is the result of this commit's code and params."
    lines = [f"- {code(line)}" for line in change.stale[:MANY]]
    if len(change.stale) > MANY:
        lines.append(f"- and {len(change.stale) - MANY} more")
    told = "dvc.lock is not up to date: what follows is of an earlier state. `dvc repro` is due:"
    return f"{title}\n\n" + "\n".join(f"> {line}".rstrip() for line in ("[!WARNING]", told, "", *lines))


def params(change: Change, rows: int) -> str:
    """Params that differ."""
    pairs = {key: pair for keys in change.params.values() for key, pair in keys.items()}
    found = [[code(key), value(pair.get("old")), value(pair.get("new"))] for key, pair in pairs.items()]
    return "### Params\n\n" + table(["param", "before", "after"], found, rows)


def scores(change: Change, rows: int) -> str:
    """Scores of models, then all other metrics, folded."""
    metrics = {path: dict(sorted(pairs.items())) for path, pairs in sorted(change.metrics.items())}
    summary = metrics.pop(SUMMARY, {})
    first = {key: summary.pop(key) for part in FIRST for key in list(summary) if key.partition(".")[0] == part}
    others = {f"{SUMMARY}, experiments": summary, **metrics}
    more = [folded(f"{title}: {len(pairs)}", numbers(pairs, {}, rows)) for title, pairs in others.items() if pairs]
    return "\n\n".join(["### Scores", numbers(first, change.intervals, rows), *more])


def numbers(pairs: Pairs, intervals: dict[str, list[float]], rows: int) -> str:
    """A table of metrics that differ, with an interval where one is known."""
    found = []
    for key, pair in pairs.items():
        old, new = pair.get("old"), pair.get("new")
        interval = "–".join(number(end) for end in intervals.get(key, []))
        found.append([code(key), number(old), number(new), difference(old, new), interval])
    head = ["", "before", "after", "change", "95% interval, after"]
    if not any(row[-1] for row in found):
        head, found = head[:-1], [row[:-1] for row in found]
    return table(head, found, rows, numbers=True)


def stages(change: Change, rows: int) -> str:
    """Stages that ran between the two commits: why, and which of their outputs have other bytes."""
    found = []
    for name, stage in change.now.items():
        was = change.was.get(name)
        anew = unequal(outputs(was or {}), outputs(stage))
        if because := ["(new)"] if was is None else causes(was, stage):
            found.append([code(name), listed(because), listed(anew) or "nothing: the same bytes"])
    text = table(["stage", "ran since these changed", "has made anew"], found, rows)
    return "### Stages\n\n" + (folded(f"{len(found)} stages ran", text) if len(found) > MANY else text)


def causes(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs in a stage's command, params and dependencies."""
    read = ({dep["path"]: dep["md5"] for dep in stage.get("deps", [])} for stage in (was, now))
    settings = (leaves(list(stage.get("params", {}).values())) for stage in (was, now))
    return [*(["its command"] if was["cmd"] != now["cmd"] else []), *unequal(*settings), *unequal(*read)]


def leaves(part: Any, key: str = "") -> dict[str, Any]:
    """Nested params by dotted key; those of a list of files together."""
    if isinstance(part, dict) and part:
        each = [leaves(item, f"{key}.{name}".lstrip(".")) for name, item in part.items()]
    elif isinstance(part, list) and not key:
        each = [leaves(item) for item in part]
    else:
        return {key: part}
    return {name: item for found in each for name, item in found.items()}


def unequal(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Keys that have not the same value in both, in the order of the later one."""
    missing = object()
    every = [*now, *(key for key in was if key not in now)]
    return [key for key in every if was.get(key, missing) != now.get(key, missing)]


def versions(change: Change) -> str:
    """Which data and which model others would take from either commit."""
    was, now = (
        {out["path"]: out for stage in lock.values() for out in stage.get("outs", [])}
        for lock in (change.was, change.now)
    )
    named = {**dict.fromkeys(DATA, ""), **{path: f" ({name})" for name, path in change.artifacts.items()}}
    found = []
    for path, name in named.items():
        before, after = was.get(path), now.get(path)
        same = before is not None and after is not None and before["md5"] == after["md5"]
        if before or after:
            found.append([code(path) + name, version(before), "the same" if same else version(after)])
    return "### Data and model\n\n" + table(["", "before", "after"], found, MANY) if found else ""


def version(out: dict[str, Any] | None) -> str:
    """An output of dvc.lock in a few words."""
    if out is None:
        return "–"
    files = f"{out['nfiles']:,} files, " if "nfiles" in out else ""
    return f"`{out['md5'][:7]}` {files}{out['size']:,} bytes"


def figures(change: Change, links: Links) -> str:
    """Figures in git before beside after, and where the others are."""
    if not change.figures:
        return ""
    shown: list[str] = []
    for figure in change.figures:
        urls = [links.picture(side, figure.path) for side in ("before", "after")]
        if any(urls) and len(shown) < MANY:
            cells = [f'<img width="400" alt="{figure.path}" src="{url}">' if url else "–" for url in urls]
            shown.append(f"`{figure.path}`\n\n| before | after |\n|---|---|\n| {cells[0]} | {cells[1]} |")
    lost = sum(figure.lost for figure in change.figures)
    missing = f" {lost} lack a picture, which is neither in DVC's cache nor in its remote." if lost else ""
    return "\n\n".join(["### Figures", *shown, f"All {len(change.figures)} that differ: {links.page}.{missing}"])


def commands(change: Change) -> str:
    """How to see more."""
    base, head = change.base[:7], change.head[:7]
    lines = [
        f"git checkout {head} && dvc pull",
        f"dvc metrics diff {base} {head}",
        f"dvc plots diff {base} {head} --open   # curves and confusion matrices, to point at",
    ]
    return folded("Look closer", "```sh\n" + "\n".join(lines) + "\n```")


def table(head: list[str], found: list[list[str]], rows: int, numbers: bool = False) -> str:
    """A table of at most so many rows; all columns but the first are of numbers, or none is."""
    if not found:
        return "Nothing differs."
    rule = ["---", *(["--:" if numbers else "---"] * (len(head) - 1))]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, rule, *found[:rows])]
    more = f"\n\nand {len(found) - rows:,} more" if len(found) > rows else ""
    return "\n".join(lines) + more


def folded(title: str, text: str) -> str:
    """What is seen on a click."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def code(text: str) -> str:
    """A cell that Markdown does not read: nothing in it is a link, a mention or the end of the cell."""
    short = text if len(text) <= CELL else text[: CELL - 1] + "…"
    return "`" + " ".join(short.split()).replace("`", "'").replace("|", "\\|") + "`"


def value(held: Any) -> str:
    """A param as YAML has it, nearly."""
    return "–" if held is None else code(json.dumps(held, ensure_ascii=False).strip('"'))


def number(held: Any) -> str:
    """Three decimals, or as many as a small number needs; whole numbers whole."""
    if isinstance(held, float):
        return f"{held:.3f}" if abs(held) >= 0.0005 or held == 0 else f"{held:.2g}"
    return f"{held:,}" if isinstance(held, int) else value(held)


def difference(old: Any, new: Any) -> str:
    """How much a number rose or fell."""
    if not (isinstance(old, int | float) and isinstance(new, int | float)):
        return ""
    return ("+" if new > old else "") + number(new - old)


def listed(names: list[str]) -> str:
    """A few names, and how many there are more."""
    return ", ".join(map(code, names[:4])) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
