"""Scopes: how much of its owner's role a token may use. Each scope includes those before it, as roles do."""

from collections.abc import Iterable, Mapping
from typing import Any

from oauth2_provider.scopes import BaseScopes

from studio.people.models import Role

CEILINGS: Mapping[str, Role] = {
    "score": Role.NONE,
    "read": Role.VIEWER,
    "label": Role.LABELLER,
    "review": Role.REVIEWER,
    "train": Role.TRAINER,
    "administer": Role.ADMINISTRATOR,
}
"""The highest role that each scope lets a token use, lowest first."""

DESCRIPTIONS: Mapping[str, str] = {
    "score": "have pictures scored",
    "read": "look at data sets, their images, versions, runs and results, and at models",
    "label": "label images one by one",
    "review": "change many labels at once, undo what others did, and decide in the review",
    "train": "make data sets, imports, versions, runs and review queues, post scored files, and publish",
    "administer": "say who may do what in a data set, read the audit log, and say which model is active",
}
DEFAULT = "read"


def ceiling_of(scopes: Iterable[str]) -> Role | None:
    """The highest role that some scopes let a token use; None where there is no scope among them."""
    return max((CEILINGS[scope] for scope in scopes if scope in CEILINGS), default=None)


def scope_of(role: Role) -> str:
    """The least scope with which a token may use a role."""
    return next(scope for scope, ceiling in CEILINGS.items() if ceiling >= role)


class Scopes(BaseScopes):
    """What OAuth's pages offer."""

    def get_all_scopes(self) -> dict[str, str]:
        """Names and descriptions."""
        return dict(DESCRIPTIONS)

    def get_available_scopes(self, *_: Any, **__: Any) -> list[str]:
        """Any application may ask for each: its token still does no more than its owner may."""
        return list(CEILINGS)

    def get_default_scopes(self, *_: Any, **__: Any) -> list[str]:
        """Where an application names none."""
        return [DEFAULT]
