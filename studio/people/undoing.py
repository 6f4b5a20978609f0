"""Undoing: somebody who undoes twice at once, as with a key held down, goes back by two steps."""

from studio.people.models import User


def wait_for_own_undoing(by: User) -> None:
    """Lock a user's row until the transaction ends, so that the last thing that they did is undone once.

    What refers to the user can be written meanwhile. SQLite needs none of it: its transactions have an order.
    """
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
