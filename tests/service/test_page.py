"""The page of the service in a headless Chromium: choose, drop, paste, errors, a slow answer, two languages, narrow screens, axe-core."""

import base64

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.image_factory import encode
from tests.support.page_browser import axe_core, running_service
from tests.support.tiny_model import write_model

pytestmark = pytest.mark.slow
RED = encode(np.full((8, 8, 3), (200, 40, 40), np.uint8), "PNG")
TRANSFER = """([name, data, type]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/png" }));
  const event = type === "paste" ? new ClipboardEvent(type, { clipboardData: transfer, bubbles: true })
    : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The tiny model's service."""
    folder = tmp_path_factory.mktemp("page")
    with running_service(write_model(folder / "model"), folder / "log") as running:
        yield running


@pytest.fixture
def open_page(browser, service):
    """A function that opens the page; at the end no error was in the console, and no other site was asked for anything."""
    problems: list[str] = []
    contexts = []

    def open_in(width: int = 1000, locale: str = "en-US", scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, locale=locale, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: check_origin(request.url, service.url, problems))
        page.goto(service.url)
        return page

    open_in.problems = problems
    yield open_in
    for context in contexts:
        context.close()
    assert problems == []


def check_origin(url: str, service: str, problems: list[str]) -> None:
    if not url.startswith((service, "blob:", "data:")):
        problems.append(f"a request to {url}")


def give(page: Page, kind: str, content: bytes = RED, name: str = "red.png") -> None:
    """Hand a picture to the page by one of its three ways."""
    if kind == "choose":
        page.set_input_files("#files", {"name": name, "mimeType": "image/png", "buffer": content})
    else:
        page.evaluate(TRANSFER, [name, base64.b64encode(content).decode(), kind])


@pytest.mark.parametrize("kind", ["choose", "drop", "paste"])
def test_a_picture_is_named_with_its_probabilities(open_page, kind):
    page = open_page()
    give(page, kind)
    expect(page.locator("article h2")).to_have_text("red.png")
    expect(page.locator("article dt")).to_have_text(["action", "comedy", "slice of life"])
    expect(page.locator("article dd.value").first).to_have_text("96.5%")
    expect(page.get_by_role("status")).to_have_text("1 picture read.")


def test_heat_maps_and_similar_titles_come_on_demand(open_page):
    page = open_page()
    give(page, "choose")
    page.get_by_role("button", name="Show what speaks for it, and similar titles").click()
    expect(page.locator(".heat img")).to_have_count(2)
    expect(page.locator("article li").first).to_contain_text("Red")
    expect(page.locator("article li").first).to_contain_text("action, distance 0.00")


def test_a_picture_that_cannot_be_read_is_an_error_in_words(open_page):
    page = open_page()
    give(page, "choose", b"text", "text.png")
    expect(page.get_by_role("status")).to_have_text("text.png: 4 bytes starting b'text' are no JPEG, PNG, WebP or GIF")
    expect(page.locator("article")).to_have_count(0)
    open_page.problems[:] = [text for text in open_page.problems if "422" not in text]  # Chromium logs the status


def test_while_an_answer_is_slow_the_page_says_so(open_page):
    page = open_page()
    waiting = []
    page.route("**/predict", lambda route: waiting.append(route))
    give(page, "choose")
    expect(page.get_by_role("status")).to_have_text("Reading 1 picture…")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "true")
    waiting[0].continue_()
    expect(page.get_by_role("status")).to_have_text("1 picture read.")
    assert page.locator("#results").get_attribute("aria-busy") is None


def test_a_service_that_does_not_answer_is_an_error_in_words(open_page):
    page = open_page()
    page.route("**/predict", lambda route: route.abort())
    give(page, "choose")
    expect(page.get_by_role("status")).to_have_text("The service does not answer. Try again.")
    open_page.problems[:] = [text for text in open_page.problems if "ERR_FAILED" not in text]


def test_the_language_is_the_browser_s_and_can_be_changed(open_page):
    page = open_page(locale="ko-KR")
    give(page, "choose")
    expect(page.get_by_role("heading", level=1)).to_have_text("그림체로 보는 장르")
    expect(page.locator("article dt")).to_have_text(["액션", "개그", "일상"])
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Genre by drawing style")
    expect(page.locator("article dt").first).to_have_text("action")
    assert page.locator("html").get_attribute("lang") == "en"


def test_everything_is_reached_by_keyboard(open_page):
    page = open_page()
    give(page, "choose")
    expect(page.locator("article")).to_have_count(1)
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    assert reached == ["language", "files", "Show what speaks for it, and similar titles", "API"]


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_screen(open_page, width):
    page = open_page(width)
    give(page, "choose", name=f"{'a long name ' * 10}{'x' * 60}.png")
    page.get_by_role("button", name="Show what speaks for it, and similar titles").click()
    expect(page.locator(".heat img")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("locale", "scheme"),
    [
        ("en-US", "light"),
        ("ko-KR", "dark"),
        pytest.param("en-US", "dark", marks=pytest.mark.exhaustive),
        pytest.param("ko-KR", "light", marks=pytest.mark.exhaustive),
    ],
)
def test_axe_core_finds_nothing(open_page, scheme, locale):
    page = open_page(locale=locale, scheme=scheme)
    give(page, "choose")
    page.locator("article button").click()
    expect(page.locator(".heat img")).to_have_count(2)
    page.evaluate(axe_core())
    violations = page.evaluate("axe.run()")["violations"]
    assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in violations] == []


def test_the_documentation_of_the_api_works_offline(open_page, service):
    page = open_page()
    page.goto(f"{service.url}/docs")
    expect(page.locator("#operations-default-predict_predict_post")).to_be_visible(timeout=15_000)
