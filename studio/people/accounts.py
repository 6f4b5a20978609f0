"""Accounts: users and their first passwords, which are drawn and shown once."""

import secrets

from django.db import transaction

from studio.people import audit
from studio.people.models import Role, User

PASSWORD_BYTES = 15
FIRST_NAME = "admin"


@transaction.atomic
def add_user(by: User | str, name: str, role: int) -> tuple[User, str]:
    """Add a user. Returns the user, and the password, which is kept nowhere."""
    user = User(username=name, role=role)
    password = _draw_password(user)
    audit.record(by, "add user", name, Role(role).label)
    return user, password


@transaction.atomic
def draw_new_password(by: User | str, user: User) -> str:
    """Give a user a new password, and end their sessions. Returns it."""
    password = _draw_password(user)
    audit.record(by, "draw a new password", user.username)
    return password


def add_first_administrator() -> str | None:
    """Add an administrator where there is no user yet. Returns the password; None where there are users."""
    if User.objects.exists():
        return None
    return add_user(audit.PROGRAM, FIRST_NAME, Role.ADMINISTRATOR)[1]


def _draw_password(user: User) -> str:
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    user.save()
    return password
