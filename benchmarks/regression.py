"""The regression gate: ratios of a measurement against the kept ones of the same kind of machine.

Ratios alone are compared, never times or rates, for those tell of the machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results import Machine, Result, read_results, this_machine
from benchmarks.targets import ABOUT, ABSOLUTE, AT_LEAST, Row, Sign

WORSE = 3  # the exit status of a benchmark whose gate is shut

TOLERANCE = 0.1
"""How much worse a median may be than the kept one, as a share of that: quartiles were up to 4 % away."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A median, and the side on which it is better."""

    name: str
    sign: Sign
    median: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What to tell, and whether a ratio is worse than the tolerance allows."""

    lines: tuple[str, ...]
    is_worse: bool


def ratios_of(rows: Sequence[Row]) -> list[Ratio]:
    """Of the targets, those that are ratios and were measured; fidelity to another server is none."""
    return [
        Ratio(f"{row.name}, {row.unit}", row.sign, row.found.median)
        for row in rows
        if row.found and row.unit not in ABSOLUTE and row.sign != ABOUT
    ]


def compare_service(rows: Sequence[Row]) -> Compared:
    """Compare targets with the service's kept result."""
    kept = read_results()["service"]
    return compare(ratios_of(rows), kept_ratios(kept), kept.machine, this_machine())


def compare_batch(shares: Mapping[str, float]) -> Compared:
    """Compare jobs' shares of D, by the names of the jobs, with the kept result of batch scoring."""
    kept = read_results()["batch"]
    return compare(
        [Ratio(name, AT_LEAST, share) for name, share in shares.items()],
        kept_shares(kept),
        kept.machine,
        this_machine(),
    )


def kept_shares(batch: Result) -> dict[str, float]:
    """The shares of D of the kept jobs, by their names."""
    jobs = batch.table("Whole jobs")
    return {str(row[0]): jobs.number(str(row[0]), "of D") for row in jobs.rows}


def kept_ratios(service: Result) -> dict[str, float]:
    """The medians of the kept targets, by the names of `ratios_of`."""
    table = service.table("Targets")
    return {
        f"{row[0]}, {row[1]}": table.number(str(row[0]), "median")
        for row in table.rows
        if row[table.columns.index("median")] is not None
    }


def compare(found: Sequence[Ratio], kept: Mapping[str, float], of: Machine, here: Machine) -> Compared:
    """Compare ratios; on another kind of machine than the kept ones are of, nothing is.

    Args:
        found: Now.
        kept: Medians by the names of ratios; one that is not among them is not compared.
        of: The machine of the kept ones.
        here: This one.
    """
    if (of.cores, of.features) != (here.cores, here.features):
        return Compared(("the kept ratios are of another kind of machine: nothing is compared",), False)
    pairs = [(ratio, kept[ratio.name]) for ratio in found if ratio.name in kept]
    worse = [
        f"worse than kept: {ratio.name}: {ratio.median:.3g}, and {before:.3g} before"
        for ratio, before in pairs
        if loss(ratio, before) > TOLERANCE
    ]
    return Compared(
        (*worse, f"{len(pairs)} ratios compared with kept ones, {len(worse)} are worse"), bool(worse)
    )


def loss(ratio: Ratio, before: float) -> float:
    """By which share of the former median a ratio is worse; negative where it is better."""
    change = ratio.median / before - 1
    return -change if ratio.sign == AT_LEAST else change
