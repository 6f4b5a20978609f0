"""Pages of this test's studio in a real Chromium, as somebody who is logged in."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from playwright.sync_api import Browser, Page, expect, sync_playwright

from studio.people.models import User
from tests.harness.process import ROOT, until
from tests.harness.tools import required
from tests.studio.world import log_in

START_TIMEOUT_S = 120.0
TIMEOUT_MS = 60_000.0
WIDTH, HEIGHT = 1100, 900  # pixels
COOKIE = "studio_session"

expect.set_options(timeout=TIMEOUT_MS)


@dataclass(frozen=True)
class Tab:
    """A page that is open, and what a browser noticed of it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        """Open an address of the studio."""
        self.page.goto(self.url + address)
        return self.page

    def check_barriers(self) -> None:
        """Search the page for barriers; what it forbids by its policy, it has not tried to load."""
        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()
        assert len(found.response["passes"]) > 10
        assert self.complaints == []


@contextmanager
def web() -> Iterator[str]:
    """The web server on this test's data folder. Gives its address.

    It inherits a socket that is bound already: a port that was free a moment ago may be that of another
    test's server, which would answer in its place.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        bound = listening.fileno()
        options = ("--no-control-socket", "--worker-class=gthread", "--threads=4", f"--bind=fd://{bound}")
        command = [sys.executable, "-m", "gunicorn", *options, "studio.wsgi:application"]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=(bound,))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def is_up() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{url}/log-in", timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(is_up, START_TIMEOUT_S)
        yield url
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; meanwhile Django thinks that its event loop runs our own code.

    In an event loop Django keeps connections of their own. They end here, as the next browser would else get
    them, and with them the former test's database.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=required("chromium"))
            try:
                yield browser
            finally:
                connections.close_all()
                browser.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@contextmanager
def new_tab(browser: Browser, url: str) -> Iterator[Tab]:
    """A tab that shares its log-in with no other."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    tab = Tab(page, url)

    def keep(text: str) -> None:
        if "Policy" in text:
            tab.complaints.append(text)

    page.on("console", lambda message: keep(message.text))
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    yield tab
    context.close()


@contextmanager
def open_tab(browser: Browser, url: str, user: User) -> Iterator[Tab]:
    """A tab of a user's own."""
    session = log_in(user).cookies[COOKIE].value
    with new_tab(browser, url) as tab:
        tab.page.context.add_cookies(
            [{"name": COOKIE, "value": session, "url": url, "httpOnly": True, "sameSite": "Lax"}]
        )
        yield tab
