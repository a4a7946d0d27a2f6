"""Figures that differ between two commits: their pictures before and after, and one self-contained HTML page that shows them.

`dvc plots diff` fetches them. Its HTML page is not used: it loads scripts from the web, is several files, and shows unchanged figures too.
"""

import html
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow.command import dvc_json
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
    """A figure at one commit: its digest, None where the commit has no such figure, and its picture, None where it is not available."""

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
        """Is one of its pictures not available?"""
        return self.before.lost or self.after.lost


def differing_figures(before: Lock, after: Lock) -> dict[str, tuple[str | None, str | None]]:
    """Digests, before and after, of figures that differ between two dvc.lock files, by path, in the order of the later file."""
    old, new = figure_digests(before), figure_digests(after)
    return {path: (old.get(path), new.get(path)) for path in [*new, *old] if old.get(path) != new.get(path)}


def figure_digests(lock: Lock) -> dict[str, str]:
    """Digests of all figures by path."""
    digests = {path: digest for stage in lock.values() for path, digest in outputs(stage).items()}
    return {path: digest for path, digest in digests.items() if Path(path).suffix in KINDS}


def fetch_figures(digests: dict[str, tuple[str | None, str | None]], base: str, head: str) -> list[Figure]:
    """Get the pictures of figures at two commits from git, DVC's cache or its default remote."""
    if not digests:
        return []
    with tempfile.TemporaryDirectory(prefix="review-") as folder:
        entries = dvc_json("plots", "diff", base, head, "--targets", *digests, "--out", folder)["data"]
        pictures = {path: read_pictures(entries.get(path, [])) for path in digests}
    return [
        Figure(path, Side(old, pictures[path].get(base)), Side(new, pictures[path].get(head)))
        for path, (old, new) in digests.items()
    ]


def read_pictures(entries: list[dict[str, Any]]) -> dict[str, bytes]:
    """Read what `dvc plots diff` wrote of one figure, by commit."""
    return {entry["revisions"][0]: Path(entry["url"]).read_bytes() for entry in entries}


def format_page(figures: list[Figure], base: str, head: str) -> str:
    """Format the HTML page, pictures included."""
    sections = "\n".join(format_section(figure) for figure in figures)
    return PAGE.format(before=base[:7], after=head[:7], sections=sections)


def format_section(figure: Figure) -> str:
    """Format one figure, before beside after."""
    kind = KINDS[Path(figure.path).suffix]
    before, after = (format_side(side, kind) for side in (figure.before, figure.after))
    sides = f"<figure><figcaption>before</figcaption>{before}</figure><figure><figcaption>after</figcaption>{after}</figure>"
    return f"<h2>{html.escape(figure.path)}</h2>\n<div>{sides}</div>"


def format_side(side: Side, kind: str) -> str:
    """Format the picture, or the reason why there is none."""
    if side.picture is None:
        return "not in DVC's cache, nor in its remote" if side.lost else "there is none"
    return f'<img alt="" src="data:image/{kind};base64,{b64encode(side.picture).decode()}">'
