"""Trying: one picture in, scores and a heat map out, and nothing is kept."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from evaluation.document import read_document
from studio.django_settings import STUDIO
from studio.images.models import Dataset, File
from studio.people.models import User
from studio.publishing.active import activate
from studio.publishing.publication import publish_run
from tests.studio.trained import BLUE, BLUE_IS_LOGO, RED, done_run, make_images, well_evaluated
from tests.studio.world import pattern

pytestmark = pytest.mark.slow


def try_it(browser: Client, content: bytes, name: str = "a.png") -> Any:
    file = io.BytesIO(content)
    file.name = name
    return browser.post("/try/score", {"picture": file})


def files() -> set[Path]:
    return {path for path in STUDIO.data.rglob("*") if path.is_file() and "sqlite" not in path.name}


def test_a_picture_is_scored_with_its_heat_map_and_nothing_of_it_is_kept(browser: Client) -> None:
    assert b'type="file"' in browser.get("/try").content
    before = files()
    answer = try_it(browser, pattern(1, RED), "<b>.png")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert page.count('src="data:image/png;base64,') == 1
    assert page.count('src="data:image/jpeg;base64,') == 1
    assert page.index(">logo</th>") < page.index(">out_of_domain</th>")  # the likelier one first
    assert "mean-colour 1" in page
    assert "&lt;b&gt;.png" in page
    assert "img-src 'self' data:" in answer["Content-Security-Policy"]
    assert "data:" not in browser.get("/")["Content-Security-Policy"]
    assert files() == before
    assert not File.objects.exists()


def test_the_active_model_is_asked_once_there_is_one(
    browser: Client, dataset: Dataset, administrator: User
) -> None:
    run = done_run(make_images(dataset, administrator), administrator, BLUE_IS_LOGO)
    evaluation = well_evaluated(run)
    document = read_document(evaluation.folder(STUDIO.data) / "evaluation.json")
    made = publish_run(administrator, run, document, "7-blue", "", STUDIO.data)
    activate(administrator, made, STUDIO.data)
    page = try_it(browser, pattern(1, BLUE)).content.decode()
    assert "mean-colour 7-blue" in page
    assert page.index(">logo</th>") < page.index(">out_of_domain</th>")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"<svg onload=alert(1)>", "image"), (b"GIF89a", "image"), (b"%PDF-1.4", "image")],
)
def test_what_is_no_picture_is_told_so(content: bytes, reason: str, browser: Client) -> None:
    answer = try_it(browser, content)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert b"data:image" not in answer.content


def test_no_picture_is_no_trial(browser: Client) -> None:
    assert browser.post("/try/score").status_code == 400
    assert try_it(browser, b"").status_code == 400
