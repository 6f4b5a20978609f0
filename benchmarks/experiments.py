"""The experiments: which commands measure, where their reports are, and which tables a report gives."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import TypeAdapter

from benchmarks import batch
from benchmarks.load import Outcome
from benchmarks.report import SIGNS
from benchmarks.results import Cell, Table
from benchmarks.rounds import Run
from benchmarks.targets import Measurement, Row, percentile, rows

ENGINE = "engine alone (E)"
DECODING = "decoding and engine, without HTTP (D)"
THROUGHPUT = "Throughput"
TARGETS = "Targets"
IMAGES_PER_S = "images/s"
TARGET_COLUMNS = ["target", "in", "aim", "median", "lower quartile", "upper quartile", "met"]
CORRECTED = "without the callers"
P50_MS = "p50, ms"
P95_MS = "p95, ms"
QUIET = 0.05  # of the cores: where other processes take more, the reader is told


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report says: sentences to read first, and tables."""

    notes: list[str]
    tables: list[Table]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One command that measures.

    Attributes:
        title: Of its section in docs/measurements.md.
        about: What the reader has to know to read its tables.
        command: As it is typed in the root of the repository.
        report: The JSON file that the command writes, from there.
        read: Turns the report's bytes into tables.
    """

    title: str
    about: str
    command: str
    report: Path
    read: Callable[[bytes], Reading]


def read_service(report: bytes) -> Reading:
    """The report of `python -m benchmarks`."""
    measured = TypeAdapter(Measurement).validate_python(json.loads(report)["measurement"])
    targets = [_target(row) for row in rows(measured)]
    return Reading(
        [f"Medians of {len(measured.rounds)} rounds, quartiles in brackets. {_others(measured)}"],
        [Table(TARGETS, TARGET_COLUMNS, targets), _throughput(measured)],
    )


def _target(row: Row) -> list[Cell]:
    found = row.found
    figures = [None] * 3 if found is None else [found.median, found.low, found.high]
    digits: list[Cell] = [None if each is None else float(f"{each:.3g}") for each in figures]
    return [row.name, row.unit, f"{row.sign} {row.aim:g}", *digits, SIGNS[row.met]]


def _others(measured: Measurement) -> str:
    shares = [
        ceiling.others_cores / measured.cores
        for each in measured.rounds
        for ceiling in (each.engine, each.decoding)
    ]
    share = median(shares)
    warning = " The machine was not quiet." if share > QUIET else ""
    return f"Other processes took {share:.0%} of the cores.{warning}"


def _throughput(measured: Measurement) -> Table:
    columns = [
        "scenario",
        IMAGES_PER_S,
        CORRECTED,
        "callers' cores",
        P50_MS,
        P95_MS,
        "server process, CPU ms an image",
        "workers, CPU ms an image",
    ]
    engine = median(each.engine.images_per_s for each in measured.rounds)
    decoding = median(each.decoding.images_per_s for each in measured.rounds)
    ceilings: list[list[Cell]] = [
        [ENGINE, round(engine, 1), *[None] * 6],
        [DECODING, round(decoding, 1), *[None] * 6],
    ]
    scenarios = [
        _scenario(name, measured.cores, [each.runs[name] for each in measured.rounds])
        for name in measured.rounds[0].runs
    ]
    return Table(THROUGHPUT, columns, ceilings + scenarios)


def _scenario(name: str, cores: int, runs: Sequence[Run]) -> list[Cell]:
    latencies_ms = [1000 * latency for run in runs for latency in run.latencies_s]
    return [
        name,
        round(median(run.images_per_s for run in runs), 1),
        round(median(run.rate(cores) for run in runs), 1),
        round(median(run.callers_cores for run in runs), 2),
        round(percentile(latencies_ms, 50)),
        round(percentile(latencies_ms, 95)),
        round(median(1000 * run.cpu.parent / run.images for run in runs), 2),
        round(median(1000 * run.cpu.workers / run.images for run in runs), 1),
    ]


def read_batch(report: bytes) -> Reading:
    """The report of `python -m benchmarks.batch`."""
    jobs = TypeAdapter(dict[str, list[batch.Run]]).validate_json(report)
    columns = [
        *("job", IMAGES_PER_S, "of D", "of D, first image to last", "s to the first image"),
        *("CPU ms an image", "D's CPU ms an image"),
    ]
    return Reading(
        [f"Medians of {min(map(len, jobs.values()))} rounds."],
        [Table("Whole jobs", columns, [_job(name, runs) for name, runs in jobs.items()])],
    )


def _job(name: str, runs: Sequence[batch.Run]) -> list[Cell]:
    return [
        name,
        round(median(run.images / run.seconds for run in runs), 1),
        round(median(run.of_ceiling for run in runs), 2),
        round(median(run.scoring_of_ceiling for run in runs), 2),
        round(median(run.start_s for run in runs), 1),
        round(median(run.busy_ms for run in runs), 1),
        round(median(run.ceiling_ms for run in runs), 1),
    ]


def read_load(report: bytes) -> Reading:
    """The report of `python -m benchmarks.load`."""
    outcomes = TypeAdapter(list[Outcome]).validate_json(report)
    columns = ["users and request", IMAGES_PER_S, "of E", "of E, at least", P50_MS, P95_MS]
    cells: list[list[Cell]] = [
        [
            f"{each.load.users} × {each.load.shape}",
            round(each.images_per_s, 1),
            round(each.share, 2),
            each.load.least,
            round(each.p50_ms),
            round(each.p95_ms),
        ]
        for each in outcomes
    ]
    return Reading([], [Table("Load", columns, cells)])


def read_decoding(report: bytes) -> Reading:
    """The report of `python -m benchmarks.decoding`: rows of a size and format, or of a draft."""
    return Reading([], [_table_of("Decoding", json.loads(report)["table"])])


def read_soak(report: bytes) -> Reading:
    """The report of a soak test: the table that it showed."""
    return Reading([], [_table_of("Outcome", json.loads(report)["table"])])


def _table_of(title: str, shown: Sequence[dict[str, Any]]) -> Table:
    return Table(title, list(shown[0]), [[_cell(value) for value in row.values()] for row in shown])


def _cell(value: Any) -> Cell:
    if isinstance(value, dict):
        return ", ".join(map(str, value.values()))
    return value if isinstance(value, int | float | None) else str(value)


def read_image(report: bytes) -> Reading:
    """The summary that the image's test writes."""
    found = json.loads(report)
    cells: list[list[Cell]] = [
        ["size of the image, MB", found["size_mb"]],
        ["start to ready, median of the starts, s", found["start_median_s"]],
        ["memory when ready, one image scored, MB", found["memory_mb"]],
    ]
    return Reading([], [Table("Container", ["", found["target"]], cells)])


