"""The targets: what the service is held to, in what the engine does on the same machine in the same round.

"Engine time" is cores / E: how long one image keeps one core's engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final, Literal

from benchmarks.rounds import (
    BASELINE_FIFTY,
    BASELINE_SINGLES,
    BESIDE,
    EIGHT,
    EIGHT_BINARY,
    EIGHT_GRPC,
    FIFTIES,
    FIFTY,
    LARGE_FILES,
    ONE_AT_A_TIME,
    Round,
    Scenario,
)
from logo_detection.classifier import Precision
from tests.harness.footprint import Footprint

MB = 1e6
ABSOLUTE = ("MB", "s", "of 1")
"""Units that tell of the machine, or of the model, rather than of the service beside its engine."""
FAITHFUL = 0.2  # how far the baseline may be from what was seen of LiftWing's server, as a share
LIFTWING_SINGLES, LIFTWING_FIFTIES = 0.03, 0.2  # its images/s, in E


@dataclass(frozen=True, slots=True)
class Narrow:
    """The engine in bf16 or int8: images/s against f32 of the same turn; a golden score's largest shift."""

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
        int8: None where the CPU, or the artifact, has none.
    """

    cores: int
    rounds: list[Round]
    ready_s: list[float]
    memory: list[ProcessMemory]
    stages_cpu_ms: dict[str, float]
    bfloat16: Narrow | None
    int8: Narrow | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles over rounds."""

    low: float
    median: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} [{self.low:{spec}}–{self.high:{spec}}]"


Sign = Literal["≥", "≤", "≈"]
AT_LEAST: Final = "≥"
AT_MOST: Final = "≤"
ABOUT: Final = "≈"


@dataclass(frozen=True, slots=True)
class Row:
    """One target.

    Attributes:
        name: What is measured.
        unit: What in; a ratio's names what it is a ratio to, an absolute one is of ABSOLUTE.
        sign: Which side of the aim the median has to be; of ABOUT, within FAITHFUL of it.
        aim: In that unit.
        found: None where it could not be measured.
    """

    name: str
    unit: str
    sign: Sign
    aim: float
    found: Spread | None

    @property
    def met(self) -> bool | None:
        """Whether the median is where it should be; None where there is none."""
        if self.found is None:
            return None
        if self.sign == ABOUT:
            return abs(self.found.median / self.aim - 1) <= FAITHFUL
        return self.found.median >= self.aim if self.sign == AT_LEAST else self.found.median <= self.aim

    @property
    def target(self) -> str:
        """The aim in words."""
        return f"{self.sign} {self.aim:g} {self.unit}".rstrip()

    @property
    def measured(self) -> str:
        """The spread in words."""
        return "not measured here" if self.found is None else f"{self.found:.3g} {self.unit}".rstrip()


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
    """Every target, in the order in which they are stated; rates are those of `Run.rate`."""
    rounds, cores = measured.rounds, measured.cores
    with_baseline = all(BASELINE_SINGLES.name in each.runs for each in rounds)
    memory = sum(each.held.pss for each in measured.memory) / MB
    return [
        _row("8 concurrent single-image requests", "D", AT_LEAST, 0.9, _of_decoding(measured, EIGHT)),
        _row("the same by V2 binary", "× V1", AT_LEAST, 0.97, _ratios(measured, EIGHT_BINARY, EIGHT)),
        _row("the same by gRPC", "× V1", AT_LEAST, 0.97, _ratios(measured, EIGHT_GRPC, EIGHT)),
        _row("50 per request, one caller", "D", AT_LEAST, 0.95, _of_decoding(measured, FIFTY)),
        _row("50 per request, three callers", "D", AT_LEAST, 0.97, _of_decoding(measured, FIFTIES)),
        _row(
            "D itself",
            "E",
            AT_LEAST,
            0.82,
            [each.decoding.images_per_s / each.engine.images_per_s for each in rounds],
        ),
        _row(
            "single image, idle, p50",
            "engine times",
            AT_MOST,
            1.5,
            _latencies(measured, ONE_AT_A_TIME, 50),
        ),
        _row(
            "single image while two callers send 50s, p95",
            "engine times",
            AT_MOST,
            2.5,
            _latencies(measured, BESIDE, 95),
        ),
        *(_against_baseline(measured) if with_baseline else ()),
        *(
            _row(
                f"{scenario.name}, over the engine's time, p50",
                "× the best decoder",
                AT_MOST,
                1.15,
                [_over_engine_ms(cores, each, scenario) / each.decoders_ms[file] for each in rounds],
            )
            for scenario, file in LARGE_FILES.items()
        ),
        _row("memory of the process tree after the load (PSS)", "MB", AT_MOST, 350, [memory]),
        _row("warm start to ready", "s", AT_MOST, 2, measured.ready_s),
        *_narrow("bf16", measured.bfloat16, 1.4),
        *_narrow("int8", measured.int8, 1.5),
        _row(
            "bf16, largest shift of a golden score",
            "of 1",
            AT_MOST,
            0.01,
            [] if measured.bfloat16 is None else [measured.bfloat16.shift],
        ),
    ]


def _row(name: str, unit: str, sign: Sign, aim: float, values: Sequence[float]) -> Row:
    return Row(name, unit, sign, aim, spread(values) if values else None)


def engine_time_s(cores: int, each: Round) -> float:
    return cores / each.engine.images_per_s


def _of_decoding(measured: Measurement, scenario: Scenario) -> list[float]:
    return [
        each.runs[scenario.name].rate(measured.cores) / each.decoding.images_per_s for each in measured.rounds
    ]


def _latencies(measured: Measurement, scenario: Scenario, percent: int) -> list[float]:
    return [
        percentile(each.runs[scenario.name].latencies_s, percent) / engine_time_s(measured.cores, each)
        for each in measured.rounds
    ]


def _over_engine_ms(cores: int, each: Round, scenario: Scenario) -> float:
    return 1000 * (median(each.runs[scenario.name].latencies_s) - engine_time_s(cores, each))


def _ratios(measured: Measurement, of: Scenario, to: Scenario) -> list[float]:
    return [
        each.runs[of.name].rate(measured.cores) / each.runs[to.name].rate(measured.cores)
        for each in measured.rounds
    ]


def _against_baseline(measured: Measurement) -> list[Row]:
    singles, fifties = (
        [each.runs[scenario.name].images_per_s / each.engine.images_per_s for each in measured.rounds]
        for scenario in (BASELINE_SINGLES, BASELINE_FIFTY)
    )
    times = "× the baseline"
    return [
        _row("single images", times, AT_LEAST, 25, _ratios(measured, EIGHT, BASELINE_SINGLES)),
        _row("50 per request", times, AT_LEAST, 4, _ratios(measured, FIFTY, BASELINE_FIFTY)),
        _row("the baseline's single images", "E", ABOUT, LIFTWING_SINGLES, singles),
        _row("the baseline's 50 per request", "E", ABOUT, LIFTWING_FIFTIES, fifties),
    ]


def _narrow(precision: Precision, found: Narrow | None, aim: float) -> list[Row]:
    return [_row(f"{precision}, engine", "× f32", AT_LEAST, aim, found.speed if found else [])]
