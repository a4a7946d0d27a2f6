"""The parts of a report page, and what differs between two pages. No files, no git, no DVC.

A part is the header, a section, or an article of the section `experiments`. The stages are one part, the section `reproducibility`.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from html import escape

from lxml import html
from lxml.html import HtmlElement

CHANGED = "changed"  # the class of a number, a sentence or an entry that differs
SOURCED = ".//*[@data-source]"
STAGES = "./details[@id]"
EXPERIMENTS = "experiments"  # the section whose articles are the parts


@dataclass(frozen=True)
class Part:
    """A part of a page with its title; `element` contains the title too."""

    title: str
    element: HtmlElement


@dataclass(frozen=True)
class Page:
    """A page. parts: by id, in the page's order; style: the text of its style sheet; thumbnails: the version of their pictures."""

    parts: dict[str, Part]
    style: str
    thumbnails: str


def parse(content: bytes, thumbnails: str) -> Page:
    """Parse a page in UTF-8. thumbnails: the digest of the pictures that it shows as thumbnails."""
    root = html.document_fromstring(content, parser=parser())
    style = "\n".join(element.text or "" for element in root.iterfind("head/style"))
    return Page(dict(read_parts(root)), style, thumbnails)


def parser() -> html.HTMLParser:
    """A parser of UTF-8 for elements of any size: figures are attributes of megabytes."""
    return html.HTMLParser(encoding="utf-8", huge_tree=True)


def read_parts(root: HtmlElement) -> Iterator[tuple[str, Part]]:
    """Ids and parts of a page."""
    for header in root.iterfind("body/header"):
        yield "header", Part("Question and answer", header)
    for section in root.iterfind("body/main/section"):
        title = section.findtext("h2", "")
        for article in section.iterfind("article"):
            yield article.get("id"), Part(f"{title}: {article.findtext('h3', '')}", article)
        if section.get("id") != EXPERIMENTS:
            yield section.get("id"), Part(title, section)


def changed_parts(before: Page, after: Page) -> list[str]:
    """Ids of the parts that differ or that one page lacks, in the order of the later page."""
    keys = [*after.parts, *(key for key in before.parts if key not in after.parts)]
    return [key for key in keys if fingerprint(before, key) != fingerprint(after, key)]


def fingerprint(page: Page, key: str) -> str | None:
    """The text of a part, None where the page lacks it. A thumbnail counts by its name and version, not by its position on the sheet."""
    if key not in page.parts:
        return None
    element = deepcopy(page.parts[key].element)
    for thumbnail in element.find_class("thumbnail"):
        thumbnail.set("style", page.thumbnails)
    return text_of(element)


def text_of(element: HtmlElement) -> str:
    """An element as HTML, without the text that follows it."""
    return html.tostring(element, encoding="unicode", with_tail=False)


def content_of(element: HtmlElement) -> str:
    """The content of an element as HTML."""
    return escape(element.text or "") + "".join(html.tostring(child, encoding="unicode") for child in element)


def mark_changes(element: HtmlElement, other: HtmlElement) -> None:
    """Add the class CHANGED to the values of a part that differ from those of the same part on another page."""
    values = {key: value for key, value, _ in read_values(other)}
    for key, value, place in read_values(element):
        if values.get(key) != value:
            place.classes.add(CHANGED)


def read_values(element: HtmlElement) -> Iterator[tuple[str, str, HtmlElement]]:
    """Source, value and element of each number and sentence, and of each entry of a stage: a param, or a file with its digest."""
    for place in element.iterfind(SOURCED):
        yield place.get("data-source"), place.get("value") or place.text_content(), place
    for stage in element.iterfind(STAGES):
        for entry in stage.iterfind("dl/dd/code"):
            value = f"{entry.text} {(entry.tail or '').strip(' ,')}"
            yield f"{stage.get('id')} {value}", value, entry


def remove_equal_stages(element: HtmlElement, other: HtmlElement) -> None:
    """Put their number in place of the stages of a part that are the same on another page, and open the others."""
    others = {text_of(stage) for stage in other.iterfind(STAGES)}
    equal = [stage for stage in element.iterfind(STAGES) if text_of(stage) in others]
    for stage in equal:
        stage.drop_tree()
    for stage in element.iterfind(STAGES):
        stage.set("open", "")
    if equal:
        note = html.Element("p", {"class": "made"})
        note.text = f"Stages that are equal, not shown: {len(equal)}."
        element.append(note)


def replace_equal_pictures(element: HtmlElement, other: HtmlElement, text: str) -> None:
    """Put a text in place of each picture of a part that the same part on another page shows too."""
    shown = {picture.get("src") for picture in other.iterfind(".//img")}
    for picture in [picture for picture in element.iterfind(".//img") if picture.get("src") in shown]:
        note = html.Element("span", {"class": "same"})
        note.text, note.tail = text, picture.tail
        picture.getparent().replace(picture, note)
