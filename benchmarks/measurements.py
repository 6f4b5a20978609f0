"""docs/measurements.md: every figure that was measured, with its command, day and machine.

    python -m benchmarks.measurements                     write the page from benchmarks/results/*.json
    python -m benchmarks.measurements service             measure anew, keep the result, write the page
    python -m benchmarks.measurements service --recorded  the same from the report of the last run

Exit status 0: the page is written; 1: a command failed, and its former result stays.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time

from benchmarks.capacity import PEAK, UPLOADS_A_DAY, capacity
from benchmarks.experiments import EXPERIMENTS, Experiment
from benchmarks.results import Cell, Machine, Result, Table, day, read_results, this_machine, write_result

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "measurements.md"
COMMAND_TIMEOUT_S = 3 * 3600.0
INTRODUCTION = """# Measurements

`make measurements` writes this page from `benchmarks/results/*.json`; `make measurements RUN=service`
measures one of these anew first. A figure holds for its machine and its day: run `make bench` where the
service is to be deployed. *Transcribed* figures come from a former page; the next run replaces them."""


class ExperimentError(Exception):
    """A command failed, or wrote no report."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measurements", description="Write the page.")
    parser.add_argument("name", nargs="?", choices=EXPERIMENTS, help="an experiment to measure first")
    parser.add_argument("--recorded", action="store_true", help="run no command, read the last report")
    options = parser.parse_args(arguments)
    try:
        if options.name:
            measured = record(EXPERIMENTS[options.name], ROOT, run_command=not options.recorded)
            write_result(options.name, measured)
    except ExperimentError as error:
        print(f"benchmarks.measurements: {error}", file=sys.stderr)
        return 1
    PAGE.write_text(render(read_results()))
    return 0


def record(experiment: Experiment, root: Path, *, run_command: bool) -> Result:
    """Run an experiment's command in the repository's root, and read its report.

    Raises:
        ExperimentError: The command failed or took too long, or did not write its report.
    """
    began = time() if run_command else 0.0
    if run_command:
        _run(experiment.command, root)
    report = root / experiment.report
    if not report.exists() or report.stat().st_mtime < began:
        raise ExperimentError(f"{experiment.report}: not written by {experiment.command}")
    reading = experiment.read(report.read_bytes())
    written = day(report.stat().st_mtime)
    return Result(experiment.command, written, this_machine(), reading.notes, reading.tables)


def _run(command: str, root: Path) -> None:
    try:
        done = subprocess.run(shlex.split(command), cwd=root, timeout=COMMAND_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ExperimentError(f"{command}: not done after {COMMAND_TIMEOUT_S:.0f} s") from None
    if done.returncode:
        raise ExperimentError(f"{command}: exit status {done.returncode}")


def render(results: Mapping[str, Result]) -> str:
    """The page of Markdown."""
    parts = [INTRODUCTION]
    for name, experiment in EXPERIMENTS.items():
        if name in results:
            parts += _section(experiment, results[name])
            parts += _capacity(results[name]) if name == "service" else []
    missing = [f"`{each.command}`" for name, each in EXPERIMENTS.items() if name not in results]
    if missing:
        parts.append("## Not measured yet\n\n" + "\n".join(f"- {command}" for command in missing))
    return "\n\n".join(parts) + "\n"


def _section(experiment: Experiment, result: Result) -> Iterator[str]:
    yield f"## {experiment.title}"
    yield f"    {result.command}"
    yield f"{result.date}, {describe(result.machine)}. {experiment.about}"
    if result.notes:
        yield " ".join(result.notes)
    yield from map(render_table, result.tables)


def _capacity(service: Result) -> Iterator[str]:
    yield "## Capacity"
    yield (
        f"Computed from *Service* above. {UPLOADS_A_DAY:,} uploads a day are assumed, with a peak of "
        f"{PEAK} times the mean."
    )
    yield render_table(capacity(service))


def describe(machine: Machine) -> str:
    """In words."""
    cores = f"{machine.cores} core{'s' * (machine.cores > 1)}"
    return f"{machine.cpu}, {cores}, {', '.join(machine.features) or 'no AVX2'}"


def render_table(table: Table) -> str:
    """In Markdown: names to the left, figures to the right."""
    head, *rows = (
        f"| {' | '.join(line)} |"
        for line in (table.columns, *([_text(cell) for cell in row] for row in table.rows))
    )
    rule = f"|---|{'---:|' * (len(table.columns) - 1)}"
    return "\n".join((head, rule, *rows))


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


if __name__ == "__main__":
    sys.exit(main())
