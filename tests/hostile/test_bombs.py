"""Bombs: a small file that wants all memory or all time gets its code, and 49 neighbours their scores.

Against a real server. Each bomb is the twenty-fifth of fifty files; the others are answered as they are
beside a sound file, in order. Meanwhile the server's own process does not grow; then its workers are back.
"""

import base64
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests import images
from tests.harness.footprint import (
    at_rest,
    footprint,
    forget_peak,
    peak_bytes,
    tree_footprint,
    worker_ids,
    zombies,
)
from tests.harness.origins import Origin
from tests.harness.process import ROOT, until
from tests.harness.server import PREDICT, READY_TIMEOUT_S, RunningServer, running_server
from tests.images import svg

HOST = "origin.test"
WORKERS = 2
PLACE = 24
DECODE_TIMEOUT_S = 5.0  # and not 3, of which a busy machine may take half before a small file's turn
SLACK_S = 10.0  # for 49 neighbours and a lost worker's end, there
IDLE_TIMEOUT_S = 10.0  # for workers to notice that they are idle
MAX_INLINE_BYTES = 4 * 2**20
MIB = 2**20
# What the server's process may need for fifty files beside the bomb's own bytes, and may keep of it
# afterwards: malloc gives back what it likes.
MAX_GROWTH_BYTES = 32 * MIB
# What all processes together may keep of it once the workers have been idle: fragments.
MAX_KEPT_BYTES = MAX_GROWTH_BYTES + WORKERS * 32 * MIB

SCORED, CORRUPT, UNSUPPORTED = "scored", "image_corrupt", "image_unsupported"
TOO_MANY_PIXELS, TIMEOUT = "image_too_many_pixels", "image_timeout"
WHITE = '<rect width="100" height="100" fill="white"/>'


