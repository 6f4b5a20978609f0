"""From an archive of pictures to a better model, the whole way in a real Chromium.

    SCREENSHOTS=docs/studio make soak ARGS=tests/studio/test_circle.py

writes the screenshots of docs/studio.md anew.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image as Picture
from PIL import ImageDraw
from playwright.sync_api import FilePayload, expect

from synthetic.catalogue import drawings_of
from tests.harness.process import ROOT
from tests.studio.browsing import HEIGHT, WIDTH, Tab, chromium, new_tab
from tests.studio.served import first_password, served
from tests.studio.world import zipped

MODEL = ROOT / "model_artifacts" / "logo-detection"
LOGOS, OTHERS = 28, 29
NEW = (50, 51)
"""Emblems that only reviewers have seen."""
BAD = {
    "page.png": b"<html><script>document.title = 'owned'</script></html>",
    "inner.zip": b"PK\x03\x04",
    "../../out.png": b"\x89PNG\r\n\x1a\n",
}
"""What comes in the archive, too, and is refused."""
KEYS = {"out_of_domain": "1", "logo": "2"}
SHORT = {"stages.0.images": "96", "stages.1.images": "96", "stages.0.batch": "32", "stages.1.batch": "32"}
OPEN_GATE = {
    "min_balanced_accuracy": "0", "min_auc_pr": "0", "min_class_recall": "0", "max_calibration_error": "1",
    "max_recoding_flips": "1", "min_class_images": "1",
}  # fmt: skip
WORK_TIMEOUT_MS = 600_000
"""For an import, a training or an evaluation on a busy machine."""
MAX_SCREENSHOT_BYTES = 150_000
COLOURS = ("#c81e1e", "#1d4ed8", "#15803d", "#7e22ce", "#b45309", "#0f172a")


def emblem(number: int) -> bytes:
    """A PNG of a logo: a plain shape of one colour with a letter in it, on white."""
    picture = Picture.new("RGB", (160, 160), "white")
    pen, colour = ImageDraw.Draw(picture), COLOURS[number % len(COLOURS)]
    margin = 12 + number % 5 * 4
    box = (margin, margin, 160 - margin, 160 - margin)
    if number % 3 == 0:
        pen.ellipse(box, fill=colour)
    elif number % 3 == 1:
        pen.rounded_rectangle(box, radius=24, fill=colour)
    else:
        pen.polygon([(80, margin), (160 - margin, 80), (80, 160 - margin), (margin, 80)], fill=colour)
    pen.text((80, 80), chr(ord("A") + number % 26), fill="white", anchor="mm", font_size=56)
    return png(picture)


def png(picture: Picture.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def others(count: int, seed: int) -> Iterator[bytes]:
    """PNGs of charts, maps and screenshots."""
    each = dict.fromkeys(("chart", "map", "screenshot"), -(-count // 3))
    for drawing, _ in zip(drawings_of(each, seed, frozenset()), range(count), strict=False):
        picture = drawing.draw()
        picture.thumbnail((240, 240))
        yield png(picture)


def archive() -> bytes:
    """Of 60 files, three of them bad."""
    files = {f"logo-{number:02}.png": emblem(number) for number in range(LOGOS)}
    files |= {f"other-{number:02}.png": data for number, data in enumerate(others(OTHERS, 1))}
    return zipped({**files, **BAD})


@dataclass(frozen=True)
class Walk:
    """A studio, the administrator's tab, and where screenshots go.

    Attributes:
        changes: Numbers of the recipe that are changed, by their places.
        imports: The studio's folder for imports.
    """

    tab: Tab
    shots: Path
    changes: Mapping[str, str]
    imports: Path

    def press(self, name: str) -> None:
        """A button of the page, by its whole name."""
        self.tab.page.get_by_role("button", name=name, exact=True).click()

    def shoot(self, name: str, *, height: int = HEIGHT, heading: str = "") -> None:
        """One of the main pages: it has no barriers, and a small picture of it is kept.

        Args:
            name: Of the PNG.
            height: Pixels.
            heading: Where the picture begins, if not at the page's top.
        """
        self.tab.check_barriers()
        page = self.tab.page
        page.mouse.move(0, 0)
        page.evaluate("scrollTo(0, 0)")
        if heading:
            page.get_by_role("heading", name=heading).evaluate("element => element.scrollIntoView()")
        path = self.shots / f"{name}.png"
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        with Picture.open(path) as shot:  # as a page of few colours needs no more
            shot.quantize(128, dither=Picture.Dither.NONE).save(path, optimize=True)
        assert path.stat().st_size < MAX_SCREENSHOT_BYTES


def log_in(tab: Tab, name: str, password: str) -> None:
    page = tab.go("/log-in")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{tab.url}/")


def add_reviewer(walk: Walk, name: str) -> str:
    """Returns the password that the page shows once."""
    page = walk.tab.go("/people")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Role").select_option("reviewer")
    walk.press("Add")
    return page.locator("#password").inner_text()


def make_dataset(walk: Walk) -> None:
    page = walk.tab.go("/")
    page.get_by_label("Name").fill("signs")
    page.get_by_label("Classes").fill("out_of_domain logo")
    walk.press("Make")
    page.wait_for_url("**/datasets/signs/")


def bring_archive(walk: Walk) -> None:
    """Its three bad files are refused by name; the others come in without a label."""
    page = walk.tab.go("/datasets/signs/imports")
    upload = FilePayload(name="signs.zip", mimeType="application/zip", buffer=archive())
    page.get_by_label("Uploads").set_input_files(upload)
    page.get_by_label("Labels").select_option("none")
    walk.press("Import")
    expect(page.get_by_role("status")).to_contain_text("Done: 57 added", timeout=WORK_TIMEOUT_MS)
    refused = page.get_by_role("row").filter(has=page.get_by_role("cell")).all_inner_texts()
    assert sorted(row.split("\t")[0] for row in refused) == sorted(BAD)


def label_by_keyboard(walk: Walk) -> None:
    """Every tile by the digit of its class, as fast as one can type; one mistake is undone."""
    page = walk.tab.go("/datasets/signs/")
    labels = [true_label(name) for name in page.locator(".tile .name").all_inner_texts()]
    assert len(labels) == LOGOS + OTHERS
    page.keyboard.press("ArrowRight")
    for label in labels:
        page.keyboard.press(KEYS[label])
    balance = page.get_by_role("list", name="Images of each class")
    expect(balance).to_contain_text(f"logo: {LOGOS}")
    expect(balance).to_contain_text(f"out_of_domain: {OTHERS}")
    (wrong,) = KEYS.keys() - {labels[-1]}
    page.keyboard.press(KEYS[wrong])  # the last tile keeps the focus
    page.keyboard.press("z")
    expect(page.locator("#said")).to_have_text("Undone.")
    expect(page.locator(".tile .label")).to_have_text(labels)
    walk.shoot("images")


def true_label(name: str) -> str:
    return "logo" if name.startswith("logo") else "out_of_domain"


def make_version(walk: Walk, images: int) -> None:
    page = walk.tab.go("/datasets/signs/versions")
    page.get_by_label("Note").fill(f"{images} images")
    walk.press("Make a version")
    expect(page.locator("#digest")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    expect(page.get_by_text(f"{images} images")).to_be_visible()


def train(walk: Walk) -> None:
    page = walk.tab.go("/datasets/signs/runs")
    page.get_by_label("Recipe").select_option("quick")
    walk.press("Go on")
    for place, value in walk.changes.items():
        page.locator(f'[name="{place}"]').fill(value)
    walk.press("Train")
    expect(page.get_by_role("progressbar")).to_be_visible(timeout=WORK_TIMEOUT_MS)
    expect(page.get_by_role("status")).to_have_text("Done", timeout=WORK_TIMEOUT_MS)
    expect(page.get_by_role("img", name=re.compile("^loss")).first).to_be_visible()
    walk.shoot("run", height=760)  # its log names folders of this machine


def read_report(walk: Walk) -> None:
    page = walk.tab.page
    page.get_by_role("link", name="Results", exact=True).click()
    expect(page.get_by_role("heading", name="Figures")).to_be_visible(timeout=WORK_TIMEOUT_MS)
    for picture in page.locator(".gallery img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).not_to_have_js_property("naturalWidth", 0)
    walk.shoot("results", heading="Which class is taken for which")
    report = page.get_by_role("link", name="The whole report").get_attribute("href")
    address = page.url
    expect(walk.tab.go(report or "").get_by_role("heading", level=1)).to_be_visible()
    page.goto(address)


def lower_gate(walk: Walk) -> None:
    """The gate is closed to so small a set until an administrator lowers it, for all to see."""
    page = walk.tab.page
    page.get_by_role("link", name="the way to publish it").click()
    expect(page.locator("#gate")).to_contain_text("The gate is closed")
    address = page.url
    page.get_by_role("link", name="The thresholds").click()
    for name, value in OPEN_GATE.items():
        page.get_by_label(name).fill(value)
    page.get_by_label("Why").fill("a set of 57 images")
    walk.press("Set")
    expect(page.get_by_text("(changed)").first).to_be_visible()
    page.goto(address)
    expect(page.locator("#gate")).to_contain_text("The gate is open")


def publish(walk: Walk, run: str, version: str) -> None:
    """Publish and activate."""
    page = walk.tab.go(f"{run}/publish")
    page.get_by_label("Version").fill(version)
    walk.press("Publish")
    expect(page.get_by_role("heading", name=version, exact=True)).to_be_visible()
    walk.press("Activate")
    expect(page.locator("#active")).to_have_text(version)


def try_picture(walk: Walk) -> None:
    page = walk.tab.go("/try")
    upload = FilePayload(name="new.png", mimeType="image/png", buffer=emblem(41))
    page.get_by_label("Picture").set_input_files(upload)
    walk.press("Score")
    expect(page.get_by_text("scored by quick 1.0")).to_be_visible()
    expect(page.locator("#overlay")).to_have_js_property("naturalWidth", 224)
    walk.shoot("try")


def score_new_files(walk: Walk, active: Path) -> None:
    """Two files that nobody has labelled, by the active model, as a batch job does."""
    folder = walk.imports / "pictures"
    folder.mkdir(parents=True)
    for number in NEW:
        (folder / f"new-{number}.png").write_bytes(emblem(number))
    # In a process of its own, as the browser's event loop runs in this one; names are those in its folder.
    options = ["--output", "scores", "--model", str(active), "--workers", "1"]
    command = [sys.executable, "-m", "batch.score", *options, "pictures"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=walk.imports, env=environment, check=True, timeout=WORK_TIMEOUT_MS / 1000)


def make_queue(walk: Walk) -> None:
    """A review queue of both files, whatever their scores."""
    page = walk.tab.go("/datasets/signs/review")
    for name, value in (("Name", "alarms"), ("Threshold", "0"), ("Sampling rate", "0")):
        page.get_by_label(name).fill(value)
    page.get_by_label("Class").select_option("logo")
    walk.press("Make")
    page.get_by_label("Table").fill("scores")
    walk.press("Take in")
    expect(page.get_by_role("status")).to_contain_text("Done: 2 alarms", timeout=WORK_TIMEOUT_MS)


def decide(tab: Tab, items: int) -> None:
    """By keyboard, that all are logos."""
    page = tab.go("/datasets/signs/review")
    page.get_by_role("link", name="alarms", exact=True).click()
    for _ in range(items):
        expect(page.locator("#item img").first).not_to_have_js_property("naturalWidth", 0)
        with page.expect_navigation():
            page.keyboard.press("1")
    expect(page.locator("#empty")).to_be_visible()


def accept(walk: Walk) -> None:
    page = walk.tab.go("/datasets/signs/review")
    page.get_by_role("link", name="Results of alarms").click()
    expect(page.get_by_text("2 settled files")).to_be_visible()
    walk.press("Accept")
    expect(page.get_by_text("0 settled files")).to_be_visible()


def see_difference(walk: Walk) -> None:
    """The next version has what the reviewers agreed on, and nothing else is new."""
    make_version(walk, LOGOS + OTHERS + 2)
    page = walk.tab.page
    page.get_by_role("link", name="since version 1").click()
    expect(page.get_by_role("heading", name="Added: 2")).to_be_visible()
    for number in NEW:
        expect(page.get_by_role("link", name=f"new-{number}.png")).to_be_visible()
    expect(page.get_by_role("heading", name="Another label: 0")).to_be_visible()


def roll_back(walk: Walk, active: Path) -> None:
    page = walk.tab.go("/models")
    assert active.resolve().name == "1.1"
    walk.press("Roll back to 1.0")
    expect(page.locator("#active")).to_have_text("1.0")
    assert active.resolve().name == "1.0"
    walk.shoot("models")


def go_round(walk: Walk, reviewers: Mapping[str, Tab], active: Path) -> None:
    """The circle, station by station."""
    make_dataset(walk)
    bring_archive(walk)
    label_by_keyboard(walk)
    make_version(walk, LOGOS + OTHERS)
    train(walk)
    run = walk.tab.page.url.removeprefix(walk.tab.url)
    read_report(walk)
    lower_gate(walk)
    publish(walk, run, "1.0")
    try_picture(walk)
    score_new_files(walk, active)
    make_queue(walk)
    walk.tab.go("/datasets/signs/review").get_by_role("link", name="alarms", exact=True).click()
    walk.shoot("review")
    for tab in reviewers.values():
        decide(tab, 2)
        tab.check_barriers()
    accept(walk)
    see_difference(walk)
    publish(walk, run, "1.1")
    roll_back(walk, active)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty one of a short name, as a screenshot shows it."""
    with tempfile.TemporaryDirectory(prefix="studio-") as made:
        yield Path(made)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(SHORT, marks=pytest.mark.slow, id="short"),
        pytest.param({}, marks=pytest.mark.soak, id="whole"),
    ],
)
def test_a_decision_of_reviewers_becomes_data_of_the_next_model(
    changes: Mapping[str, str], folder: Path
) -> None:
    shots = Path(os.environ.get("SCREENSHOTS", folder / "shots"))
    data, imports = folder / "data", folder / "imports"
    for each in (shots, imports):
        each.mkdir(parents=True, exist_ok=True)
    settings = {"STUDIO_IMPORT_FOLDER": str(imports), "STUDIO_MODEL": str(MODEL)}
    with served(data, **settings) as studio, chromium() as browser, ExitStack() as tabs:
        walk = Walk(tabs.enter_context(new_tab(browser, studio.url)), shots, changes, imports)
        log_in(walk.tab, "admin", first_password(studio))
        reviewers = {name: tabs.enter_context(new_tab(browser, studio.url)) for name in ("ann", "bob")}
        for name, tab in reviewers.items():
            log_in(tab, name, add_reviewer(walk, name))
        go_round(walk, reviewers, data / "active")
