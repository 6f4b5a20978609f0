"""Scores for those who want nothing else: through the fence, and nothing is kept."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from studio.images.models import File
from studio.people.models import User
from tests.studio.api.calls import Caller, is_error
from tests.studio.world import log_in, make_user, pattern

pytestmark = pytest.mark.slow


@pytest.fixture
def caller(administrator: User) -> Caller:
    return Caller(make_user("bot"), "score")


def inline(data: bytes, name: str = "a.png") -> dict[str, str]:
    return {"filename": name, "image": base64.b64encode(data).decode()}


def file(data: bytes, name: str) -> io.BytesIO:
    found = io.BytesIO(data)
    found.name = name
    return found


def test_pictures_are_scored_in_their_order_and_bad_ones_cost_only_themselves(
    caller: Caller, studio: Path
) -> None:
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
    body = {
        "images": [
            inline(pattern(1)), inline(b"<script>", "<script>.png"), {"filename": "c", "image": "no base64!"},
            inline(pattern(2)), inline(bomb.getvalue()), inline(svg, "d.svg"), inline(b"", "empty"),
        ]
    }  # fmt: skip
    before = sorted(studio.rglob("*"))
    answer = caller.send("/api/score/", body)
    assert answer.status_code == 200, answer.content
    found = answer.json()["predictions"]
    assert [each["filename"] for each in found] == [each["filename"] for each in body["images"]]
    assert found[6]["error"]["code"].startswith("image_")
    assert [each.get("error", {}).get("code") for each in found[:6]] == [
        None, "image_unsupported", "image_corrupt", None, "image_too_many_pixels", None,
    ]  # fmt: skip
    assert set(found[0]["scores"]) == {"out_of_domain", "logo"}
    assert sum(found[0]["scores"].values()) == pytest.approx(1, abs=1e-3)
    by_form = caller.upload(
        "/api/score/", {"uploads": [file(pattern(1), "a.png"), file(b"x", "b.png")]}
    ).json()
    assert by_form["predictions"][0] == found[0]
    assert by_form["predictions"][1]["error"]["code"] == "image_unsupported"
    kept = {path for path in studio.rglob("*") if "cache" not in path.parts and path.is_file()}
    assert kept <= set(before) | {path for path in kept if path.name.startswith("studio.sqlite3")}
    assert not File.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"images": []}, {"images": [inline(b"x")] * 51}, {"images": [{"filename": "a"}]}, {"images": ["x"]},
     {"images": [{"image": "x", "filename": "a" * 1025}]}, {"images": [{"image": ["x"]}]}],
    ids=range(7),
)  # fmt: skip
def test_requests_that_make_no_sense_are_refused(body: dict[str, Any], caller: Caller) -> None:
    is_error(caller.send("/api/score/", body), 400, "invalid")


def test_a_body_that_is_too_large_is_not_read(caller: Caller) -> None:
    is_error(caller.send("/api/score/", {"images": [inline(bytes(2**20))]}), 413, "too_large")
    uploaded = caller.upload("/api/score/", {"uploads": file(bytes(2**20), "a.png")})
    is_error(uploaded, 413, "too_large")


def test_people_have_a_form_to_try(administrator: User) -> None:
    browser = log_in(administrator)
    page = browser.get("/api/score/", headers={"Accept": "text/html"}).content.decode()
    assert 'name="uploads" type="file" multiple' in page
    sent = browser.post(
        "/api/score/", {"uploads": file(pattern(1), "<b>.png")}, headers={"Accept": "text/html"}
    )
    assert "out_of_domain" in sent.content.decode()
    assert "&lt;b&gt;.png" in sent.content.decode()
    assert "<b>.png" not in sent.content.decode()
