"""workflow/report_parts.py: the parts of a report page, which of them differ, and what differs in them."""

import pytest

from tests.support.report_pages import number, report_page
from workflow.report_parts import (
    changed_parts,
    mark_changes,
    parse,
    remove_equal_stages,
    replace_equal_pictures,
)

THUMBNAIL = '<span class="thumbnail" role="img" aria-label="{}" style="--x:{};--y:0"></span>'
STAGE = '<details id="stage-{}"><summary>{}</summary><dl><dt>params</dt><dd><code>lr: {}</code>, <code>seed: 77</code></dd></dl></details>'


def page(*arguments, thumbnails="1", **options):
    return parse(report_page(*arguments, **options), thumbnails)


def part(text: str):
    """The element of a section with a content."""
    return page({"data": text}).parts["data"].element


def marked(before: str, after: str) -> list[str]:
    """Texts that are marked in the later of two versions of a section."""
    later = part(after)
    mark_changes(later, part(before))
    return [element.text_content() for element in later.find_class("changed")]


def test_parts_are_the_header_the_sections_and_the_articles_of_the_experiments():
    parts = page({"data": "", "grid": "한글"}, {"weather": "", "title_map": ""}).parts
    assert {key: item.title for key, item in parts.items()} == {
        "header": "Question and answer",
        "data": "Data",
        "grid": "Grid",
        "experiment-weather": "Experiments: Weather",
        "experiment-title_map": "Experiments: Title_Map",
    }
    assert "한글" in parts["grid"].element.text_content()


def test_parts_that_differ_are_in_the_order_of_the_later_page_and_those_that_it_lacks_last():
    before = page({"gone": "", "data": "1", "grid": "1"}, {"weather": "1"})
    after = page({"grid": "2", "data": "1"}, {"new": "", "weather": "2"})
    assert changed_parts(before, after) == ["grid", "experiment-new", "experiment-weather", "gone"]
    assert changed_parts(after, after) == []


@pytest.mark.parametrize(
    ("name", "position", "version", "changed"),
    [("a, no. 1", 0, "1", False), ("a, no. 1", 7, "1", False), ("a, no. 2", 0, "1", True), ("a, no. 1", 0, "2", True)],
)
def test_a_thumbnail_counts_by_its_name_and_version_not_by_its_position_on_the_sheet(name, position, version, changed):
    before = page({"data": THUMBNAIL.format("a, no. 1", 0)})
    after = page({"data": THUMBNAIL.format(name, position)}, thumbnails=version)
    assert changed_parts(before, after) == (["data"] if changed else [])


def test_numbers_that_differ_are_marked():
    before = number("a.json#/x", 0.5) + number("a.json#/y", 0.25)
    after = number("a.json#/x", 0.5) + number("a.json#/y", 0.75) + number("a.json#/z", 1)
    assert marked(before, after) == ["0.750", "1.000"]


def test_a_number_that_differs_beyond_the_decimals_shown_is_marked():
    assert marked(number("a.json#/x", 0.50001), number("a.json#/x", 0.50002)) == ["0.500"]


def test_sentences_that_differ_are_marked():
    before, after = (f'<p><span data-source="a.json#/outcome">{text}</span></p>' for text in ("a loss", "a gain"))
    assert marked(before, after) == ["a gain"]


def test_params_of_a_stage_that_differ_are_marked():
    assert marked(STAGE.format("train", "train", 1), STAGE.format("train", "train", 2)) == ["lr: 2"]


def test_stages_that_are_equal_are_a_number_and_the_others_are_open():
    stages = [STAGE.format(name, name, 1) for name in ("crawl", "label", "train")]
    element = part("".join(stages))
    remove_equal_stages(element, part("".join([*stages[:2], STAGE.format("train", "train", 2)])))
    assert [(item.get("id"), item.get("open")) for item in element.iter("details")] == [("stage-train", "")]
    assert element.text_content().endswith("Stages that are equal, not shown: 2.")


def test_a_picture_that_is_equal_is_shown_once():
    before, after = (f'<p><img src="data:,a" alt="a"> and <img src="data:,{x}" alt="b"></p>' for x in "bc")
    element = part(after)
    replace_equal_pictures(element, part(before), "as before")
    assert [picture.get("src") for picture in element.iter("img")] == ["data:,c"]
    assert element.text_content().endswith("as before and ")
