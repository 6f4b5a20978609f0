"""Estimates: how good alarms are, as a sample of decisions tells, with intervals of 95 %.

**Precision** is a share, with Wilson's interval (E. B. Wilson, "Probable inference, the law of succession,
and statistical inference", JASA 22, 1927).

**Recall** is estimated from two strata, each a simple random sample (W. G. Cochran, "Sampling Techniques",
3rd edition, 1977, chapter 5): of N1 alarms a share p1 shows what the queue is about, of the N0 other files a
share p0:

    recall = N1 p1 / (N1 p1 + N0 p0) = 1 / (1 + r),  r = (N0 p0) / (N1 p1)

Its interval is that of the ratio p0 / p1, turned over. The ratio's is MOVER-R (A. Donner and G. Y. Zou,
"Closed-form confidence intervals for functions of the normal mean and standard deviation", Statistical
Methods in Medical Research 21, 2012; R. G. Newcombe, "MOVER-R confidence intervals for ratios and products of
two independently estimated quantities", the same 25, 2016), made of Wilson's intervals of p0 and p1. It stays
sound where no drawn file was missed.
"""

import math
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number from 0 to 1, and an interval about it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """A part of all files, some of which were drawn by chance and decided about.

    Attributes:
        files: In all.
        decided: Of them, with the verdict yes or no.
        yes: Of those, with the verdict yes.
    """

    files: int
    decided: int
    yes: int


def share(yes: int, decided: int) -> Estimate | None:
    """The share of those that are, among those that were decided. None: none was."""
    if decided == 0:
        return None
    from scipy.stats import binomtest  # takes a second, which not every start of the studio has to take

    interval = binomtest(yes, decided).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(yes / decided, float(interval.low), float(interval.high))


def recall(alarms: Stratum, others: Stratum) -> Estimate | None:
    """The share of alarms among all files that show what the queue is about.

    None: it cannot be told, as of the alarms no file shows it, or of the others none was decided.
    """
    found, missed = share(alarms.yes, alarms.decided), share(others.yes, others.decided)
    if found is None or missed is None or found.value == 0:
        return None
    per_alarm = others.files / alarms.files
    low, high = _ratio_interval(missed, found)
    return Estimate(
        1 / (1 + per_alarm * missed.value / found.value),
        1 / (1 + per_alarm * high),
        1 / (1 + per_alarm * low),
    )


def _ratio_interval(over: Estimate, under: Estimate) -> tuple[float, float]:
    """The interval of a ratio, by MOVER-R; `under` is above 0, and so is its low end.

    The low end is written with the conjugate of its numerator, so that no divisor is nothing.
    """
    product = over.value * under.value
    low_part = over.low * (2 * over.value - over.low)
    root = math.sqrt(max(0.0, product**2 - low_part * under.high * (2 * under.value - under.high)))
    low = low_part / (product + root) if product else 0.0
    divisor = under.low * (2 * under.value - under.low)
    root = math.sqrt(max(0.0, product**2 - over.high * (2 * over.value - over.high) * divisor))
    return low, (product + root) / divisor
