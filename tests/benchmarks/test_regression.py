from dataclasses import replace

import pytest

from benchmarks.batch import Job
from benchmarks.regression import Ratio, compare, kept_ratios, kept_shares, ratios_of
from benchmarks.results import Machine, read_results
from benchmarks.targets import rows
from tests.benchmarks.measurements import measurement, round_of

HERE = Machine("a CPU", 2, ["avx2"])


@pytest.mark.parametrize(
    ("sign", "median", "is_worse"),
    [
        ("≥", 0.85, False),
        ("≥", 0.8, True),
        ("≥", 1.5, False),
        ("≤", 0.99, False),
        ("≤", 1.0, True),
        ("≤", 0.1, False),
    ],
)
def test_a_ratio_may_be_a_tenth_worse_than_the_kept_one(sign: str, median: float, is_worse: bool) -> None:
    ratio = Ratio("8 singles, D", sign, median)  # type: ignore[arg-type]
    assert compare([ratio], {"8 singles, D": 0.9}, HERE, HERE).is_worse == is_worse


def test_what_is_worse_is_named() -> None:
    compared = compare([Ratio("8 singles, D", "≥", 0.5)], {"8 singles, D": 0.9}, HERE, HERE)
    assert compared.lines == (
        "worse than kept: 8 singles, D: 0.5, and 0.9 before",
        "1 ratios compared with kept ones, 1 are worse",
    )


@pytest.mark.parametrize("other", [replace(HERE, cores=4), replace(HERE, features=["avx2", "avx512f"])])
def test_ratios_of_another_kind_of_machine_are_not_compared(other: Machine) -> None:
    compared = compare([Ratio("8 singles, D", "≥", 0.1)], {"8 singles, D": 0.9}, other, HERE)
    assert not compared.is_worse
    assert compared.lines == ("the kept ratios are of another kind of machine: nothing is compared",)


def test_times_and_sizes_are_no_ratios() -> None:
    names = [ratio.name for ratio in ratios_of(rows(measurement([round_of()])))]
    assert "8 concurrent single-image requests, D" in names
    assert not [name for name in names if name.endswith((", s", ", MB", ", of 1")) or "baseline's" in name]


def test_the_kept_result_has_ratios_of_names_that_are_measured() -> None:
    kept = kept_ratios(read_results()["service"])
    measured = {ratio.name for ratio in ratios_of(rows(measurement([round_of()])))}
    assert len(measured & kept.keys()) >= 8


def test_the_kept_batch_result_has_a_share_of_every_job() -> None:
    shares = kept_shares(read_results()["batch"])
    assert shares.keys() == {job.name for job in (Job("local", 2), Job("spark", 2), Job("local", 1))}
    assert all(0.5 < share < 1.1 for share in shares.values())