@dataclass(frozen=True, slots=True)
class Target:
    """A server with a small model, an origin that it may fetch from, and the answers of a clean run."""

    server: RunningServer
    origin: Origin
    neighbours: list[dict[str, Any]]
    clean: list[dict[str, Any]]
    server_bytes: float = 0
    tree_bytes: float = 0

    def ask(self, item: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers to fifty files, of which this one is in the midst."""
        items = [*self.neighbours[:PLACE], item, *self.neighbours[PLACE:]]
        response = httpx.post(self.server.url + PREDICT, json={"instances": items}, timeout=60)
        assert response.status_code == 200, response.text
        predictions: list[dict[str, Any]] = response.json()["predictions"]
        return predictions

    def item(self, data: bytes) -> dict[str, Any]:
        """Inline where it may be, else by a URL."""
        if len(data) <= MAX_INLINE_BYTES:
            return inline("bomb", data)
        self.origin.serve("/bomb", data)
        return {"filename": "bomb", "url": f"https://{HOST}/bomb", "target": "logo"}


def inline(name: str, data: bytes) -> dict[str, Any]:
    return {"filename": name, "image": base64.b64encode(data).decode(), "target": "logo"}


@pytest.fixture(scope="module")
def target(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    kinds = list(images.every_kind().items())
    neighbours = [inline(name, data) for name, data in (kinds * 2)[:49]]
    with Origin() as origin:
        settings: dict[str, Any] = {
            "MODEL_PATH": artifact,
            "WORKERS": WORKERS,
            "DECODE_TIMEOUT_S": DECODE_TIMEOUT_S,
            "REQUEST_TIMEOUT_S": 30,
            "ALLOWED_HOSTS": HOST,
            "ORIGIN_OVERRIDES": f"{HOST}={origin.url}",
        }
        with running_server(tmp_path_factory.mktemp("bombs") / "stderr", **settings) as server:
            unmeasured = Target(server, origin, neighbours, [])
            sound = [unmeasured.ask(inline("bomb", images.png())) for _ in range(3)]
            assert all("prediction" in answer for answer in sound[0])
            assert sound[0] == sound[1] == sound[2]
            origin.serve("/bomb", bytes(64_000_000))  # the largest body that is to come, once
            unmeasured.ask(unmeasured.item(bytes(64_000_000)))
            server_bytes = at_rest(lambda: footprint(server.process.pid)).anonymous
            tree_bytes = at_rest(lambda: tree_footprint(server.process.pid)).anonymous
            yield Target(server, origin, neighbours, sound[0], server_bytes, tree_bytes)


LEGAL_BUT_SLOW = (SCORED, TIMEOUT)  # as fast as the machine is

BOMBS: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "WebP of 268 megapixels": (images.webp_bomb, (TOO_MANY_PIXELS,)),
    "PNG of 65535x65535": (images.png_bomb, (TOO_MANY_PIXELS,)),
    "GIF of 4 gigapixels": (images.gif_bomb, (TOO_MANY_PIXELS,)),
    "GIF of 101 megapixels": (lambda: images.gif_bomb(10_100, 10_000), (TOO_MANY_PIXELS,)),
    "GIF of 100 megapixels": (lambda: images.gif(Image.new("P", (10_000, 10_000), 1)), LEGAL_BUT_SLOW),
    "JPEG of 5,000 scans": (images.scan_bomb, (CORRUPT,)),
    "PNG with a profile of 80 MiB": (lambda: images.metadata_bomb(b"iCCP"), (SCORED,)),
    "PNG with a text of 80 MiB": (lambda: images.metadata_bomb(b"zTXt"), (SCORED,)),
    "PNG with a Unicode text of 80 MiB": (lambda: images.metadata_bomb(b"iTXt"), (SCORED,)),
    "PNG of a million chunks": (lambda: images.png_of_chunks(1_000_000), (CORRUPT,)),
    "GIF of 10,000 frames": (lambda: images.gif_of_frames(10_000), (SCORED,)),
    "WebP of 10,000 frames": (lambda: images.webp_of_frames(10_000), (SCORED,)),
    "TIFF whose directory is its own successor": (images.tiff_loop, (SCORED,)),
    "TIFF in one tile of an exapixel": (images.tiff_of_a_giant_tile, (TOO_MANY_PIXELS,)),
    "BMP of four million runs": (images.bmp_of_short_runs, LEGAL_BUT_SLOW),
    "BMP of 25 million run-length coded pixels": (
        lambda: images.bmp_run_length(5000, 5000, b"\0\1"),
        (TOO_MANY_PIXELS,),
    ),
    "SVG of 100,000 nested groups": (images.svg_nested, (CORRUPT,)),
    "SVG of a billion laughs": (images.svg_entity_bomb, (CORRUPT,)),
    "SVG of a quadratic blowup": (images.svg_quadratic_bomb, (CORRUPT,)),
    "SVG whose entity names itself": (
        lambda: svg("<text>&a;</text>", before='<!DOCTYPE svg [<!ENTITY a "&a;">]>'),
        (CORRUPT,),
    ),
    "SVG of 3,000 large blurs": (images.svg_blurs, LEGAL_BUT_SLOW),
    # librsvg stops at its limit of nested layers, about when the time is over.
    "SVG of masks within masks": (lambda: images.svg_effects("mask", "mask"), LEGAL_BUT_SLOW),
    "SVG of clips within clips": (lambda: images.svg_effects("clipPath", "clip-path"), LEGAL_BUT_SLOW),
    "SVG of patterns within patterns": (lambda: images.svg_effects("pattern", "fill"), LEGAL_BUT_SLOW),
    "SVG of a tree of uses": (images.svg_uses, (CORRUPT, TIMEOUT)),  # refused after 500,000 references
    "SVG that uses itself": (lambda: svg(f'<g id="a"><use xlink:href="#a"/>{WHITE}</g>'), (SCORED,)),
    "SVG of a noise of a million octaves": (
        lambda: svg(
            '<filter id="f"><feTurbulence baseFrequency="0.01" numOctaves="1000000"/></filter>'
            '<rect width="99" height="99" filter="url(#f)"/>'
        ),
        LEGAL_BUT_SLOW,
    ),
    "SVG of a huge view box": (lambda: svg(WHITE, 'viewBox="0 0 1e30 1e30" width="1e9"'), (SCORED,)),
    "SVG with a PNG bomb inside": (lambda: images.svg_embedding(images.png_bomb()), (TOO_MANY_PIXELS,)),
    "SVG with 400 megapixels inside": (
        lambda: images.svg_embedding(images.png_bomb(20_000, 20_000)),
        (TOO_MANY_PIXELS,),
    ),
    "SVG with 31 megapixels inside": (
        lambda: images.svg_embedding(images.png(Image.new("L", (5600, 5600), 255))),
        LEGAL_BUT_SLOW,
    ),
    "SVG with an SVG of 900 megapixels inside": (
        lambda: svg(images.svg_embedding(svg(WHITE), "svg+xml").decode().replace('"100"', '"30000"')),
        (SCORED, TOO_MANY_PIXELS, CORRUPT, TIMEOUT),
    ),
    "SVG that defaults an attribute for every element": (
        lambda: svg(
            "<g/>" * 100_000 + f"<desc>{'a' * 10_000_000}</desc>",
            before=f'<!DOCTYPE svg [<!ATTLIST g a CDATA "{"x" * 100_000}">]>',
        ),
        (CORRUPT,),
    ),
    "SVG with a huge image inside": (lambda: images.svg_embedding(bytes(2**21)), (SCORED,)),
    "SVG after a comment of 60 MB": (lambda: images.svg_comment(60_000_000), (UNSUPPORTED,)),
    "SVG around a text of 60 MB": (lambda: svg(f"<!--{'a' * 60_000_000}-->"), (TOO_MANY_PIXELS,)),
}


SLOW = {
    "GIF of 100 megapixels",
    "WebP of 10,000 frames",
    "BMP of four million runs",
    "SVG of masks within masks",
    "SVG of clips within clips",
    "SVG of patterns within patterns",
    "SVG of a tree of uses",
    "SVG of a noise of a million octaves",
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in BOMBS]
)
def test_a_bomb_costs_itself_alone(name: str, target: Target) -> None:
    make, expected = BOMBS[name]
    pid, data = target.server.process.pid, make()
    item, lost_before = target.item(data), wait_for_workers(target.server)
    resident_bytes = footprint(pid).rss
    forget_peak(pid)
    began = time.monotonic()
    answers = target.ask(item)
    took_s = time.monotonic() - began
    bomb = answers[PLACE]
    assert bomb.get("error", {}).get("code", SCORED) in expected, bomb
    assert answers[:PLACE] + answers[PLACE + 1 :] == target.clean[:PLACE] + target.clean[PLACE + 1 :]
    assert took_s < DECODE_TIMEOUT_S + SLACK_S
    assert peak_bytes(pid) < resident_bytes + len(data) + MAX_GROWTH_BYTES
    assert_nothing_is_left(target, lost_before + (bomb.get("error", {}).get("code") == TIMEOUT))


def assert_nothing_is_left(target: Target, lost: float) -> None:
    """No memory, no zombie, and every worker is there; one more was replaced if this was a bomb of time."""
    pid = target.server.process.pid
    assert wait_for_workers(target.server) == lost
    assert len(worker_ids(pid)) == WORKERS
    assert not zombies(pid)
    assert footprint(pid).anonymous < target.server_bytes + MAX_GROWTH_BYTES
    until(lambda: tree_footprint(pid).anonymous < target.tree_bytes + MAX_KEPT_BYTES, IDLE_TIMEOUT_S)


def wait_for_workers(server: RunningServer) -> float:
    """Until all are ready and none is at work. Returns how many were lost so far."""
    give_up = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up:
        lines = httpx.get(server.url + "/metrics", timeout=10).text.splitlines()
        gauges = dict(line.split() for line in lines if line.startswith("logo_worker"))
        if (float(gauges["logo_workers_ready"]), float(gauges["logo_workers_busy"])) == (WORKERS, 0):
            return float(gauges["logo_worker_restarts_total"])
        time.sleep(0.1)
    raise TimeoutError(f"not all workers came back: {gauges}")


def planted(directory: Path) -> list[str]:
    """Every way to name a red PNG, and a red SVG, that lie on this machine's disk."""
    Image.new("RGB", (8, 8), "red").save(directory / "planted.png")
    (directory / "planted.svg").write_bytes(svg('<rect id="r" width="100" height="100" fill="red"/>'))
    png = directory / "planted.png"
    relative = [os.path.relpath(png, start) for start in (ROOT, ROOT / "logo_detection", "/")]
    absolute = [str(png), f"file://{png}", f"file:{png}", f"FILE://localhost{png}", f"//{png}", f" {png}"]
    return [*absolute, *relative, f"{directory}/planted.svg#r", f"file://{directory}/planted.svg"]


def test_local_files_never_show(target: Target, tmp_path: Path) -> None:
    """Red shows in the score of this model, so that a bare file's score proves that nothing red was seen."""
    hrefs = planted(tmp_path)
    bare = score(target, svg(WHITE))
    shown = score(target, svg(WHITE + images.svg_embedding((tmp_path / "planted.png").read_bytes()).decode()))
    assert shown > bare + 0.3
    entity = f'<!DOCTYPE svg [<!ENTITY e SYSTEM "file://{tmp_path}/planted.svg">]>'
    (answer,) = target.server.predict([inline("a.svg", svg(f"{WHITE}&e;", before=entity))]).json()[
        "predictions"
    ]
    assert answer["error"]["code"] == CORRUPT
    files = [svg(WHITE, before=entity)]
    for href in hrefs:
        for key in ("href", "xlink:href"):
            files += [
                svg(f'{WHITE}<image width="100" height="100" {key}="{href}"/>'),
                svg(f'{WHITE}<use {key}="{href}"/>'),
                svg(f'{WHITE}<g><image width="100%" height="100%" {key}="{href}"></image></g>'),
                svg(
                    f'<pattern id="p" {key}="{href}"/>{WHITE}<rect width="100" height="100" fill="url(#p)"/>'
                ),
            ]
        files.append(svg(f'{WHITE}<rect width="100" height="100" style="fill:url({href}) none"/>'))
        files.append(svg(f"<style>@import url('{href}');</style>{WHITE}"))
    for first in range(0, len(files), 50):
        items = [inline(str(index), data) for index, data in enumerate(files[first : first + 50])]
        answers = target.server.predict(items).json()["predictions"]
        assert [answer.get("prediction") for answer in answers] == [bare] * len(items)


def score(target: Target, data: bytes) -> float:
    (answer,) = target.server.predict([inline("a.svg", data)]).json()["predictions"]
    prediction: float = answer["prediction"]
    return prediction
