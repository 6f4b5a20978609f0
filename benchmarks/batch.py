"""The batch engines beside decoding and the engine alone (D), on the same files, by turns.

    python -m benchmarks.batch [--files N] [--rounds N] [--gate] [--output FOLDER]

Each round runs a whole job of `logo-batch` per engine, start and end included, with D measured right before
and right after it on as many cores. Exit status 0: measured; 1: a job failed; 3, with --gate alone: a job's
share of D is worse than that of `benchmarks/results/batch.json`.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, time

import orjson
import pyarrow.parquet as pq

from benchmarks.__main__ import ARTIFACT, describe_machine
from benchmarks.engine import busy_s, ceilings, measure_ceiling
from benchmarks.files import thumbnails, write_files
from benchmarks.regression import WORSE, compare_batch
from logo_detection.cores import available_cores
from tests.harness.process import HarnessError, Subprocess

FILES = 5000
ROUNDS = 3
OUTPUT = Path("runs/benchmark-batch")
CEILING_S = 5.0
JOB_TIMEOUT_S = 1800.0
TARGETS = {"local": 0.93, "spark": 0.85}
BACKLOG = 100_000_000  # files


@dataclass(frozen=True, slots=True)
class Job:
    """One way to run `logo-batch`: which engine, on how many cores."""

    engine: str
    cores: int

    @property
    def name(self) -> str:
        return f"{self.engine}, {self.cores} core{'s' * (self.cores > 1)}"


@dataclass(frozen=True, slots=True)
class Run:
    """A job, once.

    Attributes:
        seconds: From the command's start to its end.
        start_s: Of these, until the first image was scored.
        scoring_s: Of these, from the first image scored to the last.
        busy_ms: What the machine's cores worked meanwhile, per image, milliseconds.
        ceiling: D on as many cores, around it, images per second.
        ceiling_ms: D's CPU per image, milliseconds.
    """

    images: int
    seconds: float
    start_s: float
    scoring_s: float
    busy_ms: float
    ceiling: float
    ceiling_ms: float

    @property
    def of_ceiling(self) -> float:
        """Its images per second, start and end included, as a share of D."""
        return self.images / self.seconds / self.ceiling

    @property
    def scoring_of_ceiling(self) -> float:
        """The same between the first image and the last."""
        return (self.images - 1) / self.scoring_s / self.ceiling


class Bench:
    """Files, and the subprocesses that measure D on them."""

    def __init__(
        self, files: Path, artifact: Path, processes: Sequence[Subprocess], ceiling_s: float = CEILING_S
    ) -> None:
        self._files = files
        self._artifact = artifact
        self._ceilings = processes
        self._ceiling_s = ceiling_s

    def run(self, job: Job, output: Path) -> Run:
        """One job between two measurements of D.

        Raises:
            HarnessError: It failed, or did not score every file.
        """
        with pinned(job.cores):
            before = measure_ceiling(self._ceilings[: job.cores], "decoding", self._ceiling_s)
            began, at, busy = perf_counter(), time(), busy_s()
            self._score(job, output)
            seconds, busy = perf_counter() - began, busy_s() - busy
            after = measure_ceiling(self._ceilings[: job.cores], "decoding", self._ceiling_s)
        scored_at = self._scored_at(output)
        return Run(
            images=len(scored_at),
            seconds=seconds,
            start_s=scored_at[0] - at,
            scoring_s=scored_at[-1] - scored_at[0],
            busy_ms=1000 * busy / len(scored_at),
            ceiling=(before.images_per_s + after.images_per_s) / 2,
            ceiling_ms=(before.cpu_ms + after.cpu_ms) / 2,
        )

    def _score(self, job: Job, output: Path) -> None:
        command = [sys.executable, "-m", "batch.score", "--engine", job.engine, "--workers", str(job.cores)]
        places = ["--model", str(self._artifact), "--output", str(output), str(self._files)]
        done = subprocess.run([*command, *places], capture_output=True, text=True, timeout=JOB_TIMEOUT_S)
        if done.returncode:
            raise HarnessError(f"{job.name}: {done.stderr[-2000:]}")

    def _scored_at(self, output: Path) -> list[float]:
        table = pq.read_table(output, columns=["error", "scored_at"])
        expected = sum(1 for _ in self._files.iterdir())
        if table.num_rows != expected or table["error"].null_count != expected:
            raise HarnessError(f"{table.num_rows} rows of {expected} files, not all of them scored")
        return sorted(moment.timestamp() for moment in table["scored_at"].to_pylist())


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Give what is started in the block so many cores, as a smaller machine would."""
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def measure(artifact: Path, files: int, rounds: int) -> dict[Job, list[Run]]:
    """Every job, in turn, so many times."""
    cores = available_cores()
    jobs = [Job("local", cores), Job("spark", cores), *([Job("local", 1)] if cores > 1 else [])]
    measured: dict[Job, list[Run]] = {job: [] for job in jobs}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        images = Path(folder, "images")
        images.mkdir()
        write_files(thumbnails(files), images)
        bench = Bench(images, artifact, ceiling_processes(stack, artifact, images, cores))
        for number in range(rounds):
            for job in jobs:
                measured[job].append(bench.run(job, Path(folder, f"{job.name} {number}")))
    return measured


