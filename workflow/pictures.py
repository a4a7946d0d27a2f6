"""Figures that differ between two commits: their pictures before and after, and one HTML page that shows them and needs nothing else.

`dvc plots diff` fetches them; its own page loads scripts from the web, is not one file, and shows figures that did not change as well.
"""

import html
import json
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow.command import dvc
from workflow.verify import Lock, outputs

KINDS = {".jpg": "jpeg", ".png": "png"}
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Figures of {after} beside {before}</title><style>
body {{ font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 1500px; padding: 0 1em; color: #1f2328; background: white }}
h2 {{ font-size: 1.1em; margin-top: 2em; border-top: 1px solid #d0d7de; padding-top: 1em }}
div {{ display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1em; align-items: start }}
figure {{ margin: 0 }}
figcaption {{ color: #59636e }}
img {{ max-width: 100% }}
</style></head>
<body><h1>Figures of {after} beside {before}</h1>
<p>Those that differ between the two commits.</p>
{sections}
</body>
</html>
"""


@dataclass(frozen=True)
class Side:
    """A figure at one commit: its digest, None where there is none, and its picture, None where it is not to be had."""

    digest: str | None
    picture: bytes | None

    @property
    def lost(self) -> bool:
        """Is there a figure, but no picture of it in git, DVC's cache or its default remote?"""
        return self.digest is not None and self.picture is None


@dataclass(frozen=True)
class Figure:
    """A figure that differs between two commits."""

    path: str
    before: Side
    after: Side

    @property
    def lost(self) -> bool:
        """Is a picture not to be had?"""
        return self.before.lost or self.after.lost


def differing(base: Lock, head: Lock) -> dict[str, tuple[str | None, str | None]]:
    """Digests of figures that differ between two dvc.lock files, in the order of the later one."""
    was, now = drawn(base), drawn(head)
    return {path: (was.get(path), now.get(path)) for path in [*now, *was] if was.get(path) != now.get(path)}


def drawn(lock: Lock) -> dict[str, str]:
    """Digests of all figures."""
    made = {path: digest for stage in lock.values() for path, digest in outputs(stage).items()}
    return {path: digest for path, digest in made.items() if Path(path).suffix in KINDS}


def fetched(figures: dict[str, tuple[str | None, str | None]], base: str, head: str) -> list[Figure]:
    """Figures that differ between two commits, with their pictures from git, DVC's cache or its default remote."""
    if not figures:
        return []
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        found = json.loads(dvc("plots", "diff", base, head, "--targets", *figures, "--json", "--out", folder))["data"]
        seen = {path: pictures(found.get(path, [])) for path in figures}
    return [
        Figure(path, Side(was, seen[path].get(base)), Side(now, seen[path].get(head)))
        for path, (was, now) in figures.items()
    ]


def pictures(entries: list[dict[str, Any]]) -> dict[str, bytes]:
    """What `dvc plots diff` found of one figure, by commit."""
    return {each["revisions"][0]: Path(each["url"]).read_bytes() for each in entries}


def page(figures: list[Figure], base: str, head: str) -> str:
    """The HTML page; pictures are part of it."""
    sections = "\n".join(section(each) for each in figures)
    return PAGE.format(before=base[:7], after=head[:7], sections=sections)


def section(figure: Figure) -> str:
    """One figure, before beside after."""
    kind = KINDS[Path(figure.path).suffix]
    before, after = (content(side, kind) for side in (figure.before, figure.after))
    sides = f"<figure><figcaption>before</figcaption>{before}</figure><figure><figcaption>after</figcaption>{after}</figure>"
    return f"<h2>{html.escape(figure.path)}</h2>\n<div>{sides}</div>"


def content(side: Side, kind: str) -> str:
    """The picture itself, or why there is none."""
    if side.picture is None:
        return "not in DVC's cache, nor in its remote" if side.lost else "there is none"
    return f'<img alt="" src="data:image/{kind};base64,{b64encode(side.picture).decode()}">'
