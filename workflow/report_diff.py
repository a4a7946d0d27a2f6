"""The reports of two commits as one self-contained HTML page: the parts that differ, before beside after. No files, no git, no DVC.

The columns have the style sheet of the later report. Neither report's script is on the page: without it all is readable.
"""

import html
from copy import deepcopy

from lxml.html import HtmlElement, document_fromstring

from workflow.report_parts import (
    Page,
    Part,
    content_of,
    mark_changes,
    parser,
    remove_equal_stages,
    replace_equal_pictures,
    text_of,
)

SIDES = ("before", "after")
REFERENCES = ("id", "for", "aria-labelledby", "aria-describedby")  # attributes that hold ids, beside `href`
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"  # a browser asks no site for anything
STYLE = """
body { max-width: 110rem; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem 2rem; }
@media (min-width: 60rem) { .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.side { border-top: 4px solid var(--edge); }
.commit { font-weight: 600; margin: .4rem 0 0; }
.changed { font-weight: 700; background: var(--soft); border-bottom: 3px solid var(--orange); }
.same { display: block; padding: .3rem .6rem; color: var(--line); background: var(--paper); font-size: .9rem; }
a:not([href]) { color: inherit; }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Report of {after} beside {before}</title>
<style>
{style}
</style>
</head>
<body>
<main>
<h1>Report of {after} beside {before}</h1>
<p>The parts that differ between the two commits. Numbers, sentences and entries of stages that differ are
<span class="changed">marked like this</span>.</p>
<nav aria-label="Parts that differ"><ol>{links}</ol></nav>
{parts}
<h2>Equal in both commits</h2>
<p>{equal}</p>
</main>
</body>
</html>
"""
PART = """<section aria-labelledby="{identity}">
<h2 id="{identity}">{title}</h2>
<div class="pair">
{columns}
</div>
</section>"""


def format_page(before: Page, after: Page, changed: list[str], base: str, head: str) -> str:
    """Format the page. changed: ids of the parts that differ."""
    titles = {key: part.title for key, part in (before.parts | after.parts).items()}
    equal = [html.escape(title) for key, title in titles.items() if key not in changed]
    links = "".join(f'<li><a href="#part-{key}">{html.escape(titles[key])}</a></li>' for key in changed)
    commits = (base[:7], head[:7])
    return PAGE.format(
        policy=POLICY,
        before=commits[0],
        after=commits[1],
        style=format_style(before, after),
        links=links,
        parts=format_parts(before, after, {key: titles[key] for key in changed}, commits),
        equal=f"{', '.join(equal)}." if equal else "No part.",
    )


def format_style(before: Page, after: Page) -> str:
    """The later page's style sheet with the earlier page's font before it; the thumbnails' sheet belongs to a side."""
    fonts = [line for line in before.style.splitlines() if line.startswith("@font-face")]
    rules, sheet = split_style(after.style)
    sheets = zip(SIDES, (split_style(before.style)[1], sheet), strict=True)
    return "\n".join([*fonts, rules, *(f".{side} {{{properties}}}" for side, properties in sheets), STYLE])


def split_style(style: str) -> tuple[str, str]:
    """The rules of a report's style sheet, and the properties of its last rule, which describe the sheet of thumbnails."""
    rules, _, last = style.rpartition(":root {")
    return rules, last.rpartition("}")[0]


def format_parts(before: Page, after: Page, titles: dict[str, str], commits: tuple[str, str]) -> str:
    """Format parts, before beside after."""
    texts = [
        format_part(key, title, (before.parts.get(key), after.parts.get(key)), commits) for key, title in titles.items()
    ]
    body = document_fromstring("".join(texts).encode(), parser=parser()).find("body")
    remove_dead_links(body)
    return "\n".join(text_of(part) for part in body)


def format_part(key: str, title: str, parts: tuple[Part | None, Part | None], commits: tuple[str, str]) -> str:
    """Format one part, before beside after."""
    elements = [deepcopy(part.element) if part else None for part in parts]
    if elements[0] is not None and elements[1] is not None:
        compare(elements[0], elements[1])
    columns = [
        format_side(side, key, commit, element) for side, commit, element in zip(SIDES, commits, elements, strict=True)
    ]
    return PART.format(identity=f"part-{key}", title=html.escape(title), columns="\n".join(columns))


def compare(before: HtmlElement, after: HtmlElement) -> None:
    """Mark what differs between two versions of a part, and shorten what does not."""
    earlier, later = deepcopy(before), deepcopy(after)
    for element, other in ((before, later), (after, earlier)):
        mark_changes(element, other)
    replace_equal_pictures(after, earlier, "The same picture as before.")
    for element, other in ((before, later), (after, earlier)):
        remove_equal_stages(element, other)


def format_side(side: str, key: str, commit: str, element: HtmlElement | None) -> str:
    """Format one version of a part; its ids begin with the side."""
    label = f'<p class="commit" id="{side}-commit-{key}">{side}, <code>{commit}</code></p>'
    if element is None:
        return f'<div class="side {side}">{label}<p>The report has no such part.</p></div>'
    remove_title(element)
    prefix_ids(element, side, f"{side}-commit-{key}")
    return f'<div class="side {side}" id="{side}-{key}">{label}{content_of(element)}</div>'


def remove_title(element: HtmlElement) -> None:
    """Remove a part's title, which stands above both sides; a header's title, the question, becomes a heading below it."""
    for title in element.xpath("./h1"):
        title.tag = "h3"
    for title in element.xpath("./h2[@id] | ./h3[@id]"):
        title.drop_tree()


def prefix_ids(element: HtmlElement, side: str, label: str) -> None:
    """Put the side before ids and references to them. label: the id of the side's label, which names its regions too."""
    for item in element.iter("*"):
        for name in REFERENCES:
            if item.get(name):
                item.set(name, " ".join(f"{side}-{identity}" for identity in item.get(name).split()))
        if item.get("href", "").startswith("#"):
            item.set("href", f"#{side}-{item.get('href')[1:]}")
        if item.get("role") == "region":
            name_region(item, side, label)


def name_region(item: HtmlElement, side: str, label: str) -> None:
    """Name the side in the name of a region: no two regions of a page have the same name."""
    if item.get("aria-label"):
        item.set("aria-label", f"{side}: {item.get('aria-label')}")
    if item.get("aria-labelledby"):
        item.set("aria-labelledby", f"{label} {item.get('aria-labelledby')}")


def remove_dead_links(root: HtmlElement) -> None:
    """Turn links to parts that are not on the page into text."""
    identities = {item.get("id") for item in root.iter("*")}
    for link in root.iterfind(".//a[@href]"):
        if link.get("href")[1:] not in identities:
            del link.attrib["href"]
