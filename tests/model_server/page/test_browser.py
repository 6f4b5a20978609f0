"""What a person does on the page, in a real Chromium: pictures in, scores and reasons out."""

import io
import json
import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, expect

from tests.harness.footprint import worker_ids
from tests.harness.process import until
from tests.harness.requests import inline
from tests.harness.server import RunningServer, running_server
from tests.images import png
from tests.model_server.conftest import Files, Start
from tests.model_server.page.conftest import Open, png_file
from tests.model_server.page.screenshot import COMMITTED, HEIGHT, WIDTH, take_screenshot
from tests.models import tiny_onnx, write_artifact

pytestmark = pytest.mark.slow

FIFTY = 50
WORDS = {
    "text.png": "This is not a JPEG, PNG, GIF, WebP, BMP, TIFF or SVG picture",
    "cut.png": "The picture is damaged.",
    "large.png": "The file is larger than the server takes.",
}
"""Files without a score, and what is said of them."""

MAKE_TRANSFER = """([name, bytes, text]) => {
  const transfer = new DataTransfer();
  if (name) transfer.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
  for (const type of ["text/plain", "text/uri-list"]) if (text) transfer.setData(type, text);
  return transfer;
}"""
PASTE = """(body, clipboardData) => {
  body.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true}));
}"""
COPY_PICTURE = """async (bytes) => {
  const picture = new Blob([new Uint8Array(bytes)], {type: "image/png"});
  await navigator.clipboard.write([new ClipboardItem({"image/png": picture})]);
}"""


def fifty(files: Files) -> list[FilePayload]:
    """47 red pictures, and three files that have no score."""
    bad = {"text.png": b"words", "cut.png": files.red[:60], "large.png": bytes((4 << 20) + 1)}
    good = [png_file(f"red {number}.png", files.red) for number in range(FIFTY - len(bad))]
    return [*good[:20], *(png_file(name, content) for name, content in bad.items()), *good[20:]]


def test_fifty_files_are_scored_and_three_bad_ones_cost_themselves_alone(
    trying: RunningServer, open_page: Open, files: Files
) -> None:
    visit, chosen = open_page(trying), fifty(files)
    visit.choose(*chosen)
    assert visit.names() == [file["name"] for file in chosen]
    expect(visit.find("#done")).to_have_text("50 pictures, 3 without a score")
    expect(visit.find("#status")).to_have_text("50 pictures, 3 without a score")
    expect(visit.find("meter:visible")).to_have_count(FIFTY - len(WORDS))
    for name, words in WORDS.items():
        expect(visit.card(name).locator(".error")).to_contain_text(words)
    expect(visit.card("red 0.png").locator(".value")).to_have_text("0.9820 logo")
    visit.page.set_input_files("#files", [png_file("more.png", files.red)])
    expect(visit.find("#notice")).to_contain_text("1 picture is too many: the list holds 50.")
    assert "more.png" not in visit.names()


def test_progress_is_shown_while_pictures_wait(start: Start, open_page: Open, files: Files) -> None:
    with start(TRY_PAGE="true", DECODE_TIMEOUT_S=30, REQUEST_TIMEOUT_S=60) as server:
        visit = open_page(server)
        (worker,) = worker_ids(server.process.pid)
        os.kill(worker, signal.SIGSTOP)
        visit.page.set_input_files("#files", [png_file(f"{number}.png", files.red) for number in range(6)])
        expect(visit.find("#done")).to_have_text("0 of 6 pictures")
        expect(visit.find("#progress")).to_be_visible()
        expect(visit.find("#explain-all")).to_be_disabled()
        os.kill(worker, signal.SIGCONT)
        expect(visit.find("#done")).to_have_text("6 pictures")
        expect(visit.find("#progress")).to_be_hidden()


def test_a_dropped_picture_is_scored(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying)
    transfer = visit.page.evaluate_handle(MAKE_TRANSFER, ["dropped.png", list(files.blue), None])
    visit.find("main").dispatch_event("dragover", {"dataTransfer": transfer})
    expect(visit.find("body.dragging")).to_have_count(1)
    visit.find("main").dispatch_event("drop", {"dataTransfer": transfer})
    visit.wait()
    expect(visit.find("body.dragging")).to_have_count(0)
    expect(visit.card("dropped.png").locator(".value")).to_have_text("0.0180 logo")


