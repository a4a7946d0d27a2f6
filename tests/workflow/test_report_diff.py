"""workflow/report_diff.py: the page of two reports side by side, and how it looks in a headless Chromium."""

from pathlib import Path

import pytest
from lxml import html

from tests.conftest import REPOSITORY, edit_params
from tests.support.page_browser import axe_core
from tests.support.report_pages import number, report_page, two_reports
from workflow.report_diff import POLICY, format_page
from workflow.report_parts import changed_parts, parse

LOADS = ("src", "href", "action", "poster", "srcset")
COMMITS = ("b" * 40, "a" * 40)


def compare(before: bytes, after: bytes) -> str:
    """The page of two reports."""
    old, new = parse(before, "1"), parse(after, "1")
    return format_page(old, new, changed_parts(old, new), *COMMITS)


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    """The page of two reports of the stage."""
    return compare(*two_reports(tmp_path_factory.mktemp("reports"), REPOSITORY / "params.yaml", edit_params))


@pytest.fixture(scope="module")
def page(text):
    return html.document_fromstring(text)


def headings(page) -> list[str]:
    """The headings of parts, without those in a column."""
    return [heading.text for heading in page.iter("h2")]


def column(page, side: str, part: str):
    return page.get_element_by_id(f"{side}-{part}")


def test_parts_that_differ_come_first_and_the_equal_ones_are_named(page):
    changed = ["Question and answer", "Results", "Findings", "Experiments: Weather", "Reproducibility"]
    assert headings(page) == [*changed, "Equal in both commits"]
    assert [link.text for link in page.iterfind(".//nav//a")] == changed
    equal = "Data, Preprocessing, Grid, The model handed on, Experiments: Nearby."
    assert page.text_content().rstrip().endswith(f"Equal in both commits\n{equal}")


def test_before_stands_beside_after(page):
    pair = column(page, "before", "models").getparent()
    assert [item.get("id") for item in pair] == ["before-models", "after-models"]
    assert [item.find_class("commit")[0].text_content() for item in pair] == ["before, bbbbbbb", "after, aaaaaaa"]
    values = ["0.125", "0.250"]
    for side, value in zip(("before", "after"), values, strict=True):
        (data,) = column(page, side, "experiment-weather").xpath(
            ".//data[@data-source='metrics/weather.json#/change/difference']"
        )
        assert (data.text, "changed" in data.classes) == (f"+{value}", True)


def test_only_what_differs_is_marked(page):
    sources = {item.get("data-source") for item in column(page, "after", "experiment-weather").find_class("changed")}
    assert sources == {"metrics/weather.json#/change/difference", "metrics/weather.json#/outcome"}


def test_a_mark_is_visible_without_colour(text):
    rule = text.split(".changed {")[1].split("}")[0]
    assert "font-weight: 700" in rule
    assert "border-bottom: 3px solid" in rule


def test_figures_that_are_equal_are_shown_once(page):
    pictures = [
        [item.get("alt") for item in column(page, side, "experiment-weather").iter("img")]
        for side in ("before", "after")
    ]
    assert pictures == [["figure weather: 0.500", "figure weather_more: 0.500"], ["figure weather: 0.750"]]


def test_no_id_is_there_twice_and_every_link_and_label_leads_to_one(page):
    identities = page.xpath("//@id")
    assert len(identities) == len(set(identities)) > 10
    assert {link.removeprefix("#") for link in page.xpath("//@href")} <= set(identities)
    labels = {name for names in page.xpath("//@aria-labelledby") for name in names.split()}
    assert labels <= set(identities)


def test_nothing_is_loaded_and_nothing_runs(text, page):
    loads = [value for name in LOADS for value in page.xpath(f"//@{name}")]
    assert {value.partition(":")[0] for value in loads if not value.startswith("#")} == {"data"}
    assert page.xpath("//script | //link | //iframe") == []
    assert page.xpath("//meta/@content")[1] == POLICY
    style = page.findtext("head/style")
    assert style.count("url(") == style.count("url(data:") + style.count('url("data:')
    assert "@import" not in style


def test_a_part_of_one_report_stands_beside_a_note():
    page = html.document_fromstring(compare(report_page(), report_page(articles={"new": number("new.json#/x", 1)})))
    assert headings(page)[0] == "Experiments: New"
    before, after = page.find_class("side")
    assert before.text_content() == "before, bbbbbbbThe report has no such part."
    assert after.text_content() == "after, aaaaaaa1.000"


def test_a_side_has_its_sheet_of_thumbnails_and_both_fonts_are_there():
    style = html.document_fromstring(
        compare(
            report_page({"data": "1"}, font="AAAB", sheet="AAAC"), report_page({"data": "2"}, font="AAAD", sheet="AAAE")
        )
    ).findtext("head/style")
    assert ".before { --columns: 40; --sheet: url(data:image/jpeg;base64,AAAC); }" in style
    assert ".after { --columns: 40; --sheet: url(data:image/jpeg;base64,AAAE); }" in style
    assert style.index("AAAB") < style.index("AAAD")
    assert ":root" not in style


def test_a_picture_of_many_megabytes_is_on_the_page():
    picture = f'<img src="data:,{"A" * 11_000_000}" alt="large">'
    page = compare(report_page({"data": f"1{picture}"}), report_page({"data": "2"}))
    assert picture in page
    assert ">2</div>" in page.replace("\n", "")


def test_titles_are_text():
    before, after = (report_page({"data": text}).replace(b">Data<", b">A &lt;b&gt; &amp; c<") for text in "12")
    assert headings(html.document_fromstring(compare(before, after)))[0] == "A <b> & c"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "light"),
        (1400, "dark"),
        pytest.param(360, "dark", marks=pytest.mark.exhaustive),
        pytest.param(1400, "light", marks=pytest.mark.exhaustive),
    ],
)
def test_in_a_browser_nothing_is_wrong_wider_than_the_screen_or_requested(browser, text, tmp_path, width, scheme):
    problems = []
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: check_request(request.url, problems))
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    left, right = (page.locator(f"#{side}-models").bounding_box()["x"] for side in ("before", "after"))
    assert (left == right) == (width == 360)
    page.evaluate(axe_core())
    violations = page.evaluate("axe.run()")["violations"]
    assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in violations] == []
    context.close()
    assert problems == []


@pytest.mark.slow
def test_the_page_s_policy_blocks_nothing_of_it(browser, text, tmp_path):
    problems = []
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    page = browser.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    page.close()
    assert problems == []


def check_request(url: str, problems: list[str]) -> None:
    if not url.startswith(("data:", Path("/").as_uri())):
        problems.append(f"a request to {url}")
