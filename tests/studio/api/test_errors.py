"""Errors, throttles, and pages: what the API says when it says no, and to people."""

from typing import Any

import pytest
from django.test import Client

from studio.django_settings import STUDIO
from studio.images.labelling import label_images
from studio.images.membership import make_dataset
from studio.images.models import Dataset
from studio.people.models import Role, User
from tests.studio.api.calls import Caller, is_error
from tests.studio.world import (
    class_of,
    log_in,
    make_user,
    pattern,
    rows,
    run_imports,
    stranger,
    upload,
    zipped,
)

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)>\"'&/api/x"


def raw(caller: Caller, body: bytes, kind: str = "application/json", **headers: str) -> Any:
    headers = {"Authorization": f"Bearer {caller.token}", **headers}
    return stranger().post("/api/datasets/", body, kind, headers=headers)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "parse_error"), (b"\xff", 400, "parse_error"), (b'{"name": NaN}', 400, "parse_error"),
        (b"[" * 100_000, 400, "parse_error"), (b'{"name": "\\ud800"}', 400, "parse_error"),
        (b"9" * 10_000, 400, "parse_error"), (b"", 400, "invalid"),
        (b"null", 400, "invalid"), (b'"x"', 400, "invalid"),
    ],
    ids=range(9),
)  # fmt: skip
def test_a_body_that_is_none_is_refused(body: bytes, status: int, code: str, administrator: User) -> None:
    answer = raw(Caller(administrator), body)
    is_error(answer, status, answer.json()["code"])
    assert answer.json()["code"] == code


def test_other_media_types_and_representations_are_refused(administrator: User) -> None:
    caller = Caller(administrator)
    for kind in ("application/xml", "application/x-www-form-urlencoded", "text/html"):
        is_error(raw(caller, b"<a/>", kind), 415, "unsupported_media_type")
    is_error(caller.get("/api/", Accept="application/xml"), 406, "not_acceptable")
    is_error(raw(caller, b"x", "multipart/form-data"), 400, "parse_error")


def test_what_is_nowhere_and_what_is_no_method_have_the_same_shape(administrator: User) -> None:
    caller = Caller(administrator)
    is_error(caller.get("/api/no/such/thing"), 404, "not_found")
    is_error(caller.get("/api/datasets/nothing/"), 404, "not_found")
    is_error(caller.get("/api/datasets/%00/"), 404, "not_found")
    is_error(caller.send("/api/", method="PUT"), 405, "method_not_allowed")
    is_error(caller.get(f"/api/datasets/{'x' * 3000}/"), 404, "not_found")


def test_a_body_is_bounded_before_it_is_read(administrator: User) -> None:
    caller = Caller(administrator)
    is_error(raw(caller, b" " * (STUDIO.api_body_max_size + 1)), 413, "too_large")
    large = b"--x\r\n" + b" " * STUDIO.api_body_max_size
    assert stranger().post("/api/datasets/", large, "multipart/form-data; boundary=x").status_code == 401


def test_a_token_is_throttled(administrator: User) -> None:
    caller = Caller(administrator, "score")
    statuses = [caller.get("/api/").status_code for _ in range(STUDIO.api_token_requests_per_minute)]
    assert set(statuses) == {200}
    answer = caller.get("/api/")
    is_error(answer, 429, "throttled")
    assert 0 < int(answer["Retry-After"]) <= 60
    other = Caller(administrator, "score", "other")
    assert other.get("/api/").status_code == 200


def test_a_user_is_throttled_over_all_tokens(administrator: User) -> None:
    callers = [Caller(administrator, "score", str(number)) for number in range(3)]
    left = STUDIO.api_requests_per_minute
    statuses = [callers[number % 3].get("/api/").status_code for number in range(left + 3)]
    assert statuses == [200] * left + [429] * 3
    assert Caller(make_user("lea")).get("/api/").status_code == 200


def test_strangers_who_try_secrets_are_throttled() -> None:
    asked = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    statuses = [
        stranger().post("/oauth/token", asked).status_code
        for _ in range(STUDIO.api_token_requests_per_minute)
    ]
    assert set(statuses) == {401}
    answer = stranger().post("/oauth/token", asked)
    assert answer.status_code == 429
    assert "Retry-After" in answer
    assert stranger().post("/oauth/token", asked, REMOTE_ADDR="10.0.0.9").status_code == 401


def test_names_of_strangers_are_text_in_the_apis_pages(
    dataset: Dataset, browser: Client, administrator: User
) -> None:
    archive = zipped({f"logo/{EVIL}.png": pattern(1), "cat/<script>alert(2)</script>.png": pattern(2)})
    upload(browser, dataset, "<svg onload=alert(3)>.zip", archive, labels="folders")
    (job,) = run_imports()
    image = dataset.images.get()
    label_images(administrator, dataset, [image.pk], class_of(dataset, "out_of_domain"), why=EVIL)
    make_dataset(administrator, "other", description=EVIL)
    signs = "/api/datasets/signs"
    for path in (
        "/api/", "/api/datasets/", "/api/datasets/other/", f"{signs}/images/", f"{signs}/images/{image.pk}/",
        f"{signs}/changes/", f"{signs}/imports/", f"{signs}/imports/{job.pk}/problems/", "/api/audit/",
        f"{signs}/images/?label=<script>", "/api/<script>alert(4)</script>",
    ):  # fmt: skip
        answer = browser.get(path, headers={"Accept": "text/html"})
        page = answer.content.decode()
        assert answer["Content-Type"].startswith("text/html"), path
        assert "unsafe" not in answer["Content-Security-Policy"]
        for tag in ("<img", "<svg", "<script>alert", "onerror=alert(1)>"):
            assert tag not in page, (path, tag)
        assert "<h1>" in page
    json = browser.get(f"{signs}/images/")
    assert json["Content-Type"] == "application/json"
    assert json["X-Content-Type-Options"] == "nosniff"


def test_pages_link_what_they_name_and_offer_a_form_to_who_may_send(
    administrator: User, dataset: Dataset
) -> None:
    browser = log_in(administrator)
    page = browser.get("/api/", headers={"Accept": "text/html"}).content.decode()
    assert '<a href="/api/datasets/">/api/datasets/</a>' in page
    sent = browser.post("/api/datasets/", {"name": "by-form"}, headers={"Accept": "text/html"})
    assert sent.status_code == 201
    assert "by-form" in sent.content.decode()
    strict = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    strict.force_login(administrator)
    assert strict.post("/api/datasets/", {"name": "forged"}).status_code == 403
    assert not Dataset.objects.filter(name="forged").exists()


def test_exif_and_metadata_are_text(dataset: Dataset, administrator: User) -> None:
    (image,) = rows(dataset, administrator, [0.5])
    image.metadata, image.author, image.source = {"Artist": EVIL}, EVIL, EVIL
    image.save()
    viewer = log_in(make_user("vera", Role.VIEWER))
    path = f"/api/datasets/signs/images/{image.pk}/"
    assert viewer.get(path).json()["metadata"] == {"Artist": EVIL}
    assert "<img" not in viewer.get(path, headers={"Accept": "text/html"}).content.decode()