def test_a_pasted_picture_is_scored(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying, permissions=["clipboard-read", "clipboard-write"])
    visit.page.evaluate(COPY_PICTURE, list(files.red))
    visit.page.keyboard.press("Control+V")
    visit.wait()
    expect(visit.card("image.png").locator(".value")).to_have_text("0.9820 logo")


def test_a_picture_elsewhere_is_fetched_by_the_server(trying: RunningServer, open_page: Open) -> None:
    visit = open_page(trying)
    expect(visit.find("#hosts")).to_have_text("The server fetches from a.test.")
    for url in ("https://a.test/red.png", "https://other.test/x.png"):
        visit.find("#url").fill(url)
        visit.page.get_by_role("button", name="Fetch").click()
    visit.wait()
    expect(visit.card("red.png").locator(".value")).to_have_text("0.9820 logo")
    expect(visit.card("red.png").locator(".none")).to_be_visible()
    expect(visit.card("x.png").locator(".error")).to_have_text("The server does not fetch from this address.")


def test_no_address_is_asked_for_where_nothing_may_be_fetched(
    start: Start, open_page: Open, files: Files
) -> None:
    with start(TRY_PAGE="true", ALLOWED_HOSTS=",") as server:
        visit = open_page(server)
        expect(visit.find("#by-url")).to_be_hidden()
        visit.choose(png_file("red.png", files.red))
        expect(visit.find(".value")).to_have_text("0.9820 logo")


def test_what_is_asked_for_can_be_chosen_where_a_model_has_several(
    start: Start, open_page: Open, files: Files, tmp_path: Path
) -> None:
    (tmp_path / "artifact").mkdir()
    tiny_onnx(tmp_path / "artifact" / "model.onnx", ((0, 4, 0), (0, 0, 0), (0, 0, 4)))
    artifact = write_artifact(tmp_path / "artifact", labels=("out_of_domain", "logo", "flag"))
    with start(TRY_PAGE="true", MODEL_PATH=artifact) as server:
        visit = open_page(server)
        visit.page.get_by_label("How likely is it").select_option("flag")
        visit.choose(png_file("blue.png", files.blue), png_file("red.png", files.red))
        expect(visit.card("blue.png").locator(".value")).to_have_text("0.9647 flag")
        expect(visit.card("red.png").locator(".value")).to_have_text("0.0177 flag")


def test_pasted_and_dropped_addresses_are_fetched(trying: RunningServer, open_page: Open) -> None:
    visit = open_page(trying)
    url = "https://a.test/red.png"
    dropped = visit.page.evaluate_handle(MAKE_TRANSFER, [None, [], url])
    visit.find("main").dispatch_event("drop", {"dataTransfer": dropped})
    visit.wait()
    text = visit.page.evaluate_handle(MAKE_TRANSFER, [None, [], f"see {url}?1 and\n{url}?2"])
    visit.find("body").evaluate(PASTE, text)
    expect(visit.find(".value strong:visible")).to_have_count(3)
    assert visit.names() == ["red.png"] * 3
    nothing = visit.page.evaluate_handle(MAKE_TRANSFER, [None, [], "javascript:alert(1) ftp://a.test/b"])
    visit.find("main").dispatch_event("drop", {"dataTransfer": nothing})
    expect(visit.find("#notice")).to_have_text("There is no picture in what was pasted or dropped.")
    assert len(visit.names()) == 3


def test_what_is_known_of_a_picture_is_told(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying)
    visit.choose(png_file("red.png", files.red))
    facts = dict(zip(visit.find("dt").all_inner_texts(), visit.find("dd").all_inner_texts(), strict=True))
    assert (facts["Format"], facts["Size"]) == ("PNG", "40 × 30")
    assert all(re.fullmatch(r"[\d,.]+ ms", facts[stage]) for stage in ("Queue", "Decode", "Score"))
    expect(visit.find("meter")).to_have_attribute("aria-label", "Score for logo of red.png")
    expect(visit.find("#model")).to_have_text("Model logo-detection 1, computed by openvino.")


