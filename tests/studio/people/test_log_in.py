"""Logging in: throttled, and told of in the audit log."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone

from studio.people.accounts import add_first_administrator, add_user, draw_new_password
from studio.people.models import AuditEntry, LogInFailure, Role, User
from tests.studio.world import stranger

pytestmark = pytest.mark.slow


@pytest.fixture
def password(administrator: User, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of the user `lea`."""
    return add_user(administrator, "lea", Role.VIEWER)[1]


def log_in(name: str, password: str, address: str = "10.0.0.1", client: Client | None = None) -> int:
    sent = (client or stranger()).post(
        "/log-in", {"username": name, "password": password}, REMOTE_ADDR=address
    )
    return sent.status_code


def test_a_right_password_lets_in_and_a_wrong_one_does_not(password: str) -> None:
    client = stranger()
    assert log_in("lea", "wrong", client=client) == 400
    assert client.get("/").status_code == 302
    assert log_in("lea", password, client=client) == 302
    assert client.get("/").status_code == 200
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")][-2:] == ["fail to log in", "log in"]


def test_after_too_many_failures_the_right_password_does_not_let_in_either(password: str) -> None:
    assert [log_in("lea", "wrong") for _ in range(3)] == [400] * 3
    assert log_in("lea", password) == 429
    assert log_in("lea", password, address="10.0.0.2") == 302  # who is elsewhere is not locked out


def test_failures_count_for_a_while_only(password: str) -> None:
    for _ in range(3):
        log_in("lea", "wrong")
    LogInFailure.objects.update(at=timezone.now() - timedelta(hours=1))
    assert log_in("lea", password) == 302


def test_one_address_cannot_try_many_names(password: str) -> None:
    now = timezone.now()
    LogInFailure.objects.bulk_create(
        LogInFailure(name=f"user {number}", address="10.0.0.1", at=now) for number in range(30)
    )
    assert log_in("lea", password) == 429


def test_the_cookies_cannot_be_read_by_scripts_or_sent_from_elsewhere(password: str) -> None:
    client = stranger()
    client.get("/log-in")
    log_in("lea", password, client=client)
    session, csrf = client.cookies["studio_session"], client.cookies["studio_csrf"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert csrf["httponly"]
    assert csrf["samesite"] == "Strict"


def test_a_session_that_somebody_else_has_chosen_is_nobodys_after_the_log_in(password: str) -> None:
    chosen = SessionStore()
    chosen["planted"] = True
    chosen.save()
    client = stranger()
    client.cookies["studio_session"] = chosen.session_key or ""
    client.get("/log-in")
    token = client.cookies["studio_csrf"].value
    assert log_in("lea", password, client=client) == 302
    assert client.get("/").status_code == 200
    assert client.cookies["studio_session"].value != chosen.session_key
    assert client.cookies["studio_csrf"].value != token
    other = stranger()
    other.cookies["studio_session"] = chosen.session_key or ""
    assert other.get("/").status_code == 302


def test_a_session_ends_with_the_log_out(password: str) -> None:
    client = stranger()
    log_in("lea", password, client=client)
    session = client.cookies["studio_session"].value
    assert client.post("/log-out").status_code == 302
    client.cookies["studio_session"] = session
    assert client.get("/").status_code == 302


def test_a_new_password_ends_what_is_open(password: str, administrator: User) -> None:
    client = stranger()
    log_in("lea", password, client=client)
    draw_new_password(administrator, User.objects.get(username="lea"))
    assert client.get("/").status_code == 302


def test_one_who_is_not_active_is_out_at_once(password: str) -> None:
    client = stranger()
    log_in("lea", password, client=client)
    User.objects.filter(username="lea").update(is_active=False)
    assert client.get("/").status_code == 302


def test_the_first_administrator_is_added_once() -> None:
    password = add_first_administrator()
    assert password is not None
    assert log_in("admin", password) == 302
    assert User.objects.get().role == Role.ADMINISTRATOR
    assert add_first_administrator() is None


def test_the_log_in_leads_nowhere_else(password: str) -> None:
    sent = stranger().post(
        "/log-in", {"username": "lea", "password": password, "next": "https://evil.example/"}
    )
    assert sent["Location"] == "/"


def test_a_stranger_cannot_send_much() -> None:
    body = {"username": "lea", "password": "x" * 200_000}
    assert stranger().post("/log-in", body).status_code == 400
