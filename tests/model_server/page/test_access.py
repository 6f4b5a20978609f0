"""Who can use the page: by keyboard alone, with a screen reader, on a small screen, in the dark."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.harness.server import RunningServer
from tests.model_server.conftest import Files
from tests.model_server.page.conftest import Open, Visit, png_file

pytestmark = pytest.mark.slow

LONG = "a-name-without-a-single-place-at-which-a-line-may-end-" * 4 + ".png"
PHONE = {"viewport": {"width": 360, "height": 740}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {**PHONE, "is_mobile": True, "has_touch": True},
    "forced colours": {"forced_colors": "active"},
}


def show_everything(visit: Visit, files: Files) -> None:
    """A score, a heat map, errors, an address, a notice, and every curl line."""
    visit.choose(png_file(LONG, files.red), png_file("blue.png", files.blue), png_file("x.png", b"x"))
    visit.find("#url").fill("https://a.test/red.png")
    visit.page.keyboard.press("Enter")
    visit.wait()
    visit.page.get_by_role("button", name=f"Heat map of {LONG}").click()
    expect(visit.find(".overlay:visible")).to_have_count(1)
    for summary in visit.find("summary").all():
        summary.click()
    visit.find("main").dispatch_event(
        "drop", {"dataTransfer": visit.page.evaluate_handle("new DataTransfer()")}
    )
    expect(visit.find("#notice")).to_be_visible()


def check_barriers(visit: Visit) -> None:
    found = Axe().run(visit.page)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 20


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_barrier(trying: RunningServer, open_page: Open, files: Files, look: str) -> None:
    visit = open_page(trying, **LOOKS[look])
    check_barriers(visit)
    show_everything(visit, files)
    check_barriers(visit)


def test_everything_can_be_done_by_keyboard(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying)
    visit.page.on("filechooser", lambda _: None)  # asked for too late, the dialog may be quicker
    press = visit.page.keyboard.press
    press("Tab")
    expect(visit.find("#files")).to_be_focused()
    outline = visit.find("label.button").evaluate("label => getComputedStyle(label).outlineStyle")
    assert outline == "solid"
    with visit.page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files([png_file("red.png", files.red)])
    visit.wait()
    press("Tab")
    expect(visit.find("#url")).to_be_focused()
    visit.page.keyboard.type("https://a.test/red.png?2")
    press("Enter")
    expect(visit.find(".value:visible")).to_have_count(2)
    reached: list[str] = []
    for _ in range(9):
        press("Tab")
        focused = visit.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText")
        reached.append(focused)
        if focused in ("Heat map of red.png", "The same with curl"):
            press("Enter")
    assert reached[:3] == ["Fetch", "Show all heat maps", "Clear"]
    assert reached.count("Heat map of red.png") == 2
    assert reached.count("The same with curl") == 2
    assert reached.count("Copy the line for red.png") == 2
    expect(visit.find(".overlay:visible")).to_have_count(2)
    expect(visit.find(".curl code:visible")).to_have_count(2)
    visit.find("#clear").focus()
    press("Space")
    expect(visit.find("#files")).to_be_focused()
    expect(visit.find(".picture")).to_have_count(0)


def test_the_line_is_copied(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying, permissions=["clipboard-read", "clipboard-write"])
    visit.choose(png_file("red.png", files.red))
    visit.find("summary").click()
    visit.page.get_by_role("button", name="Copy the line for red.png").click()
    expect(visit.find(".copy")).to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()") == visit.find(".curl code").inner_text()


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_screen(
    trying: RunningServer, open_page: Open, files: Files, width: int
) -> None:
    visit = open_page(trying, viewport={"width": width, "height": 740})
    show_everything(visit, files)
    size = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert size == [width, width]
    for element in visit.find("button:visible, .button, summary, input:visible:not(.unseen)").all():
        box = element.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_a_screen_reader_is_told_what_happens(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying)
    expect(visit.page.get_by_role("status")).to_be_attached()
    visit.choose(png_file("red.png", files.red), png_file("x.png", b"x"))
    expect(visit.page.get_by_role("status")).to_have_text("2 pictures, 1 without a score")
    expect(visit.page.get_by_role("listitem")).to_have_count(2)
    meter = visit.page.get_by_role("meter", name="Score for logo of red.png")
    expect(meter).to_have_js_property("value", 0.982)
    visit.page.get_by_role("button", name="Heat map of red.png").click()
    overlay = visit.page.get_by_role("img", name="Heat map of red.png: what speaks most for logo is")
    expect(overlay).to_be_visible()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_readers_colours(
    trying: RunningServer, open_page: Open, scheme: str, dark: bool
) -> None:
    visit = open_page(trying, color_scheme=scheme)
    ground, ink = (
        visit.page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
        for name in ("backgroundColor", "color")
    )
    assert (sum(ground) < sum(ink)) == dark


def test_without_scripts_the_page_says_what_to_do(trying: RunningServer, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(trying.url)
    expect(page.locator("noscript .notice")).to_contain_text("This page needs JavaScript.")
    context.close()
