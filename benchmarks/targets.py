"""The targets: what the service is held to, in what the engine does on the same machine in the same round.

"Engine time" is cores / E: how long one image keeps one core's engine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.rounds import (
    BASELINE_FIFTY,
    BASELINE_SINGLES,
    BESIDE,
    EIGHT,
    EIGHT_BINARY,
    EIGHT_GRPC,
    FIFTIES,
    FIFTY,
    LARGE,
    ONE_AT_A_TIME,
    Round,
    Scenario,
)
from tests.harness.footprint import Footprint

MB = 1e6
FAITHFUL = 0.2  # how far the baseline may be from what was seen of LiftWing's server, as a share
LIFTWING_SINGLES, LIFTWING_FIFTIES = 0.03, 0.2  # its images/s, in E


@dataclass(frozen=True, slots=True)
class Bfloat16:
    """The engine in bf16: images/s against f32 of the same round; the largest shift of a golden score."""

    speed: list[float]
    shift: float


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """What one process holds, and the end of its command line."""

    command: str
    held: Footprint


@dataclass(frozen=True, slots=True)
class Measurement:
    """All that was measured.

    Attributes:
        ready_s: Seconds from start to ready, of each warm start of the service.
        memory: Of the service after the load, by process, the parent first.
        stages_cpu_ms: CPU milliseconds per image of each stage in a worker.
        bfloat16: None where the CPU has none.
    """

    cores: int
    rounds: list[Round]
    ready_s: list[float]
    memory: list[ProcessMemory]
    stages_cpu_ms: dict[str, float]
    bfloat16: Bfloat16 | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles over rounds."""

    low: float
    median: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} [{self.low:{spec}}–{self.high:{spec}}]"


@dataclass(frozen=True, slots=True)
class Row:
    """One target: what was measured, and whether it is met; None where it could not be measured."""

    name: str
    target: str
    measured: str
    met: bool | None


def spread(values: Sequence[float]) -> Spread:
    """Of one value, three times that."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, middle, high)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def rows(measured: Measurement) -> list[Row]:
    """Every target, in the order in which they are stated."""
    rounds = measured.rounds
    with_baseline = all(BASELINE_SINGLES.name in each.runs for each in rounds)
    return [
        _at_least("8 concurrent single-image requests", 0.84, "D", _throughputs(rounds, EIGHT)),
        _at_least("the same by V2 binary", 0.97, "× V1", _ratios(rounds, EIGHT_BINARY, EIGHT)),
        _at_least("the same by gRPC", 0.9, "× V1", _ratios(rounds, EIGHT_GRPC, EIGHT)),
        _at_least("50 per request, one caller", 0.95, "D", _throughputs(rounds, FIFTY)),
        _at_least("50 per request, three callers", 0.97, "D", _throughputs(rounds, FIFTIES)),
        _at_least(
            "D itself", 0.82, "E", [each.decoding.images_per_s / each.engine.images_per_s for each in rounds]
        ),
        _at_most("single image, idle, p50", 1.5, "engine times", _latencies(measured, ONE_AT_A_TIME, 50)),
        _at_most(
            "single image while two callers send 50s, p95",
            3,
            "engine times",
            _latencies(measured, BESIDE, 95),
        ),
        *(_against_baseline(rounds) if with_baseline else ()),
        _at_most("12 MP JPEG inline, over the engine's time, p50", 40, "ms", _overheads_ms(measured)),
        _memory(measured.memory),
        _at_most("warm start to ready", 3, "s", measured.ready_s),
        *_bfloat16(measured.bfloat16),
    ]


def engine_time_s(cores: int, each: Round) -> float:
    return cores / each.engine.images_per_s


def _throughputs(rounds: Sequence[Round], scenario: Scenario) -> list[float]:
    return [each.runs[scenario.name].images_per_s / each.decoding.images_per_s for each in rounds]


def _latencies(measured: Measurement, scenario: Scenario, percent: int) -> list[float]:
    return [
        percentile(each.runs[scenario.name].latencies_s, percent) / engine_time_s(measured.cores, each)
        for each in measured.rounds
    ]


def _overheads_ms(measured: Measurement) -> list[float]:
    return [
        1000 * (median(each.runs[LARGE.name].latencies_s) - engine_time_s(measured.cores, each))
        for each in measured.rounds
    ]


def _ratios(rounds: Sequence[Round], of: Scenario, to: Scenario) -> list[float]:
    return [each.runs[of.name].images_per_s / each.runs[to.name].images_per_s for each in rounds]


def _against_baseline(rounds: Sequence[Round]) -> list[Row]:
    return [
        _at_least("single images against the baseline", 25, "×", _ratios(rounds, EIGHT, BASELINE_SINGLES)),
        _at_least("50 per request against the baseline", 4, "×", _ratios(rounds, FIFTY, BASELINE_FIFTY)),
        _faithful("the baseline's single images", LIFTWING_SINGLES, rounds, BASELINE_SINGLES),
        _faithful("the baseline's 50 per request", LIFTWING_FIFTIES, rounds, BASELINE_FIFTY),
    ]


def _faithful(name: str, target: float, rounds: Sequence[Round], scenario: Scenario) -> Row:
    found = spread([each.runs[scenario.name].images_per_s / each.engine.images_per_s for each in rounds])
    met = abs(found.median / target - 1) <= FAITHFUL
    return Row(name, f"{target:g} E ± {FAITHFUL:.0%}", f"{found:.3f} E", met)


def _memory(memory: Sequence[ProcessMemory]) -> Row:
    megabytes = sum(each.held.pss for each in memory) / MB
    return Row(
        "memory of the process tree after the load (PSS)", "≤ 450 MB", f"{megabytes:.0f} MB", megabytes <= 450
    )


def _bfloat16(found: Bfloat16 | None) -> list[Row]:
    if found is None:
        return [Row("bf16", "≥ 1.4 × f32, shift ≤ 0.01", "not measured here: this CPU has no bf16", None)]
    return [
        _at_least("bf16, engine", 1.4, "× f32", found.speed),
        Row("bf16, largest shift of a golden score", "≤ 0.01", f"{found.shift:.4f}", found.shift <= 0.01),
    ]


def _at_least(name: str, target: float, unit: str, values: Sequence[float]) -> Row:
    return _row(name, "≥", target, unit, values, lambda value: value >= target)


def _at_most(name: str, target: float, unit: str, values: Sequence[float]) -> Row:
    return _row(name, "≤", target, unit, values, lambda value: value <= target)


def _row(
    name: str, sign: str, target: float, unit: str, values: Sequence[float], holds: Callable[[float], bool]
) -> Row:
    found = spread(values)
    decimals = ".1f" if found.median >= 10 else ".2f"
    return Row(name, f"{sign} {target:g} {unit}", f"{found:{decimals}} {unit}", holds(found.median))
