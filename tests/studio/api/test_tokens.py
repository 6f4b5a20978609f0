"""Personal tokens: drawn on a page, shown once, worth nothing when revoked, late, or of who has left."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from studio.api.models import PersonalToken
from studio.api.tokens import MAX_TOKENS, TokenRefused, draw_token
from studio.images.models import Dataset
from studio.people.models import AuditEntry, Role, User
from tests.studio.api.calls import Caller, bearer, is_error
from tests.studio.world import log_in, make_user

pytestmark = pytest.mark.slow


def draw(client: Client, **fields: object) -> str:
    sent = client.post("/tokens", {"name": "laptop", "scope": "read", "days": 7, **fields})
    assert sent.status_code == 201, sent.content.decode()
    (token,) = re.findall(r'id="token">([^<]+)<', sent.content.decode())
    return str(token)


def test_a_token_is_shown_once_and_kept_nowhere(browser: Client) -> None:
    token = draw(browser)
    assert bearer(token).json()["user"] == "ada"
    assert bearer(token).json()["through"] == "token laptop"
    assert token not in browser.get("/tokens").content.decode()
    database = settings.DATABASES["default"]["NAME"]
    assert (
        token.encode() not in database.read_bytes() + database.with_name(f"{database.name}-wal").read_bytes()
    )
    assert not AuditEntry.objects.filter(details__contains=token).exists()


def test_a_revoked_token_is_nobodys(browser: Client) -> None:
    token = draw(browser)
    assert browser.post(f"/tokens/{PersonalToken.objects.get().pk}/revoke").status_code == 302
    is_error(bearer(token), 401, "authentication_failed")
    assert list(AuditEntry.objects.values_list("action", "target"))[-2:] == [
        ("draw token", "laptop"),
        ("revoke token", "laptop"),
    ]


def test_a_token_expires(browser: Client) -> None:
    token = draw(browser)
    PersonalToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    is_error(bearer(token), 401, "authentication_failed")


def test_the_token_of_a_disabled_user_is_nobodys() -> None:
    user = make_user("lea", Role.VIEWER)
    caller = Caller(user)
    assert caller.get("/api/datasets/").status_code == 200
    User.objects.update(is_active=False)
    is_error(caller.get("/api/datasets/"), 401, "authentication_failed")


def test_a_token_of_somebody_who_loses_their_role_loses_it_too(dataset: Dataset) -> None:
    user = make_user("lea", Role.VIEWER)
    caller = Caller(user)
    assert caller.get("/api/datasets/signs/").status_code == 200
    User.objects.filter(pk=user.pk).update(role=Role.NONE)
    is_error(caller.get("/api/datasets/signs/"), 404, "not_found")


def test_nobody_revokes_the_token_of_another(browser: Client) -> None:
    user = make_user("lea", Role.VIEWER)
    caller = Caller(user)
    browser.post(f"/tokens/{user.tokens.get().pk}/revoke")
    assert caller.get("/api/").status_code == 200


def test_a_token_opens_no_page(administrator: User) -> None:
    sent = Caller(administrator).get("/audit")
    assert sent.status_code == 302
    assert Caller(administrator, name="other").get("/tokens")["Location"].startswith("/log-in")


def test_a_token_is_read_from_the_header_alone(administrator: User) -> None:
    caller = Caller(administrator)
    assert log_in(make_user("x")).get("/api/").status_code == 200
    for query in (f"?token={caller.token}", f"?access_token={caller.token}"):
        assert bearer("", f"/api/{query}").status_code == 401


@pytest.mark.parametrize(
    "sent", ["", "x" * 10_000, "studio_", "studio_\udcff", "two words", "ünïcode"], ids=range(6)
)
def test_what_is_no_token_is_told_apart_by_nothing(sent: str) -> None:
    header = sent.encode("utf-8", "surrogateescape").decode("latin-1")
    is_error(bearer(header), 401, "authentication_failed")


@pytest.mark.parametrize(
    "fields", [{"days": 0}, {"days": 366}, {"scope": "everything"}, {"name": ""}, {"name": "x" * 61}]
)
def test_a_token_that_makes_no_sense_is_not_drawn(fields: dict[str, object], browser: Client) -> None:
    asked = {"name": "laptop", "scope": "read", "days": 7, **fields}
    assert browser.post("/tokens", asked).status_code == 400
    assert not PersonalToken.objects.exists()


def test_a_user_has_so_many_tokens_each_of_another_name(administrator: User) -> None:
    for number in range(MAX_TOKENS - 1):
        draw_token(administrator, str(number), "read", 1)
    with pytest.raises(TokenRefused, match="'0' already"):
        draw_token(administrator, "0", "read", 1)
    draw_token(administrator, "last", "read", 1)
    with pytest.raises(TokenRefused, match=str(MAX_TOKENS)):
        draw_token(administrator, "more", "read", 1)


def test_the_audit_log_tells_by_which_token_something_was_done(administrator: User) -> None:
    assert Caller(administrator).send("/api/datasets/", {"name": "signs"}).status_code == 201
    entry = AuditEntry.objects.latest("pk")
    assert (entry.who, entry.action, entry.target) == ("ada", "make data set", "signs")
    assert entry.details == "by token laptop; out_of_domain, logo"