def test_a_heat_map_lies_over_its_picture_and_says_where(trying: RunningServer, open_page: Open) -> None:
    visit = open_page(trying)
    picture = Image.new("RGB", (400, 160), "black")
    picture.paste("red", (300, 0, 400, 50))
    visit.choose(png_file("corner.png", png(picture)))
    button = visit.page.get_by_role("button", name="Heat map of corner.png")
    button.click()
    overlay = visit.find(".overlay")
    expect(overlay).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    under, over = visit.find(".preview").bounding_box(), overlay.bounding_box()
    assert under is not None
    assert over is not None
    assert list(over.values()) == pytest.approx(list(under.values()), abs=2)
    expect(overlay).to_have_attribute(
        "alt", "Heat map of corner.png: what speaks most for logo is at the top on the right."
    )
    button.click()
    expect(overlay).to_be_hidden()
    expect(visit.find(".preview")).to_be_visible()


def test_all_heat_maps_are_shown_at_once(trying: RunningServer, open_page: Open, files: Files) -> None:
    visit = open_page(trying)
    visit.choose(*(png_file(f"{number}.png", files.red) for number in range(10)), png_file("x.png", b"x"))
    visit.page.get_by_role("button", name="Show all heat maps").click()
    expect(visit.find(".overlay:visible")).to_have_count(10)


def test_a_model_without_a_heat_map_says_so(
    start: Start, open_page: Open, nan_artifact: Path, files: Files
) -> None:
    with start(TRY_PAGE="true", MODEL_PATH=nan_artifact) as server:
        visit = open_page(server)
        visit.choose(png_file("red.png", files.red))
        visit.page.get_by_role("button", name="Heat map of red.png").click()
        expect(visit.find(".error")).to_contain_text("this model cannot be explained")
        expect(visit.find(".value")).to_have_text("0.9820 logo")


def test_thresholds_are_explained_where_the_manifest_has_some(
    trying: RunningServer, open_page: Open, files: Files
) -> None:
    visit = open_page(trying)
    rows = visit.find("#thresholds tbody tr").all_inner_texts()
    assert rows[1].split("\t") == ["0.8000", "3 in 1,000", "85.0 % (83.0 % to 87.0 %)"]
    colours = {"red.png": files.red, "grey.png": files.grey, "blue.png": files.blue}
    visit.choose(*map(png_file, colours, colours.values()))
    for name, meaning in {
        "red.png": "At most 3 in 1,000 other pictures scored this high in validation.",
        "grey.png": "At most 1 in 100 other pictures scored this high in validation.",
        "blue.png": "Below every threshold of this model.",
    }.items():
        expect(visit.card(name).locator(".meaning")).to_have_text(meaning)
        expect(visit.card(name).locator(".tick")).to_have_count(3)


def test_thresholds_are_not_spoken_of_where_there_are_none(
    start: Start, open_page: Open, files: Files, tmp_path: Path
) -> None:
    tiny_onnx(tmp_path / "model.onnx")
    with start(TRY_PAGE="true", MODEL_PATH=write_artifact(tmp_path)) as server:
        visit = open_page(server)
        visit.choose(png_file("red.png", files.red))
        expect(visit.find("#thresholds")).to_be_hidden()
        expect(visit.find(".meaning")).to_be_hidden()
        expect(visit.find(".tick")).to_have_count(0)


@pytest.mark.parametrize("name", ["a.png", "it's $(touch it) `x` \"},] %s\\n é.png", "-rf \u202egnp.exe"])
def test_the_curl_line_asks_the_same(
    trying: RunningServer, open_page: Open, files: Files, tmp_path: Path, name: str
) -> None:
    visit = open_page(trying)
    visit.choose(png_file(name, files.red))
    visit.find("summary").click()
    line = visit.find(".curl code").inner_text()
    assert "\u202e" not in line
    (tmp_path / ("PICTURE" if "\u202e" in name else name)).write_bytes(files.red)
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, timeout=60, check=True)
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert (prediction["filename"], prediction["prediction"]) == (name, 0.982)
    assert len(list(tmp_path.iterdir())) == 1


def test_the_curl_line_of_an_address_asks_the_same(trying: RunningServer, open_page: Open) -> None:
    visit = open_page(trying)
    visit.find("#url").fill("https://a.test/red.png?it's")
    visit.page.keyboard.press("Enter")
    visit.wait()
    visit.find("summary").click()
    line = visit.find(".curl code").inner_text()
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=True)
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert (prediction["filename"], prediction["prediction"]) == ("red.png", 0.982)


