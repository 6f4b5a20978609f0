"""Pages: the review queues of a data set, what they have shown, and what is accepted from them."""

from typing import Any

from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from logo_detection.artifact import OUT_OF_DOMAIN
from studio.images.access import Visit, in_dataset, role_in, visible_datasets
from studio.images.membership import NameTaken
from studio.images.models import Dataset
from studio.images.views.grid import refused
from studio.people import audit
from studio.people.models import Role
from studio.review.accepting import MOST, AcceptingRefused, accept, waiting_items
from studio.review.access import QueueVisit, in_queue
from studio.review.models import Queue
from studio.review.results import read_results


class QueueForm(forms.ModelForm):  # type: ignore[type-arg]  # it has none when it runs
    """A new review queue."""

    class Meta:
        model = Queue
        fields = ("name", "positive", "threshold", "sample_rate")
        labels = {"positive": "Class", "sample_rate": "Sampling rate"}  # noqa: RUF012  as Django has it
        help_texts = {  # noqa: RUF012  as Django has it
            "positive": "What an alarm says that a file is.",
            "threshold": "A score from which on a file is an alarm, 0 to 1.",
            "sample_rate": "The share of the other files that is shown, too, 0 to 1, to estimate recall.",
        }

    def __init__(self, dataset: Dataset, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["positive"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  as Django makes it
        field.queryset = dataset.classes.exclude(name=OUT_OF_DOMAIN)


@require_GET
@in_dataset(Role.VIEWER)
def queues(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The review queues of a data set."""
    return render(request, "review/queues.html", _queues(visit, QueueForm(visit.dataset)))


@require_POST
@in_dataset(Role.TRAINER)
def add_queue(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Make a review queue."""
    form = QueueForm(visit.dataset, request.POST)
    if form.is_valid():
        try:
            return redirect("review-intakes", visit.dataset.name, make_queue(visit, form).pk)
        except NameTaken as error:
            form.add_error("name", str(error))
    return render(request, "review/queues.html", _queues(visit, form), status=400)


@require_GET
@in_queue(Role.VIEWER)
def results(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """How good a queue's alarms are, and what can be accepted from it."""
    context = {
        "visit": found.visit,
        "queue": found.queue,
        "results": read_results(found.queue),
        "waiting": waiting_items(found.queue).count(),
        "most": MOST,
        "targets": targets_of(found.visit),
    }
    return render(request, "review/results.html", context)


@require_POST
@in_queue(Role.TRAINER)
def accept_items(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """Have a data set take what reviewers agree on."""
    names = [each.name for each in targets_of(found.visit)]
    wanted = request.POST.get("into") or found.visit.dataset.name
    if wanted not in names:
        return refused(request, found.visit, "into: is no data set into which you may import")
    try:
        accept(found.visit.user, found.queue, get_object_or_404(Dataset, name=wanted))
    except AcceptingRefused as error:
        return refused(request, found.visit, str(error), 409)
    return redirect("review-results", found.visit.dataset.name, found.queue.pk)


@transaction.atomic
def make_queue(visit: Visit, form: QueueForm) -> Queue:
    """Make the queue of a form that is valid.

    Raises:
        NameTaken: The data set has one of that name.
    """
    queue: Queue = form.save(commit=False)
    queue.dataset, queue.made_by = visit.dataset, visit.user
    try:
        with transaction.atomic():
            queue.save()
    except IntegrityError as error:
        raise NameTaken(f"There is a review queue {queue.name!r} already.") from error
    details = f"{queue}: {queue.positive} from {queue.threshold:g}, {queue.sample_rate:g} of the others"
    audit.record(visit.user, "make review queue", visit.dataset, details)
    return queue


def _queues(visit: Visit, form: QueueForm) -> dict[str, Any]:
    listed = visit.dataset.review_queues.select_related("positive").order_by("name")
    return {"visit": visit, "queues": listed, "form": form}


def targets_of(visit: Visit) -> list[Dataset]:
    """The data sets into which somebody may import, this one first."""
    others = (each for each in visible_datasets(visit.user) if each.pk != visit.dataset.pk)
    own = [visit.dataset] if visit.may_train else []
    return own + [each for each in others if role_in(visit.user, each) >= Role.TRAINER]