def ceiling_processes(stack: ExitStack, artifact: Path, images: Path, cores: int) -> list[Subprocess]:
    """One per core, the first of them bound to the first core."""
    started = []
    for core in range(cores):
        with pinned(1 if core == 0 and cores > 1 else cores):
            started.append(stack.enter_context(ceilings(artifact, images)))
    return started


def render(measured: dict[Job, list[Run]], machine: dict[str, object]) -> str:
    """A page of Markdown: medians over the rounds."""
    rounds = min(map(len, measured.values()))
    rows = [["", *COLUMNS], ["---", *["---:"] * len(COLUMNS)], *(_row(*each) for each in measured.items())]
    about = ", ".join(f"{name}: {value}" for name, value in machine.items())
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"# Batch\n\n{about}. Medians of {rounds} rounds.\n\n{table}\n"


COLUMNS = (
    *("images/s", "of D", "aimed at", "of D, between first and last image", "s to the first image"),
    *("busy ms an image", "D's CPU ms an image", "core-hours for 100 million"),
)


def _row(job: Job, runs: list[Run]) -> list[str]:
    hours = BACKLOG * job.cores * median(run.scoring_s / (run.images - 1) for run in runs) / 3600
    return [
        job.name,
        f"{median(run.images / run.seconds for run in runs):.1f}",
        f"{median(run.of_ceiling for run in runs):.3f}",
        f"{TARGETS[job.engine]}",
        f"{median(run.scoring_of_ceiling for run in runs):.3f}",
        f"{median(run.start_s for run in runs):.1f}",
        f"{median(run.busy_ms for run in runs):.1f}",
        f"{median(run.ceiling_ms for run in runs):.1f}",
        f"{hours:,.0f}",
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description="Measure batch scoring.")
    parser.add_argument("--files", type=int, default=FILES, help=f"thumbnails to score (default {FILES})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument(
        "--gate", action="store_true", help=f"exit with {WORSE} if a share of D is worse than the kept one"
    )
    parser.add_argument("--model", type=Path, default=ARTIFACT, help="the artifact")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default {OUTPUT}")
    options = parser.parse_args(arguments)
    try:
        measured = measure(options.model, options.files, options.rounds)
    except (HarnessError, subprocess.TimeoutExpired) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    page = render(measured, describe_machine(available_cores()))
    (options.output / "report.md").write_text(page)
    (options.output / "report.json").write_bytes(
        orjson.dumps({job.name: runs for job, runs in measured.items()}, option=orjson.OPT_INDENT_2)
    )
    print(page, end="")
    if not options.gate:
        return 0
    compared = compare_batch(
        {job.name: median(run.of_ceiling for run in runs) for job, runs in measured.items()}
    )
    print("\n".join(compared.lines), file=sys.stderr)
    return WORSE if compared.is_worse else 0


if __name__ == "__main__":
    sys.exit(main())