def test_names_and_addresses_are_text_whatever_they_say(
    trying: RunningServer, open_page: Open, files: Files
) -> None:
    visit = open_page(trying)
    hostile = "<img src=x onerror=document.title='hit'><script>document.title='hit'</script>.png"
    visit.choose(png_file(hostile, files.red), png_file(f"{hostile}2", b"x"))
    visit.find("#url").fill("https://a.test/%3Cscript%3Edocument.title='hit'%3C%2Fscript%3E#\"><b onclick=1>")
    visit.page.keyboard.press("Enter")
    expect(visit.find("h3")).to_have_count(3)
    visit.wait()
    for button in visit.page.get_by_role("button", name="Heat map of").all():
        button.click()
    expect(visit.find(".overlay:visible")).to_have_count(1)
    assert visit.names() == [hostile, f"{hostile}2", "<script>document.title='hit'</script>"]
    assert visit.page.title() == "Logo detection"
    assert visit.find("#pictures :is(script, b, img:not(.preview, .overlay))").count() == 0


def test_a_full_server_is_asked_again(start: Start, open_page: Open, files: Files) -> None:
    limits = {"QUEUE_MAX_IMAGES": 2, "IMAGES_MAX_NUM": 2, "DECODE_TIMEOUT_S": 30, "REQUEST_TIMEOUT_S": 60}
    with start(TRY_PAGE="true", **limits) as server, ThreadPoolExecutor() as callers:
        visit = open_page(server)
        (worker,) = worker_ids(server.process.pid)
        os.kill(worker, signal.SIGSTOP)
        held = callers.submit(server.predict, [inline(files.blue)] * 2)
        until(lambda: server.metric("logo_in_flight_images") == 2)
        visit.page.set_input_files("#files", [png_file("red.png", files.red)])
        until(lambda: server.metric("logo_refusals_total", reason="overloaded") >= 1)
        os.kill(worker, signal.SIGCONT)
        visit.wait()
        expect(visit.find(".value")).to_have_text("0.9820 logo")
        assert held.result().status_code == 200


def test_a_server_that_went_away_is_told(start: Start, open_page: Open, files: Files) -> None:
    with start(TRY_PAGE="true") as server:
        visit = open_page(server)
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        visit.choose(png_file("red.png", files.red))
        expect(visit.find(".error")).to_have_text("The server did not answer.")


def test_the_list_can_be_cleared_while_pictures_wait(start: Start, open_page: Open, files: Files) -> None:
    with start(TRY_PAGE="true", DECODE_TIMEOUT_S=30, REQUEST_TIMEOUT_S=60) as server:
        visit = open_page(server)
        (worker,) = worker_ids(server.process.pid)
        os.kill(worker, signal.SIGSTOP)
        visit.page.set_input_files("#files", [png_file(f"{number}.png", files.red) for number in range(9)])
        until(lambda: server.metric("logo_in_flight_images") == 4)
        visit.page.get_by_role("button", name="Clear").click()
        expect(visit.find(".picture")).to_have_count(0)
        until(lambda: server.metric("logo_in_flight_images") == 0)
        os.kill(worker, signal.SIGCONT)
        visit.choose(png_file("blue.png", files.blue))
        assert visit.names() == ["blue.png"]
        expect(visit.find("#done")).to_have_text("1 picture")


def test_the_screenshot_of_the_documents_is_of_this_page(browser: Browser, tmp_path: Path) -> None:
    assert COMMITTED.stat().st_size < 150_000
    with running_server(tmp_path / "stderr", TRY_PAGE="true") as server:
        taken = take_screenshot(browser, server.url)
    pictures = [Image.open(io.BytesIO(data)).convert("RGB") for data in (taken, COMMITTED.read_bytes())]
    assert [picture.size for picture in pictures] == [(WIDTH, HEIGHT)] * 2
    now, committed = (np.asarray(picture.reduce(8), np.float32) for picture in pictures)
    assert abs(now - committed).mean() < 8, "python -m tests.model_server.page.screenshot takes it anew"
