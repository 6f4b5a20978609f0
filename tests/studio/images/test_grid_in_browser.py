"""The grid in a real Chromium: what is labelled after the log-out is not, and is not said to be."""

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from studio.images.models import Change, Dataset
from studio.people.models import User
from tests.studio.browsing import chromium, open_tab, web
from tests.studio.world import rows

pytestmark = pytest.mark.slow


def test_who_is_logged_out_meanwhile_is_told_and_labels_nothing(
    dataset: Dataset, administrator: User
) -> None:
    rows(dataset, administrator, [0.5])
    with web() as url, chromium() as browser, open_tab(browser, url, administrator) as tab:
        page = tab.go("/datasets/signs/")
        Session.objects.all().delete()
        page.locator(".tile").press("1")
        expect(page.locator("#said")).to_have_text("You are no longer logged in: load the page again.")
        assert not Change.objects.exists()
        page.reload()
        assert page.url == f"{url}/log-in?next=/datasets/signs/"
