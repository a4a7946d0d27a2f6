"""The report in a headless Chromium: nothing fails, nothing is loaded, nothing overflows; with and without its script, and on paper."""

from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from stages import report
from tests.conftest import REPOSITORY, edit_params
from tests.support.page_browser import axe_core
from tests.support.random_predictions import label_names
from tests.support.report_inputs import write_inputs
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from workflow.print_report import print_page

pytestmark = pytest.mark.slow
SETS = {"animals": ["bird", "cat", "dog"], "two": ["yes", "no"], "many": label_names(18)}


@pytest.fixture(scope="module")
def report_of(tmp_path_factory):
    """A function that returns the report's path by the name of a set of labels."""

    @cache
    def write(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        (folder / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            write_inputs(SETS[name], lambda values: edit_params(folder / "params.yaml", values))
            report.main()
        return folder / paths.REPORT

    return write


@pytest.fixture
def open_page(browser, report_of):
    """A function that opens a report; at the end no error was in the console, and nothing else was asked for."""
    problems: list[str] = []
    contexts = []

    def open_report(name: str = "animals", width: int = 1400, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page, address = context.new_page(), report_of(name).as_uri()
        page.on("console", lambda message: problems.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith((address, "data:")) else problems.append(request.url),
        )
        page.goto(address)
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize("name", ["animals", "many", pytest.param("two", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_screen(open_page, name, width):
    page = open_page(name, width)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "light"),
        (1400, "dark"),
        pytest.param(360, "dark", marks=pytest.mark.exhaustive),
        pytest.param(1400, "light", marks=pytest.mark.exhaustive),
    ],
)
def test_axe_core_has_no_complaint(open_page, width, scheme):
    page = open_page(width=width, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    page.evaluate(axe_core())
    result = page.evaluate("axe.run()")
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in result["violations"]] == []


def test_a_cell_shows_its_pictures_while_it_has_the_pointer_or_the_focus(open_page):
    page = open_page()
    cell = page.locator("table.confusion a.popup").first
    cell.hover()
    expect(page.locator("#panel .thumbnail").first).to_be_visible()
    page.mouse.move(0, 0)
    expect(page.locator("#panel")).to_be_hidden()
    cell.focus()
    expect(page.locator("#panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()


def test_a_title_of_the_map_shows_its_name_and_leads_to_its_pictures(open_page):
    page = open_page()
    link = page.locator(".map a").first
    link.hover()
    expect(page.locator("#panel")).to_contain_text("pictures")
    link.click()
    expect(page.locator("#title-0")).to_be_visible()


def test_a_korean_title_has_its_font(open_page):
    page = open_page()
    assert page.locator("text=고양이 <마왕> & 친구").count()
    assert page.evaluate("document.fonts.load('16px \"Report Korean\"', '고').then((faces) => faces.length)") == 1


def test_a_table_is_sorted_by_the_numbers_of_a_column(open_page):
    page = open_page()
    head = page.locator("#models table th", has_text="micro F1")
    values = page.locator("#models table td:nth-child(2) > data")
    for order in (True, False):
        head.locator("button").click()
        numbers = [float(text) for text in values.evaluate_all("cells => cells.map((cell) => cell.value)")]
        assert numbers == sorted(numbers, reverse=order)
    assert head.get_attribute("aria-sort") == "ascending"


def test_all_is_readable_without_script(open_page):
    page = open_page(java_script_enabled=False)
    page.locator("table.confusion a.popup").first.click()
    assert page.locator("#model details.gallery .strip").first.inner_text()
    expect(page.locator("table.confusion data").first).to_be_visible()


def test_the_page_is_printed_with_what_is_closed_on_the_screen(open_page, report_of, tmp_path):
    target = tmp_path / "report.pdf"
    print_page(report_of("animals"), target)
    assert target.read_bytes().startswith(b"%PDF")
    assert target.stat().st_size < 20_000_000
    page = open_page()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("#model details.gallery .strip").first).to_be_visible()


def test_a_page_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"index\.html is not there; `dvc repro report` makes it"):
        print_page(tmp_path / "index.html", tmp_path / "report.pdf")