EXPERIMENTS = {
    "service": Experiment(
        "Service",
        "The callers share the cores: *without the callers* is images/s x cores / (cores - callers' cores), "
        "and by it targets are judged. The best decoder is the quickest library for that file, alone. "
        "*E* is the engine alone; *D* is decoding and the engine, without "
        "HTTP; an engine time is cores / E. Targets are compared with E and D of their own round. The "
        "baseline works as LiftWing's server does (`benchmarks/baseline.py`).",
        "make bench",
        Path("runs/benchmark/report.json"),
        read_service,
    ),
    "service-one-core": Experiment(
        "Service on one core",
        "The same scenarios; server and callers share one core.",
        'taskset --cpu-list 0 make bench ARGS="--rounds 3 --no-baseline --output runs/benchmark-one-core"',
        Path("runs/benchmark-one-core/report.json"),
        read_service,
    ),
    "load": Experiment(
        "Load test",
        "locust sends requests of one file or of fifty; it takes 2 to 4 ms of CPU per request itself.",
        "make load",
        Path("runs/load/report.json"),
        read_load,
    ),
    "batch": Experiment(
        "Batch",
        "Whole jobs of `logo-batch` over 5,000 thumbnails, half PNG and half JPEG. D is measured on as many "
        "cores around each job.",
        "make bench-batch",
        Path("runs/benchmark-batch/report.json"),
        read_batch,
    ),
    "decoding": Experiment(
        "Decoding",
        "One core, one picture without grain. A *draft* is Pillow's decoding of a JPEG "
        "at a fraction of its size ([decision](decisions/jpeg-draft.md)).",
        ".venv/bin/python -m benchmarks.decoding --output runs/decoding.json",
        Path("runs/decoding.json"),
        read_decoding,
    ),
    "drift": Experiment(
        "10,000 requests",
        "Eight callers send every kind of request, bombs included (`tests/soak/traffic.py`). Memory is "
        "`Anonymous` in `smaps_rollup`, at rest. The test allows the server and a worker that lived "
        "throughout 2 % of growth, and none of descriptors, threads and processes.",
        "make soak ARGS=tests/soak",
        Path("runs/soak/drift.json"),
        read_soak,
    ),
    "fuzz": Experiment(
        "10,000 mutated files",
        "24 files in a request (`tests/mutations.py`), with a sound file beside them whose score must not "
        "move. The test fails on `internal`, and on a process or thread that is left over.",
        "make soak ARGS=tests/hostile/test_fuzz.py",
        Path("runs/soak/fuzz.json"),
        read_soak,
    ),
    "overload-5": Experiment(
        "Five times the capacity, five files a request",
        "The rate is five times what the server answered just before, from a generator on the same cores. "
        "The test wants 0.9 of the peak, refusals within 50 ms (p99), liveness within 200 ms, and 99 % of "
        "the admitted images scored in time, in one of three attempts.",
        'make soak ARGS="tests/hostile/test_overload.py -k 5-"',
        Path("runs/soak/overload-5.json"),
        read_soak,
    ),
    "overload-1": Experiment(
        "Five times the capacity, one file a request",
        "As above; the test wants 0.8 of the peak.",
        'make soak ARGS="tests/hostile/test_overload.py -k 1-"',
        Path("runs/soak/overload-1.json"),
        read_soak,
    ),
    "upload-stash": Experiment(
        "Upload stash",
        "A MediaWiki on this machine (as root, on Debian 12) has its upload stash scored, with the "
        "uploader's cookies. The test compares each score with that of the same picture sent inline.",
        "make soak ARGS=tests/mediawiki",
        Path("runs/soak/upload-stash.json"),
        read_soak,
    ),
    "image": Experiment(
        "Container image",
        "Under runc as user 900 on a read-only root, with two cores.",
        "make image",
        Path("build/image/summary-production.json"),
        read_image,
    ),
    "image-keras": Experiment(
        "Container image with Keras",
        "The stage `keras`, which serves a `.keras` file.",
        "make image TARGET=keras",
        Path("build/image/summary-keras.json"),
        read_image,
    ),
}
