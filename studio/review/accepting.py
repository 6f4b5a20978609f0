"""Accepting: what reviewers agree on becomes labelled images, which the next version of a data set has."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.errors import LogoDetectionError
from studio.background.models import State
from studio.images.labelling import label_images
from studio.images.models import MAX_TEXT_CHARS, Change, Dataset, Image, Import, LabelClass
from studio.images.scores import set_numbers
from studio.people import audit
from studio.people.models import User
from studio.review.models import DATA, Item, Queue, Verdict

WHY = "review"
MOST = 1000
"""Items that are accepted at once, so that a page is not waited for long."""


class AcceptingRefused(LogoDetectionError):
    """Nothing can be accepted. One line."""


@transaction.atomic
def accept(by: User, queue: Queue, dataset: Dataset) -> int:
    """Label the pictures of settled items in a data set, which gets those that it has not yet.

    An item without a picture here stays where it is. An image's former label is in the history.

    Returns:
        How many items were accepted; where more wait, at most MOST at once.

    Raises:
        AcceptingRefused: The data set lacks a class, or no item waits that has a picture.
    """
    classes = _classes(queue, dataset)
    items = list(waiting_items(queue).select_for_update(of=("self",)).select_related("file")[:MOST])
    if not items:
        raise AcceptingRefused("no item with a picture here waits to be accepted")
    images = _images(by, queue, dataset, items)
    for verdict, label in classes.items():
        keys = [images[item.file_id or ""].pk for item in items if item.verdict == verdict]
        label_images(by, dataset, keys, label, WHY, Change.Kind.BULK)
    Item.objects.filter(pk__in=[item.pk for item in items]).update(accepted_at=timezone.now())
    audit.record(by, "accept items", dataset, f"{len(items):,} of the review queue {queue}")
    return len(items)


def waiting_items(queue: Queue) -> QuerySet[Item]:
    """The settled items of a queue that can be accepted."""
    return queue.items.filter(verdict__in=DATA, accepted_at=None, file__isnull=False).order_by("pk")


def _classes(queue: Queue, dataset: Dataset) -> Mapping[Verdict, LabelClass]:
    found = {each.name: each for each in dataset.classes.all()}
    wanted = {Verdict.YES: queue.positive.name, Verdict.NO: OUT_OF_DOMAIN}
    for name in wanted.values():
        if name not in found:
            raise AcceptingRefused(f"{dataset} has no class {name}")
    return {verdict: found[name] for verdict, name in wanted.items()}


def _images(by: User, queue: Queue, dataset: Dataset, items: list[Item]) -> dict[str, Image]:
    """The images of items by their files, those among them that the data set had not yet without a label."""
    first = {item.file_id or "": item for item in reversed(items)}
    present = {image.file_id: image for image in dataset.images.filter(file__in=list(first))}
    new = [item for digest, item in first.items() if digest not in present]
    if new:
        job = _import(by, queue, dataset, len(new))
        made = Image.objects.bulk_create([_image(job, item) for item in new])
        present |= {image.file_id: image for image in made}
    return present


def _import(by: User, queue: Queue, dataset: Dataset, images: int) -> Import:
    """What tells where images came from; it is done when it is written down."""
    now = timezone.now()
    return Import.objects.create(
        dataset=dataset,
        kind=Import.Kind.REVIEW,
        name=f"review of {queue}"[:MAX_TEXT_CHARS],
        path="",
        labels=Import.Labels.NONE,
        state=State.DONE,
        asked_by=by,
        started_at=now,
        ended_at=now,
        total=images,
        done=images,
        added=images,
        message=f"{images:,} added",
    )


def _image(job: Import, item: Item) -> Image:
    assert item.file is not None  # noqa: S101  it was filtered by
    image = Image(
        dataset=job.dataset,
        file=item.file,
        brought_by=job,
        name=item.filename[-MAX_TEXT_CHARS:],
        source=job.name,
        original=(item.source_url or item.filename)[-MAX_TEXT_CHARS:],
        metadata={"score": f"{item.score:.4f}", "model_version": item.model_version},
    )
    set_numbers(image, item.file.scores, None)
    return image
