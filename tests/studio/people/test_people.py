"""Users and their roles, and the audit log that nobody edits."""

import re

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from studio.people import audit
from studio.people.models import AuditEntry, Role, User
from tests.studio.world import make_user

pytestmark = pytest.mark.slow


def test_a_new_users_password_is_shown_once_and_kept_nowhere(browser: Client) -> None:
    sent = browser.post("/people/add", {"username": "lea", "role": Role.LABELLER})
    assert sent.status_code == 201
    (password,) = re.findall(r'id="password">([^<]+)<', sent.content.decode())
    user = User.objects.get(username="lea")
    assert user.role == Role.LABELLER
    assert user.check_password(password)
    assert password not in browser.get("/people").content.decode()
    assert not AuditEntry.objects.filter(details__contains=password).exists()


def test_a_name_is_taken_once(browser: Client) -> None:
    assert browser.post("/people/add", {"username": "ada", "role": Role.VIEWER}).status_code == 400


def test_a_role_is_changed_and_the_audit_log_says_so(browser: Client) -> None:
    user = make_user("lea", Role.VIEWER)
    assert browser.post(f"/people/{user.pk}", {"role": Role.TRAINER, "is_active": "on"}).status_code == 302
    user.refresh_from_db()
    assert user.role == Role.TRAINER
    entry = AuditEntry.objects.latest("pk")
    assert (entry.who, entry.action, entry.target, entry.details) == (
        "ada",
        "change user",
        "lea",
        "trainer, active",
    )
    assert b"change user" in browser.get("/audit").content


def test_nobody_changes_their_own_role(browser: Client, administrator: User) -> None:
    sent = browser.post(f"/people/{administrator.pk}", {"role": Role.VIEWER, "is_active": "on"})
    assert sent.status_code == 400
    administrator.refresh_from_db()
    assert administrator.role == Role.ADMINISTRATOR


@pytest.mark.parametrize(
    "statement", ["UPDATE people_auditentry SET who = 'x'", "DELETE FROM people_auditentry"]
)
def test_the_database_refuses_to_change_the_audit_log(statement: str) -> None:
    audit.record("lea", "try", "this")
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEntry.objects.get().who == "lea"
