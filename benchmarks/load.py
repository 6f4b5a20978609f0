"""The load test's command: a server, locust at 1, 10 and 20 users in both shapes, and what the engine does.

    python -m benchmarks.load [--seconds N] [--gate] [--output FOLDER]

The folder keeps `report.json` and locust's tables (`one-10_stats.csv`, …). The gate is a ratio to E, taken
before and after: absolute times would tell of the machine. It is generous, because locust itself takes 2 to
4 ms of CPU per request, and finds a server that has become half as fast. Exit status: 0; 1: something went
wrong, or a request failed; 3, with --gate alone: too slow.
"""

import argparse
import csv
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine import ceilings, measure_ceiling
from benchmarks.files import thumbnails, write_files
from benchmarks.report import table
from benchmarks.requests import FIFTY
from benchmarks.server import service
from logo_detection.cores import available_cores
from tests.harness.process import HarnessError

ARTIFACT = Path("model_artifacts/logo-detection")
OUTPUT = Path("runs/load")
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
MISSED = 3
LOCUST_SLACK_S = 60.0
ENGINE_S = 3.0


@dataclass(frozen=True, slots=True)
class Load:
    """One run of locust, and the least share of E that its images/s may be."""

    shape: str
    user: str
    users: int
    images: int
    least: float


LOADS = (
    Load("one", "UploadWizard", 1, 1, 0.15),
    Load("one", "UploadWizard", 10, 1, 0.4),
    Load("one", "UploadWizard", 20, 1, 0.4),
    Load("fifty", "Batch", 1, FIFTY, 0.5),
    Load("fifty", "Batch", 3, FIFTY, 0.5),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a load: images/s, as a share of E too, and milliseconds."""

    load: Load
    images_per_s: float
    share: float
    p50_ms: float
    p95_ms: float

    @property
    def met(self) -> bool:
        return self.share >= self.load.least


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Load the service.")
    parser.add_argument("--seconds", type=int, default=20, help="of each load (20)")
    parser.add_argument("--gate", action="store_true", help=f"exit with {MISSED} if a load is too slow")
    parser.add_argument("--model", type=Path, default=ARTIFACT, help="the artifact to serve")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default {OUTPUT}")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        outcomes = run_loads(options.model, options.seconds, options.output)
    except HarnessError as error:
        print(f"benchmarks.load: {error}", file=sys.stderr)
        return 1
    (options.output / "report.json").write_text(
        json.dumps([asdict(each) for each in outcomes], indent=1) + "\n"
    )
    print(render(outcomes))
    return MISSED if options.gate and not all(outcome.met for outcome in outcomes) else 0


def run_loads(artifact: Path, seconds: int, output: Path) -> list[Outcome]:
    """All loads, one after the other, on one server.

    Raises:
        HarnessError: A process ended, or a request failed.
    """
    cores = available_cores()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        write_files(thumbnails(), Path(folder))
        engines = [stack.enter_context(ceilings(artifact, Path(folder))) for _ in range(cores)]
        server = stack.enter_context(service(artifact, cores))
        outcomes = []
        before = measure_ceiling(engines, "engine", ENGINE_S).images_per_s
        for load in LOADS:
            row = run_locust(load, server.port, seconds, output)
            after = measure_ceiling(engines, "engine", ENGINE_S).images_per_s
            outcomes.append(outcome_of(load, row, (before + after) / 2))
            before = after
        return outcomes


def run_locust(load: Load, port: int, seconds: int, output: Path) -> dict[str, str]:
    """locust's summary of one load, as its table has it."""
    prefix = output / f"{load.shape}-{load.users}"
    arguments = ["--locustfile", LOCUSTFILE, "--headless", "--only-summary", "--csv", prefix]
    arguments += ["--host", f"http://127.0.0.1:{port}", "--users", load.users, "--spawn-rate", load.users]
    arguments += ["--run-time", f"{seconds}s", "--stop-timeout", "15", load.user]
    command = [sys.executable, "-m", "locust", *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + LOCUST_SLACK_S)
    except subprocess.TimeoutExpired:
        raise HarnessError("locust did not end") from None
    if done.returncode:
        raise HarnessError(f"locust: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    with Path(f"{prefix}_stats.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    if row["Request Count"] == "0":
        raise HarnessError(f"no request was answered within {seconds} s")
    return row


def outcome_of(load: Load, row: dict[str, str], engine_images_per_s: float) -> Outcome:
    images_per_s = float(row["Requests/s"]) * load.images
    return Outcome(
        load=load,
        images_per_s=images_per_s,
        share=images_per_s / engine_images_per_s,
        p50_ms=float(row["50%"]),
        p95_ms=float(row["95%"]),
    )


def render(outcomes: list[Outcome]) -> str:
    """A Markdown table."""
    return table(
        ("load", "images/s", "of E", "at least", "p50 ms", "p95 ms", "met"),
        (
            (
                f"{each.load.users} × {each.load.shape}",
                f"{each.images_per_s:.1f}",
                f"{each.share:.2f}",
                f"{each.load.least:.2f}",
                f"{each.p50_ms:.0f}",
                f"{each.p95_ms:.0f}",
                "yes" if each.met else "no",
            )
            for each in outcomes
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
