"""Pages on a phone, in the dark: with long names none moves sideways, and axe-core finds no barrier."""

import pytest

from studio.images.labelling import label_images
from studio.images.membership import make_dataset
from studio.images.models import Version
from studio.people import audit
from studio.people.models import User
from tests.studio.browsing import chromium, open_tab, web
from tests.studio.review.world import make_queue, post, reviewers, run_intakes, settle
from tests.studio.world import class_of, pattern, rows

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 360, 740  # pixels
DARK = "rgb(22, 24, 28)"
LONG = "x" * 60
PAGES = [
    "", "images/{image}", "imports", "duplicates", "history", "versions", "versions/1",
    "runs", "members", "review",
    "review/{queue}/", "review/{queue}/disputes", "review/{queue}/results", "review/{queue}/intakes",
]  # fmt: skip
GLOBAL = [
    "/",
    "/people",
    "/audit",
    "/models",
    "/try",
    "/tokens",
    "/applications",
    "/password",
    "/no-such-page",
]


def test_no_page_moves_sideways_on_a_phone_or_is_hard_to_read_in_the_dark(administrator: User) -> None:
    dataset = make_dataset(administrator, LONG)
    image, other = rows(dataset, administrator, [0.1, 0.9])
    label_images(administrator, dataset, [image.pk, other.pk], class_of(dataset, "logo"), "y" * 200)
    audit.record(administrator, "label many", dataset, "z" * 200)
    Version.objects.create(
        dataset=dataset, number=1, digest="0" * 64, images=2, note="n" * 200, made_by=administrator
    )
    queue = make_queue(dataset, administrator, name="q" * 60)
    item = post(queue, administrator, "f" * 200 + ".png", 0.9, picture=pattern(1, side=800))
    run_intakes()
    assert item is not None
    settle(item, reviewers("ann", "bob"), "yes", "no")
    places = [f"/datasets/{LONG}/{page.format(image=image.pk, queue=queue.pk)}" for page in PAGES]
    with web() as url, chromium() as browser, open_tab(browser, url, administrator) as tab:
        tab.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        tab.page.emulate_media(color_scheme="dark")
        for place in [*GLOBAL, *places]:
            page = tab.go(place)
            assert page.evaluate("document.documentElement.scrollWidth") == WIDTH, place
            assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == DARK, place
            tab.check_barriers()
