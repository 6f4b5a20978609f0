"""The audit log: one entry for everything that somebody changes, in the transaction that changes it."""

from studio.people.models import MAX_DETAILS_CHARS, MAX_NAME_CHARS, AuditEntry, User

PROGRAM = "the studio"
"""Who does what nobody asked for at that moment, such as the first administrator's account."""


def record(who: User | str, action: str, target: object, details: str = "") -> None:
    """Append an entry.

    Args:
        who: The user, or the name that somebody gave who did not log in.
        action: A verb and what it is done to, such as `add user`.
        target: Of the action, as people call it.
        details: What else one should know; never a secret.
    """
    name, through = (who, "") if isinstance(who, str) else (who.username, who.through)
    told = "; ".join(filter(None, (through and f"by {through}", details)))
    AuditEntry.objects.create(
        who=name[:MAX_NAME_CHARS],
        action=action,
        target=str(target)[:200],
        details=told[:MAX_DETAILS_CHARS],
    )
