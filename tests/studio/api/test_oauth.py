"""OAuth: code with PKCE and client credentials, and nothing else that the protocol ever had."""

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken, Application, Grant, RefreshToken

from studio.images.models import Dataset
from studio.people.models import AuditEntry, Role, User
from tests.studio.api.calls import bearer, is_error
from tests.studio.world import log_in, make_user, stranger

pytestmark = pytest.mark.slow

BACK = "https://app.example/back"
VERIFIER = "a verifier that is long enough, as the protocol wants it".replace(" ", "-").replace(",", "")
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code", "redirect_uri": BACK, "scope": "read label", "state": "so",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip


def register(browser: Client, **fields: object) -> dict[str, str]:
    """Register an application on the page. Returns its id, and its secret where it has one."""
    asked = {
        "name": "app", "authorization_grant_type": "authorization-code", "client_type": "public",
        "redirect_uris": BACK, **fields,
    }  # fmt: skip
    sent = browser.post("/applications", asked)
    assert sent.status_code == 201, sent.content.decode()
    found = dict(re.findall(r'id="(client|secret)">([^<]+)<', sent.content.decode()))
    return {"client_id": found["client"]} | ({"client_secret": found["secret"]} if "secret" in found else {})


def register_for(user: User, browser: Client) -> dict[str, str]:
    """An application that acts for one user."""
    return register(
        browser, authorization_grant_type="client-credentials", client_type="confidential", redirect_uris="",
        user=user.pk,
    )  # fmt: skip


def allow(client: Client, application: dict[str, str], **changes: str | None) -> Any:
    """What a user's browser does: read the page, and press the button. None leaves a field out."""
    whole = {"client_id": application["client_id"], **ASKED, **changes}
    asked = {name: value for name, value in whole.items() if value is not None}
    page = client.get(f"/oauth/authorize?{urlencode(asked)}")
    if page.status_code != 200:
        return page
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode()))
    return client.post(f"/oauth/authorize?{urlencode(asked)}", {**fields, "allow": "Authorize"})


def exchange(application: dict[str, str], answer: Any, **changes: str) -> Any:
    code = parse_qs(urlsplit(answer["Location"]).query)["code"][0]
    asked = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER,
        **application, **changes,
    }  # fmt: skip
    return stranger().post("/oauth/token", asked)


def test_an_application_acts_for_whoever_allows_it(browser: Client, dataset: Dataset) -> None:
    application = register(browser)
    lea = log_in(make_user("lea", Role.LABELLER))
    answer = allow(lea, application)
    assert answer["Location"].startswith(f"{BACK}?code=")
    assert parse_qs(urlsplit(answer["Location"]).query)["state"] == ["so"]
    token = exchange(application, answer).json()
    assert token["scope"] == "read label"
    assert bearer(token["access_token"]).json() | {"addresses": None} == {
        "user": "lea", "role": "labeller", "through": "application app", "addresses": None,
    }  # fmt: skip
    assert bearer(token["access_token"], "/api/datasets/signs/").status_code == 200
    assert AuditEntry.objects.filter(who="lea", action="allow application", details="read label").exists()
    page = lea.get("/tokens").content.decode()
    assert "Forget app" in page
    assert lea.post(f"/tokens/applications/{Application.objects.get().pk}/forget").status_code == 302
    is_error(bearer(token["access_token"]), 401, "authentication_failed")
    refreshed = stranger().post(
        "/oauth/token",
        {"grant_type": "refresh_token", "refresh_token": token["refresh_token"], **application},
    )
    assert refreshed.json()["error"] == "invalid_grant"


def test_tokens_are_kept_as_hashes_alone(browser: Client) -> None:
    application = register(browser)
    token = exchange(application, allow(browser, application)).json()
    assert [AccessToken.objects.get().token, RefreshToken.objects.get().token] == ["", ""]
    confidential = register(browser, name="other", client_type="confidential")
    kept = Application.objects.get(client_id=confidential["client_id"]).client_secret
    assert confidential["client_secret"] not in kept
    assert kept.startswith("pbkdf2_")
    assert token["expires_in"] <= 3600


