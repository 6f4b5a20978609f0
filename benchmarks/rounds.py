"""The rounds: everything is measured for a few seconds, in turn, and that again and again.

What one machine does drifts within minutes. So a figure is compared with E and D of its own round only,
and what is reported is the median over rounds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.engine import Ceiling, busy_s, measure_ceiling
from benchmarks.requests import BINARY, GRPC
from tests.harness.load import Group, LoadGenerator, Sent
from tests.harness.process import HarnessError, Subprocess
from tests.harness.server import CpuSeconds, RunningServer


@dataclass(frozen=True, slots=True)
class Scenario:
    """Groups that call one server at the same time; the first of them is the one that is measured."""

    name: str
    groups: tuple[Group, ...]
    seconds: float
    server: str = "service"
    over_grpc: bool = False


ONE_AT_A_TIME = Scenario("1 single", (Group("one", 1),), 2.5)
EIGHT = Scenario("8 singles", (Group("one", 8),), 3)
EIGHT_BINARY = Scenario("8 singles, V2 binary", (Group(BINARY, 8),), 3)
EIGHT_GRPC = Scenario("8 singles, gRPC", (Group(GRPC, 8),), 3, over_grpc=True)
FIFTY = Scenario("50 per request, 1 caller", (Group("fifty", 1),), 4)
FIFTIES = Scenario("50 per request, 3 callers", (Group("fifty", 3),), 4)
BESIDE = Scenario("1 single beside 2 callers of 50", (Group("one", 1, pause_s=0.04), Group("fifty", 2)), 4)
LARGE = Scenario("12 MP JPEG", (Group("large.jpg", 1),), 1.5)
LARGE_PROGRESSIVE = Scenario("12 MP progressive JPEG", (Group("progressive.jpg", 1),), 1.5)
LARGE_PNG = Scenario("12 MP PNG", (Group("large.png", 1),), 1.5)
LARGE_FILES = {LARGE: "large.jpg", LARGE_PROGRESSIVE: "progressive.jpg", LARGE_PNG: "large.png"}
BASELINE_SINGLES = Scenario("baseline: 8 singles", (Group("one", 8),), 2.5, "baseline")
BASELINE_FIFTY = Scenario("baseline: 50 per request", (Group("fifty", 1),), 3, "baseline")
SCENARIOS = (
    ONE_AT_A_TIME,
    Scenario("4 singles", (Group("one", 4),), 2),
    EIGHT,
    EIGHT_BINARY,
    EIGHT_GRPC,
    Scenario("16 singles", (Group("one", 16),), 2),
    FIFTY,
    FIFTIES,
    Scenario("8 singles by url", (Group("url", 8),), 2),
    Scenario("50 by url, 1 caller", (Group("fifty urls", 1),), 2),
    Scenario("50 mixed, 1 caller", (Group("fifty mixed", 1),), 2),
    BESIDE,
    *LARGE_FILES,
    BASELINE_SINGLES,
    BASELINE_FIFTY,
)
CEILING_S = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario in one round.

    Attributes:
        images_per_s: Of the measured group.
        latencies_s: Of its requests.
        images: Of all groups.
        cpu: What the server took, seconds.
        callers_cpu_s: What the callers took.
        others_cores: Cores that went to processes which are not the benchmark's, on average.
    """

    images_per_s: float
    latencies_s: list[float]
    seconds: float
    images: int
    cpu: CpuSeconds
    callers_cpu_s: float
    others_cores: float

    @property
    def callers_cores(self) -> float:
        """Cores that the callers kept busy, on average."""
        return self.callers_cpu_s / self.seconds

    def rate(self, cores: int) -> float:
        """Images per second, had the callers not shared the server's cores: by it, targets are judged."""
        return self.images_per_s * cores / (cores - self.callers_cores)


@dataclass(frozen=True, slots=True)
class Round:
    """E, D, a run of each scenario by name, and milliseconds of the best decoder by large file."""

    engine: Ceiling
    decoding: Ceiling
    runs: dict[str, Run]
    decoders_ms: dict[str, float]


@dataclass(frozen=True, slots=True)
class Bench:
    """All that takes part."""

    ceilings: Sequence[Subprocess]
    load: LoadGenerator
    origin: Subprocess
    servers: dict[str, RunningServer]
    large_files: Path

    def rounds(self, count: int, pace: float, scenarios: Sequence[Scenario]) -> Iterator[Round]:
        """Every round in another order; `pace` scales the seconds that each measurement takes."""
        for number in range(count):
            yield self._round(pace, scenarios, number)

    def warm_up(self, scenarios: Sequence[Scenario]) -> None:
        """Everything once, for a moment."""
        self._round(0.1, scenarios, 0)

    def _round(self, pace: float, scenarios: Sequence[Scenario], number: int) -> Round:
        reached: dict[str, Ceiling] = {}
        runs: dict[str, Run] = {}
        decoders_ms: dict[str, float] = {}

        def ceiling(do: str) -> None:
            reached[do] = measure_ceiling(self.ceilings, do, CEILING_S * pace)

        def run(scenario: Scenario) -> None:
            runs[scenario.name] = self._run(scenario, pace)

        def decoders() -> None:
            decoders_ms.update(self.ceilings[0].ask({"do": "decoders", "folder": str(self.large_files)}))

        steps: list[Callable[[], None]] = [lambda: ceiling("engine"), lambda: ceiling("decoding"), decoders]
        steps += [lambda scenario=scenario: run(scenario) for scenario in scenarios]  # type: ignore[misc]
        start = number * len(steps) // 3 % len(steps)
        for step in steps[start:] + steps[:start]:
            step()
        return Round(reached["engine"], reached["decoding"], runs, decoders_ms)

    def _run(self, scenario: Scenario, pace: float) -> Run:
        server = self.servers[scenario.server]
        began, busy, ours, cpu = perf_counter(), busy_s(), self._cpu_s(), server.cpu()
        port = server.grpc_port if scenario.over_grpc and server.grpc_port else server.port
        sent = self.load.send(port, scenario.seconds * pace, *scenario.groups)
        if sent.fault:
            raise HarnessError(f"{scenario.name}: an answer is not what it should be: {sent.fault}")
        used = server.cpu() - cpu
        others_s = (busy_s() - busy) - (self._cpu_s() - ours)
        return _run_of(sent, used, others_s / (perf_counter() - began))

    def _cpu_s(self) -> float:
        beside = [psutil.Process(each.pid).cpu_times() for each in (self.load, self.origin)]
        servers = [server.cpu() for server in self.servers.values()]
        return float(
            sum(times.user + times.system for times in beside)
            + sum(used.parent + used.workers for used in servers)
        )


def _run_of(sent: Sent, used: CpuSeconds, others_cores: float) -> Run:
    measured = sent.groups[0]
    return Run(
        images_per_s=sum(answer.scored for answer in measured) / sent.seconds,
        latencies_s=[answer.seconds for answer in measured],
        seconds=sent.seconds,
        images=sent.scored,
        cpu=used,
        callers_cpu_s=sent.cpu_s,
        others_cores=others_cores,
    )
