"""The review in a real Chromium, by keyboard alone, and searched for barriers by axe-core."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from playwright.sync_api import Browser, Page, expect, sync_playwright

from studio.images.models import Dataset
from studio.people.models import Role, User
from studio.review.models import Decision, Item, Queue
from tests.harness.tools import required
from tests.studio.review.world import make_queue, post, run_intakes
from tests.studio.served import served
from tests.studio.world import make_user, pattern

pytestmark = pytest.mark.slow

TIMEOUT_MS = 120_000
PASSWORD = "a long password of nobody"
RED = (230, 20, 20)


@pytest.fixture
def queue(dataset: Dataset, administrator: User) -> Queue:
    """A blind queue of four pictures, and two reviewers and a trainer who can log in."""
    made = make_queue(dataset, administrator, rate=1.0)
    for number in range(4):
        picture = pattern(number, RED)
        post(made, administrator, f"{number}.png", number / 4, source_url="", picture=picture)
    run_intakes()
    for name, role in (("ann", Role.REVIEWER), ("bob", Role.REVIEWER), ("tom", Role.TRAINER)):
        user = make_user(name, role)
        user.set_password(PASSWORD)
        user.save()
    connections.close_all()
    return made


@contextmanager
def chromium() -> Iterator[Browser]:
    """Django's database cannot be asked meanwhile: Playwright runs an event loop in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=required("chromium"))
        yield browser
        browser.close()


def log_in(browser: Browser, url: str, name: str) -> Page:
    page = browser.new_context(viewport={"width": 1100, "height": 900}).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{url}/log-in")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    return page


def shown(page: Page) -> str:
    return page.locator("#item").get_attribute("data-item") or ""


def press(page: Page, key: str) -> None:
    """Press a key, and wait for the page that follows."""
    with page.expect_navigation():
        page.keyboard.press(key)


def find_barriers(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{page.url}: {each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def test_two_reviewers_decide_by_keyboard(queue: Queue, studio: Path) -> None:
    expect.set_options(timeout=TIMEOUT_MS)
    with served(studio) as running, chromium() as browser:
        address = f"{running.url}/datasets/signs/review/{queue.pk}/"
        ann, bob = (log_in(browser, running.url, name) for name in ("ann", "bob"))
        barriers, errors = list[str](), list[str]()
        for page in (ann, bob):
            page.on("console", lambda message: errors.append(message.text))
            page.on("pageerror", lambda error: errors.append(str(error)))
        ann.goto(address)
        first = shown(ann)
        expect(ann.locator("#item img")).to_have_count(1)
        expect(ann.get_by_text("Score 0.")).to_have_count(0)
        barriers += find_barriers(ann)
        press(ann, "1")
        assert shown(ann) != first
        expect(ann.locator("#last")).to_contain_text("Before: logo")
        expect(ann.locator("#last")).to_contain_text("Score 0.")
        expect(ann.locator("#last img")).to_have_count(2)  # the picture, and its heat map
        barriers += find_barriers(ann)
        press(ann, "z")
        assert shown(ann) == first
        for key in "2123":
            press(ann, key)
        expect(ann.locator("#empty")).to_be_visible()
        bob.goto(address)
        seen = set()
        while bob.locator("#item").count():
            seen.add(shown(bob))
            press(bob, "1")
        assert len(seen) == 4
        tom = log_in(browser, running.url, "tom")
        tom.goto(address)
        tom.get_by_role("link", name=re.compile("disputes between others")).click()
        tom.wait_for_url("**/disputes")
        barriers += find_barriers(tom)
        expect(tom.locator("section.card")).to_have_count(3)
        with tom.expect_navigation():
            tom.locator("section.card").first.get_by_role("button", name="logo", exact=True).click()
        expect(tom.locator("section.card")).to_have_count(2)
        for part in ("results", "intakes"):
            tom.goto(f"{address}{part}")
            barriers += find_barriers(tom)
        tom.goto(f"{running.url}/datasets/signs/review")
        barriers += find_barriers(tom)
        tom.goto(f"{address}results")
        expect(tom.get_by_text("2 settled files")).to_be_visible()
        with tom.expect_navigation():
            tom.get_by_role("button", name="Accept").click()
        expect(tom.get_by_text("0 settled files")).to_be_visible()
        assert (barriers, errors) == ([], [])
    assert Decision.objects.count() == 9
    assert Item.objects.filter(accepted_at__isnull=False).count() == 2