def test_a_token_is_renewed_once(browser: Client) -> None:
    application = register(browser)
    first = exchange(application, allow(browser, application)).json()

    def renew(token: str) -> Any:
        asked = {"grant_type": "refresh_token", "refresh_token": token, **application}
        return stranger().post("/oauth/token", asked)

    second = renew(first["refresh_token"]).json()
    assert bearer(second["access_token"]).status_code == 200
    assert renew(first["refresh_token"]).status_code == 400
    # Whoever used it a second time may be a thief: all that came of it ends.
    assert bearer(second["access_token"]).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/back"}, {"redirect_uri": f"{BACK}/../evil"},
        {"redirect_uri": f"{BACK}/more"}, {"redirect_uri": f"{BACK}?more=1"}, {"redirect_uri": f"{BACK}#x"},
        {"redirect_uri": "https://app.example@evil.example/back"}, {"redirect_uri": "https://app.example:444/back"},
        {"redirect_uri": "http://app.example/back"}, {"redirect_uri": "https://app.example.evil.example/back"},
        {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": "//app.example/back"},
        {"redirect_uri": "https://APP.example\\@evil.example/back"}, {"client_id": "nobody"},
    ],
    ids=str,
)  # fmt: skip
def test_no_code_goes_where_it_should_not(changes: dict[str, str], browser: Client) -> None:
    answer = allow(browser, register(browser), **changes)
    assert answer.status_code == 400
    assert "Location" not in answer
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"redirect_uris": ""}, {"redirect_uris"}),
        ({"redirect_uris": "http://evil.example/back"}, {"redirect_uris"}),
        ({"authorization_grant_type": "client-credentials"}, {"user", "client_type"}),
        ({"name": " "}, {"name"}),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_application_stands_beside_its_field(
    fields: dict[str, str], wrong: set[str], browser: Client
) -> None:
    whole = {
        "name": "app", "authorization_grant_type": "authorization-code", "client_type": "public",
        "redirect_uris": BACK,
    }  # fmt: skip
    sent = browser.post("/applications", whole | fields)
    assert sent.status_code == 400
    assert set(re.findall(r'errorlist[^>]* id="id_(.*?)_error"', sent.content.decode())) == wrong
    assert sent.content.count(b"errorlist") == len(wrong)


def test_a_code_without_a_challenge_is_worth_nothing(browser: Client) -> None:
    application = register(browser)
    answer = allow(browser, application, code_challenge="")
    assert exchange(application, answer).json()["error"] == "invalid_grant"
    assert not AccessToken.objects.exists()


def test_the_pages_form_cannot_be_bent_to_another_address(browser: Client) -> None:
    application = register(browser)
    asked = {"client_id": application["client_id"], **ASKED}
    sent = browser.post(
        "/oauth/authorize", {**asked, "redirect_uri": "https://evil.example/", "allow": "yes"}
    )
    assert "evil.example" not in sent.get("Location", "")
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unauthorized_client"), ({"scope": "read everything"}, "invalid_scope"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_code_with_a_hashed_challenge_is_refused(
    changes: dict[str, str | None], error: str, browser: Client
) -> None:
    answer = allow(browser, register(browser), **changes)
    assert f"error={error}" in answer["Location"]
    assert "access_token" not in answer["Location"]
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "another" * 8}, {"code_verifier": ""}, {"redirect_uri": "https://evil.example/"},
     {"client_id": "nobody"}],
    ids=str,
)  # fmt: skip
def test_a_stolen_code_is_worth_nothing(changes: dict[str, str], browser: Client) -> None:
    application = register(browser)
    assert exchange(application, allow(browser, application), **changes).status_code in (400, 401)
    assert not AccessToken.objects.exists()


def test_a_code_whose_challenge_is_empty_is_worth_nothing(browser: Client) -> None:
    application = register(browser)
    for verifier in ("", VERIFIER):
        answer = allow(browser, application, code_challenge="")
        assert exchange(application, answer, code_verifier=verifier).status_code == 400
    assert not AccessToken.objects.exists()


def test_a_code_works_once(browser: Client) -> None:
    application = register(browser)
    answer = allow(browser, application)
    assert exchange(application, answer).status_code == 200
    assert exchange(application, answer).status_code == 400


def test_who_refuses_gives_nothing(browser: Client) -> None:
    asked = {"client_id": register(browser)["client_id"], **ASKED}
    page = browser.get(f"/oauth/authorize?{urlencode(asked)}").content.decode()
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert "error=access_denied" in browser.post("/oauth/authorize", fields)["Location"]
    assert not Grant.objects.exists()


