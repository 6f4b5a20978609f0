"""Access: the review queue that an address names, within its data set."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404

from studio.images.access import Visit, in_dataset
from studio.people.access import View
from studio.people.models import Role
from studio.review.models import Item, Queue


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """Somebody who is in a review queue of a data set."""

    visit: Visit
    queue: Queue

    def item(self, item_id: int) -> Item:
        """An item of the queue, or 404."""
        return get_object_or_404(self.queue.items.select_related("queue"), pk=item_id)


def in_queue(role: Role) -> Callable[[View], View]:
    """A view in a queue, for those who have this role in its data set; see `studio.images.access.in_dataset`.

    The view is given the visit in place of the names of data set and queue.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def found(request: HttpRequest, visit: Visit, queue_id: int, **named: object) -> HttpResponseBase:
            queue = get_object_or_404(visit.dataset.review_queues.select_related("positive"), pk=queue_id)
            return view(request, QueueVisit(visit, queue), **named)

        return in_dataset(role)(found)

    return decorate
