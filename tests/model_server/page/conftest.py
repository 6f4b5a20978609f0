"""The page in a real Chromium. Whatever a test does, the page stays within its policy and its server."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect, sync_playwright

from logo_detection.artifact import AlarmThreshold
from tests.harness.origins import Origin
from tests.harness.server import RunningServer, running_server
from tests.harness.tools import required
from tests.model_server.conftest import Files
from tests.model_server.page.screenshot import TIMEOUT_MS
from tests.models import tiny_onnx, write_artifact

expect.set_options(timeout=TIMEOUT_MS)


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is open, and what a browser noticed of it."""

    page: Page
    url: str
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def card(self, name: str) -> Locator:
        """The card of a file by its whole name."""
        return self.find(".picture").filter(has=self.page.get_by_role("heading", name=name, exact=True))

    def choose(self, *files: FilePayload) -> None:
        """Choose files, and wait until all that were taken are done."""
        self.page.set_input_files("#files", list(files))
        self.wait()

    def wait(self) -> None:
        """Wait until no picture waits."""
        expect(self.find(".picture").first).to_be_visible()
        expect(self.find(".waiting:visible")).to_have_count(0)

    def names(self) -> list[str]:
        return self.find("h3").all_inner_texts()


Open = Callable[..., Visit]


def png_file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "image/png", "buffer": content}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: while Playwright runs, its event loop is in the way of other tests' loops."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=required("chromium"))
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open the page of a server; afterwards, check that it broke no policy and asked nobody else."""
    visits: list[Visit] = []

    def open_one(server: RunningServer, **options: Any) -> Visit:
        page = browser.new_context(reduced_motion="reduce", **options).new_page()
        page.set_default_timeout(TIMEOUT_MS)
        visit = Visit(page, server.url)
        visits.append(visit)
        page.on("console", lambda message: visit.console.append(message.text))
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(server.url)
        expect(visit.find("#model")).not_to_be_empty()
        return visit

    yield open_one
    for visit in visits:
        visit.page.context.close()
        assert visit.errors == []
        assert [text for text in visit.console if "Policy" in text or "Trusted" in text] == []
        own = (f"{visit.url}/", f"blob:{visit.url}/", "data:image/png;")
        assert [url for url in visit.requests if not url.startswith(own)] == []


@pytest.fixture(scope="session")
def careful_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model, whose manifest has thresholds."""
    directory = tmp_path_factory.mktemp("careful")
    tiny_onnx(directory / "model.onnx")
    thresholds = tuple(
        AlarmThreshold(
            target="logo",
            false_alarm_rate=rate,
            threshold=threshold,
            recall=recall,
            recall_low=recall - 0.02,
            recall_high=recall + 0.02,
        )
        for rate, threshold, recall in ((0.01, 0.4, 0.93), (0.003, 0.8, 0.85), (0.001, 0.9999, 0.71))
    )
    return write_artifact(directory, thresholds=thresholds)


@pytest.fixture(scope="session")
def page_origin(files: Files) -> Iterator[Origin]:
    with Origin() as running:
        running.serve("/red.png", files.red)
        yield running


@pytest.fixture(scope="session")
def trying(
    careful_artifact: Path, page_origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server with the page, for all tests that change nothing of it."""
    stderr = tmp_path_factory.mktemp("trying") / "stderr"
    settings: dict[str, Any] = {"ALLOWED_HOSTS": "a.test", "ORIGIN_OVERRIDES": f"a.test={page_origin.url}"}
    with running_server(
        stderr, MODEL_PATH=careful_artifact, TRY_PAGE="true", WORKERS=1, **settings
    ) as running:
        yield running
