"""Results: what the decisions in a queue say of its alarms."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet

from studio.review.estimates import Estimate, Stratum, recall, share
from studio.review.models import BANDS, DATA, Item, Queue, Verdict

MAX_DAYS = 60


@dataclass(frozen=True, slots=True)
class Part:
    """Some alarms: those of a day, or of a band of scores.

    Attributes:
        name: As people call it.
        files: How many there are.
        yes: Settled so.
        no: Likewise.
        unsure: Likewise: they count neither way.
        precision: None where none is settled as yes or no.
    """

    name: str
    files: int
    yes: int
    no: int
    unsure: int
    precision: Estimate | None


@dataclass(frozen=True, slots=True)
class Results:
    """What is known of a queue's alarms.

    Attributes:
        whole: All of them.
        days: The newest first, at most MAX_DAYS.
        bands: The highest first.
        drawn: Of the files below the threshold, how many were drawn, and what they were.
        below: How many those files are in all.
        recall: None where it cannot be told.
    """

    whole: Part
    days: tuple[Part, ...]
    bands: tuple[Part, ...]
    drawn: Part
    below: int
    recall: Estimate | None


def read_results(queue: Queue) -> Results:
    """What the decisions say until now."""
    alarms, others = (queue.items.filter(is_alarm=is_alarm) for is_alarm in (True, False))
    whole, drawn = _whole("all alarms", alarms), _whole("drawn", others)
    below = drawn.files + queue.passed_over.count()
    return Results(
        whole=whole,
        days=tuple(_days(alarms)),
        bands=tuple(_bands(queue, alarms)),
        drawn=drawn,
        below=below,
        recall=recall(_stratum(whole, whole.files), _stratum(drawn, below)),
    )


def _stratum(part: Part, files: int) -> Stratum:
    return Stratum(files, part.yes + part.no, part.yes)


def _whole(name: str, items: QuerySet[Item]) -> Part:
    rows = items.order_by().values_list("verdict").annotate(Count("pk"))
    return _part(name, rows)


def _days(alarms: QuerySet[Item]) -> Iterable[Part]:
    """By the day, in UTC, on which they were scored."""
    rows = alarms.order_by().values_list("day", "verdict")
    counts: dict[date, list[tuple[str, int]]] = defaultdict(list)
    for day, verdict, count in rows.annotate(Count("pk")):
        counts[day].append((verdict, count))
    for day in sorted(counts, reverse=True)[:MAX_DAYS]:
        yield _part(day.isoformat(), counts[day])


def _bands(queue: Queue, alarms: QuerySet[Item]) -> Iterable[Part]:
    """A band has its lower end in it, and not its upper; the lowest one begins at the threshold."""
    rows = alarms.order_by().values_list("band", "verdict")
    counts: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for band, verdict, count in rows.annotate(Count("pk")):
        counts[band].append((verdict, count))
    for band in sorted(counts, reverse=True):
        low = max(queue.threshold, band / BANDS)
        yield _part(f"{low:.4g} to {(band + 1) / BANDS:.1f}", counts[band])


def _part(name: str, rows: Iterable[tuple[str, int]]) -> Part:
    counts = dict(rows)
    yes, no = (counts.get(verdict, 0) for verdict in DATA)
    return Part(
        name=name,
        files=sum(counts.values()),
        yes=yes,
        no=no,
        unsure=counts.get(Verdict.UNSURE, 0),
        precision=share(yes, yes + no),
    )
