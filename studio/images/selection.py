"""Selections: which images of a data set, in which order, and the page of them that begins somewhere.

A page begins after a place in an order, not at a number: so the hundred-thousandth image comes as fast as the
first, and an image that somebody labels meanwhile moves none of the others to another page.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet

from logo_detection.errors import LogoDetectionError
from studio.images.models import MAX_TEXT_CHARS, Dataset, Image, LabelClass

IMAGES_PER_PAGE = 60
NO_LABEL = "-"
"""As a label to filter by: images without one. No class can have this name."""

# By name: the field that is ordered by before the key, and whether the highest comes first.
ORDERS: Mapping[str, tuple[str, bool]] = {
    "oldest": ("", False),
    "newest": ("", True),
    "uncertain": ("uncertainty", True),
    "likely": ("score", True),
    "unlikely": ("score", False),
    "disagreeing": ("disagreement", True),
}
RANGES = ("score", "uncertainty", "disagreement")
_PLACE = re.compile(r"(?:(-?[0-9.e-]{1,30}):)?([0-9]{1,18})")


class SelectionInvalid(LogoDetectionError):
    """A selection is not one. One line that names the field."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which images, in which order.

    Attributes:
        label: A class's name, NO_LABEL, or empty for all.
        source: Exactly; empty for all.
        bounds: By number of `RANGES`, the lowest and the highest that are wanted.
        order: One of `ORDERS`.
        after: The place after which a page begins; empty for the first.
    """

    label: str = ""
    source: str = ""
    bounds: tuple[tuple[str, float, float], ...] = ()
    order: str = "oldest"
    after: str = ""

    def as_fields(self) -> dict[str, str]:
        """As `read_selection` reads it, without what is not asked for."""
        fields = {"label": self.label, "source": self.source, "order": self.order, "after": self.after}
        for name, low, high in self.bounds:
            fields |= {f"{name}_min": _text(low), f"{name}_max": _text(high)}
        return {
            name: value for name, value in fields.items() if value and (name, value) != ("order", "oldest")
        }


@dataclass(frozen=True, slots=True)
class Page:
    """Some images, and the selection that goes on after them; None: there are no more."""

    images: tuple[Image, ...]
    following: Selection | None


def read_selection(fields: Mapping[str, str], classes: Mapping[str, LabelClass]) -> Selection:
    """The selection that the fields of an address or a form ask for.

    Raises:
        SelectionInvalid: One of them is not valid; names it.
    """
    label, order = fields.get("label", ""), fields.get("order") or "oldest"
    source, after = fields.get("source", ""), fields.get("after", "")
    if label and label != NO_LABEL and label not in classes:
        raise SelectionInvalid(f"label: {label!r} is no class of this data set")
    if order not in ORDERS:
        raise SelectionInvalid(f"order: is one of {', '.join(ORDERS)}")
    if len(source) > MAX_TEXT_CHARS:
        raise SelectionInvalid(f"source: has more than {MAX_TEXT_CHARS} characters")
    bounds = tuple(bound for name in RANGES if (bound := _bound(fields, name)))
    selection = Selection(label, source, bounds, order, after)
    if after:
        _place(selection)
    return selection


def chosen(dataset: Dataset, selection: Selection) -> QuerySet[Image]:
    """All images of a selection, in no order."""
    images = dataset.images.all()
    if selection.label:
        images = images.filter(**_of_label(dataset, selection.label))
    if selection.source:
        images = images.filter(source=selection.source)
    for name, low, high in selection.bounds:
        images = images.filter(**{f"{name}__gte": low, f"{name}__lte": high})
    return images


def read_page(dataset: Dataset, selection: Selection, size: int = IMAGES_PER_PAGE) -> Page:
    """The page of a selection that begins after its place."""
    name, descending = ORDERS[selection.order]
    images = chosen(dataset, selection)
    if selection.after:
        images = images.filter(_after(selection))
    sign = "-" if descending else ""
    ordered = images.order_by(*(f"{sign}{field}" for field in (name, "id") if field))
    found = tuple(ordered.select_related("label")[: size + 1])
    shown = found[:size]
    following = replace(selection, after=_place_of(shown[-1], name)) if len(found) > size else None
    return Page(shown, following)


def _of_label(dataset: Dataset, label: str) -> dict[str, object]:
    return {"label__isnull": True} if label == NO_LABEL else {"label": dataset.classes.get(name=label)}


def _bound(fields: Mapping[str, str], name: str) -> tuple[str, float, float] | None:
    """The bounds of a number; without either, images of which it is not known are wanted, too."""
    low, high = (fields.get(f"{name}_{end}", "").strip() for end in ("min", "max"))
    if not low and not high:
        return None
    return name, _share(f"{name}_min", low or "0"), _share(f"{name}_max", high or "1")


def _share(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise SelectionInvalid(f"{name}: is a number from 0 to 1")
    return value


def _text(value: float) -> str:
    return f"{value:g}"


def _place_of(image: Image, name: str) -> str:
    return f"{getattr(image, name)!r}:{image.pk}" if name else str(image.pk)


def _place(selection: Selection) -> tuple[float, int]:
    found = _PLACE.fullmatch(selection.after)
    name, _ = ORDERS[selection.order]
    if found is None or (found[1] is None) != (not name):
        raise SelectionInvalid("after: is not a place in this order")
    try:
        return float(found[1] or 0), int(found[2])
    except ValueError:
        raise SelectionInvalid("after: is not a place in this order") from None


def _after(selection: Selection) -> Q:
    """The condition of standing after the place; that on the number alone is what an index needs."""
    name, descending = ORDERS[selection.order]
    value, key = _place(selection)
    beyond = "lt" if descending else "gt"
    further = Q(**{f"id__{beyond}": key})
    if not name:
        return further
    return Q(**{f"{name}__{beyond}e": value}) & (Q(**{f"{name}__{beyond}": value}) | further)