def test_the_page_is_no_strangers_and_wants_its_token(administrator: User, browser: Client) -> None:
    asked = {"client_id": register(browser)["client_id"], **ASKED}
    assert stranger().get(f"/oauth/authorize?{urlencode(asked)}")["Location"].startswith("/log-in?next=")
    strict = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    strict.force_login(administrator)
    assert strict.post("/oauth/authorize", {**asked, "allow": "yes"}).status_code == 403
    page = browser.get(f"/oauth/authorize?{urlencode(asked)}")
    assert page["Content-Security-Policy"].endswith("form-action 'self' https://app.example")
    assert "'self' https" not in browser.get("/tokens")["Content-Security-Policy"]


def test_an_application_with_credentials_acts_for_its_user(browser: Client, dataset: Dataset) -> None:
    bot = make_user("bot", Role.VIEWER)
    application = register_for(bot, browser)
    asked = {"grant_type": "client_credentials", "scope": "administer", **application}
    token = stranger().post("/oauth/token", asked).json()["access_token"]
    assert bearer(token).json()["user"] == "bot"
    assert bearer(token, "/api/datasets/signs/").status_code == 200
    is_error(bearer(token, "/api/audit/"), 403, "permission_denied")  # its scope would do
    User.objects.filter(pk=bot.pk).update(is_active=False)
    is_error(bearer(token), 401, "authentication_failed")


def test_a_scope_that_is_not_asked_for_is_not_given(
    browser: Client, administrator: User, dataset: Dataset
) -> None:
    application = register_for(administrator, browser)
    asked = {"grant_type": "client_credentials", **application}
    token = stranger().post("/oauth/token", asked).json()
    assert token["scope"] == "read"
    sent = stranger().post(
        "/api/datasets/",
        {"name": "x"},
        "application/json",
        headers={"Authorization": f"Bearer {token['access_token']}"},
    )
    is_error(sent, 403, "insufficient_scope")


@pytest.mark.parametrize(
    "grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "x"]
)
def test_there_is_no_other_grant(grant: str, browser: Client, administrator: User) -> None:
    administrator.set_password("right")
    administrator.save()
    application = register(log_in(administrator))
    asked = {"grant_type": grant, "username": "ada", "password": "right", "device_code": "x", **application}
    assert stranger().post("/oauth/token", asked).status_code in (400, 401, 404)
    assert not AccessToken.objects.exists()
    # Nor can one be registered.
    fields = {"name": "b", "authorization_grant_type": grant, "client_type": "public", "redirect_uris": BACK}
    assert log_in(administrator).post("/applications", fields).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"redirect_uris": ""}, {"redirect_uris": "http://app.example/"},
        {"redirect_uris": "javascript:alert(1)"},
        {"redirect_uris": "https://app.example/#x"}, {"redirect_uris": "https://*.example/"}, {"name": " "},
        {"authorization_grant_type": "client-credentials"}, {"user": "1"},
        {"redirect_uris": "http://localhost.evil.example/"}, {"redirect_uris": "http://localhost@evil.example/"},
        {"redirect_uris": "http://evil.example:80@localhost:1/"},
    ],
    ids=str,
)  # fmt: skip
def test_an_application_that_is_not_safe_is_not_registered(fields: dict[str, str], browser: Client) -> None:
    asked = {
        "name": "app",
        "authorization_grant_type": "authorization-code",
        "client_type": "public",
        "redirect_uris": BACK,
    }
    assert browser.post("/applications", {**asked, **fields}).status_code == 400
    assert not Application.objects.exists()


def test_a_program_on_the_users_own_machine_may_be_sent_back_to(browser: Client) -> None:
    back = "http://127.0.0.1:8765/back"
    application = register(browser, redirect_uris=back)
    assert allow(browser, application, redirect_uri=back)["Location"].startswith(f"{back}?code=")


def test_deleting_an_application_ends_its_tokens(browser: Client, administrator: User) -> None:
    application = register_for(administrator, browser)
    token = stranger().post("/oauth/token", {"grant_type": "client_credentials", **application}).json()
    assert bearer(token["access_token"]).status_code == 200
    assert browser.post(f"/applications/{Application.objects.get().pk}/delete").status_code == 302
    assert bearer(token["access_token"]).status_code == 401
    assert AuditEntry.objects.latest("pk").action == "delete application"


def test_an_application_gives_its_token_back(browser: Client, administrator: User) -> None:
    application = register_for(administrator, browser)
    token = stranger().post("/oauth/token", {"grant_type": "client_credentials", **application}).json()
    assert (
        stranger().post("/oauth/revoke", {"token": token["access_token"], **application}).status_code == 200
    )
    assert bearer(token["access_token"]).status_code == 401
