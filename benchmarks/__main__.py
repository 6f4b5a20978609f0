"""The benchmark: one command, one run, one report.

    python -m benchmarks [--quick] [--rounds N] [--gate] [--no-baseline] [--output FOLDER]

Exit status 0: measured; 1: something went wrong; 3, with --gate alone: measured, and a ratio is worse than
that of `benchmarks/results/service.json`.
"""

import argparse
import platform
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.engine import ceilings
from benchmarks.files import large_files, read_files, thumbnails, write_files
from benchmarks.precisions import measure_precision
from benchmarks.regression import WORSE, compare_service
from benchmarks.report import write_report
from benchmarks.requests import write_requests
from benchmarks.results import this_machine
from benchmarks.rounds import SCENARIOS, Bench
from benchmarks.server import baseline, service
from benchmarks.targets import Measurement, ProcessMemory, rows
from logo_detection.classifier import Precision
from logo_detection.cores import available_cores
from tests.harness.footprint import command_line, footprint, process_ids
from tests.harness.load import LoadGenerator
from tests.harness.process import HarnessError, Subprocess

ARTIFACT = Path("model_artifacts/logo-detection")
OUTPUT = Path("runs/benchmark")
NARROW_PRECISIONS: tuple[Precision, Precision] = ("bf16", "int8")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: How often everything is.
        pace: Scales the seconds of each measurement.
        starts: How often the service is started for the time to ready, after a first one that is not counted.
    """

    rounds: int
    pace: float
    starts: int


FULL = Effort(rounds=7, pace=1.0, starts=3)
QUICK = Effort(rounds=1, pace=0.5, starts=1)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    effort = QUICK if options.quick else FULL
    if options.rounds:
        effort = Effort(options.rounds, effort.pace, effort.starts)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    try:
        measured = measure(options.model, effort, with_baseline=options.baseline)
    except HarnessError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    page = write_report(measured, describe_machine(measured.cores), options.output)
    print(page.read_text(), end="")
    print(f"\n{page}", file=sys.stderr)
    if not options.gate:
        return 0
    compared = compare_service(rows(measured))
    print("\n".join(compared.lines), file=sys.stderr)
    return WORSE if compared.is_worse else 0


def measure(artifact: Path, effort: Effort, *, with_baseline: bool) -> Measurement:
    """Everything, on this machine, now.

    Raises:
        HarnessError: A process ended, or an answer was wrong.
    """
    cores = available_cores()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        small, large, requests = (Path(folder, name) for name in ("thumbnails", "large", "requests"))
        for path, files in ((small, thumbnails()), (large, large_files())):
            path.mkdir()
            write_files(files, path)
        write_requests(read_files(small), read_files(large), requests)
        origin = stack.enter_context(Subprocess("tests.harness.origins", small))
        origin_port = origin.introduction["port"]
        ready_s = []
        for _ in range(effort.starts):
            with service(artifact, cores, origin_port) as server:
                ready_s.append(server.ready_s)
        server = stack.enter_context(service(artifact, cores, origin_port))
        ready_s.append(server.ready_s)
        with ExitStack() as beside:  # all that would share pages with the service when its memory is read
            engines = [beside.enter_context(ceilings(artifact, small)) for _ in range(cores)]
            load = beside.enter_context(LoadGenerator(requests))
            servers = {"service": server}
            if with_baseline:
                servers["baseline"] = beside.enter_context(baseline(artifact))
            scenarios = [scenario for scenario in SCENARIOS if scenario.server in servers]
            bench = Bench(engines, load, origin, servers, large)
            bench.warm_up(scenarios)
            rounds = list(bench.rounds(effort.rounds, effort.pace, scenarios))
            for engine in engines:
                engine.tell({"do": "stages"})
            stages = [engine.answer() for engine in engines]
            bfloat16, int8 = (
                measure_precision(precision, engines, artifact, small, effort.pace)
                for precision in NARROW_PRECISIONS
            )
        return Measurement(
            cores=cores,
            rounds=rounds,
            ready_s=ready_s[1:],
            memory=process_memory(server.process.pid),
            stages_cpu_ms={name: sum(each[name] for each in stages) / cores for name in stages[0]},
            bfloat16=bfloat16,
            int8=int8,
        )


def process_memory(root: int) -> list[ProcessMemory]:
    """A server's own process, and those below it."""
    return [ProcessMemory(" ".join(command_line(pid)[-2:]), footprint(pid)) for pid in process_ids(root)]


def describe_machine(cores: int) -> dict[str, Any]:
    """What the figures hold for."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": this_machine().cpu,
        "cores": cores,
        "python": platform.python_version(),
        "openvino": version("openvino"),
    }


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the service.")
    parser.add_argument("--quick", action="store_true", help="one round, of half the time: about a minute")
    parser.add_argument("--rounds", type=int, help=f"default {FULL.rounds}")
    parser.add_argument(
        "--gate", action="store_true", help=f"exit with {WORSE} if a ratio is worse than the kept one"
    )
    parser.add_argument(
        "--no-baseline", dest="baseline", action="store_false", help="ours alone, without Keras"
    )
    parser.add_argument("--model", type=Path, default=ARTIFACT, help="the artifact to serve")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default {OUTPUT}")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
