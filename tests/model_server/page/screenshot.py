"""The screenshot of the page in docs/api.md, of the shipped model and the samples.

    python -m tests.model_server.page.screenshot [FILE]

writes it anew, to docs/try-page.png if no file is named.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.harness.process import ROOT
from tests.harness.server import running_server
from tests.harness.tools import required

COMMITTED = ROOT / "docs" / "try-page.png"
SAMPLES = ("logo.png", "landscape.jpg", "logo.svg")
WIDTH, HEIGHT = 960, 1280  # pixels
TIMEOUT_MS = 60_000


def take_screenshot(browser: Browser, url: str) -> bytes:
    """A PNG of the page at this address, with scored samples and two heat maps, of WIDTH x HEIGHT."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    page.goto(url)
    expect(page.locator("#model")).not_to_be_empty()
    for number, name in enumerate(SAMPLES, start=1):  # one after the other: none waits for another
        page.set_input_files("#files", [ROOT / "samples" / name])
        expect(page.locator("meter:visible")).to_have_count(number)
    for name in SAMPLES[:2]:
        page.get_by_role("button", name=f"Heat map of {name}").click()
    expect(page.locator(".overlay:visible")).to_have_count(2)
    page.evaluate("document.activeElement.blur()")
    taken = page.screenshot()
    page.close()
    return taken


def main(path: Path) -> None:
    expect.set_options(timeout=TIMEOUT_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder) / "stderr", TRY_PAGE="true") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=required("chromium"))
        path.write_bytes(take_screenshot(browser, server.url))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else COMMITTED)
