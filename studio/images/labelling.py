"""Labelling: labels change here alone, and every change is kept, with who made it, when and why.

A change is undone by another one, which gives each image the label that it had before, unless somebody has
given it another one meanwhile.
"""

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction
from django.db.models import QuerySet

from logo_detection.errors import LogoDetectionError
from studio.images.access import Visit
from studio.images.models import Change, Dataset, Image, LabelClass, Labelling
from studio.images.scores import disagreement_of
from studio.people import audit
from studio.people.models import User
from studio.people.undoing import wait_for_own_undoing

ROWS = 2000
"""Images that are changed at a time."""


class LabellingRefused(LogoDetectionError):
    """Labels cannot be changed so. One line."""


class NotTheirs(LabellingRefused):
    """Somebody else made the change."""


@transaction.atomic
def label_images(
    by: User,
    dataset: Dataset,
    images: Iterable[int],
    label: LabelClass | None,
    why: str = "",
    kind: Change.Kind = Change.Kind.LABEL,
) -> Change | None:
    """Label images of a data set, or take their label away.

    Args:
        by: Who does it.
        dataset: Images of others are left alone.
        images: Their keys.
        label: A class of the data set; None: no label.
        why: As they say.
        kind: Of the change.

    Returns:
        The change; None where all images had that label already.
    """
    chosen = dataset.images.filter(pk__in=list(images))
    return _change(by, dataset, chosen, label, why, kind)


@transaction.atomic
def label_all(
    by: User, dataset: Dataset, chosen: QuerySet[Image], label: LabelClass | None, why: str
) -> Change | None:
    """Label all images of a query of the data set, as `label_images` does; the audit log tells it."""
    change = _change(by, dataset, chosen, label, why, Change.Kind.BULK)
    if change is not None:
        name = label.name if label else "no label"
        audit.record(by, "label many", dataset, f"{change.images:,} images: {name}")
    return change


def _change(
    by: User,
    dataset: Dataset,
    chosen: QuerySet[Image],
    label: LabelClass | None,
    why: str,
    kind: Change.Kind,
) -> Change | None:
    others = chosen.filter(label__isnull=False) if label is None else chosen.exclude(label=label)
    keys = list(others.order_by("pk").values_list("pk", flat=True))
    if not keys:
        return None
    change = Change.objects.create(dataset=dataset, kind=kind, by=by, why=why, images=len(keys))
    for images in _images(keys):
        _set(change, [(image, label) for image in images])
    return change


@transaction.atomic
def undo(by: User, change: Change) -> Change:
    """Undo a change. Returns the change that does it.

    Raises:
        LabellingRefused: It has been undone already.
    """
    Change.objects.select_for_update().get(pk=change.pk)  # of those who undo it at once, one does
    if Change.objects.filter(undoes=change).exists():
        raise LabellingRefused(f"change {change.pk} has been undone already")
    undoing = Change.objects.create(
        dataset=change.dataset, kind=Change.Kind.UNDO, by=by, undoes=change, images=0
    )
    keys = change.labellings.order_by("pk").values_list("image_id", "before_id", "after_id")
    former = {image: (before, after) for image, before, after in keys}
    classes = {each.pk: each for each in change.dataset.classes.all()}
    for images in _images(sorted(former)):
        untouched = [image for image in images if image.label_id == former[image.pk][1]]
        _set(undoing, [(image, classes.get(former[image.pk][0] or 0)) for image in untouched])
        undoing.images += len(untouched)
    undoing.save(update_fields=["images"])
    return undoing


@transaction.atomic
def undo_last(by: User, dataset: Dataset) -> Change | None:
    """Undo the last change of labels that somebody made. Returns it; None: there is none.

    Raises:
        LabellingRefused: A reviewer has undone it meanwhile.
    """
    wait_for_own_undoing(by)
    last = last_undoable(by, dataset)
    if last is not None:
        undo(by, last)
    return last


@transaction.atomic
def undo_as_visitor(visit: Visit, change: Change) -> Change:
    """Undo a change of the data set that is visited: one's own, or as a reviewer anybody's.

    Raises:
        NotTheirs: It is somebody else's, and the visitor is no reviewer.
        LabellingRefused: It has been undone already.
    """
    is_own = change.by_id == visit.user.pk and change.kind in (Change.Kind.LABEL, Change.Kind.BULK)
    if not (is_own or visit.may_review):
        raise NotTheirs("this change is somebody else's: a reviewer may undo it")
    undoing = undo(visit.user, change)
    audit.record(visit.user, "undo change", visit.dataset, f"change {change.pk}")
    return undoing


def last_undoable(by: User, dataset: Dataset) -> Change | None:
    """The last change of labels that somebody made and that is not undone."""
    own = dataset.changes.filter(
        by=by, kind__in=(Change.Kind.LABEL, Change.Kind.BULK), undone_by__isnull=True
    )
    return own.order_by("-pk").first()


def _images(keys: Sequence[int]) -> Iterator[list[Image]]:
    """Images with their files' scores, some at a time; nobody else changes them meanwhile."""
    for start in range(0, len(keys), ROWS):
        some = Image.objects.select_for_update(of=("self",)).select_related("file")
        yield list(some.defer("file__colours").filter(pk__in=keys[start : start + ROWS]).order_by("pk"))


def _set(change: Change, labels: Sequence[tuple[Image, LabelClass | None]]) -> None:
    """Give images labels; their former ones are kept in the change."""
    rows = [
        Labelling(change=change, image=image, before_id=image.label_id, after=label)
        for image, label in labels
    ]
    for image, label in labels:
        image.label = label
        image.disagreement = disagreement_of(image.file.scores, label.name if label else None)
    Labelling.objects.bulk_create(rows, batch_size=ROWS)
    Image.objects.bulk_update([image for image, _ in labels], ["label", "disagreement"], batch_size=200)
