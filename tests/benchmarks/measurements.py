"""A measurement of a service that meets its targets, made up, for tests of what is done with one."""

from benchmarks.engine import Ceiling
from benchmarks.rounds import LARGE_FILES, SCENARIOS, Round, Run
from benchmarks.targets import Measurement, ProcessMemory
from tests.harness.footprint import Footprint
from tests.harness.server import CpuSeconds


def measurement(rounds: list[Round]) -> Measurement:
    return Measurement(
        cores=2,
        rounds=rounds,
        ready_s=[2.5, 2.0, 2.2],
        memory=[ProcessMemory("model_server", Footprint(rss=300e6, pss=200e6, private=180e6))],
        stages_cpu_ms={"base64": 0.1, "score": 9.0},
        bfloat16=None,
        int8=None,
    )


def round_of(engine: float = 200.0, decoding: float = 180.0, images_per_s: float = 178.0) -> Round:
    """Engine time is 10 ms at 200 images/s and two cores; every request takes 12 ms, a large one 40."""
    return Round(
        Ceiling(engine, 10.0, 0.0),
        Ceiling(decoding, 11.0, 0.0),
        {
            scenario.name: run(
                images_per_s / 30 if scenario.server == "baseline" else images_per_s,
                0.04 if scenario in LARGE_FILES else 0.012,
            )
            for scenario in SCENARIOS
        },
        dict.fromkeys(LARGE_FILES.values(), 30.0),
    )


def run(images_per_s: float, latency_s: float) -> Run:
    return Run(
        images_per_s=images_per_s,
        latencies_s=[latency_s] * 20,
        seconds=1.0,
        images=round(images_per_s),
        cpu=CpuSeconds(0.2, 1.6),
        callers_cpu_s=0.02,
        others_cores=0.0,
    )
