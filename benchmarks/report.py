"""The report: what was measured, as JSON, as a page of Markdown, and as plots."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rounds import EIGHT, FIFTIES, ONE_AT_A_TIME, Run
from benchmarks.targets import MB, Measurement, engine_time_s, percentile, rows, spread

SIGNS = {True: "yes", False: "no", None: "–"}
PLOT_SIZE_INCHES = (9, 4.5)


def write_report(measured: Measurement, machine: dict[str, Any], folder: Path) -> Path:
    """`report.json`, `report.md`, `throughput.png` and `latency.png`. Returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "machine": machine,
        "targets": [
            {"name": row.name, "target": row.target, "measured": row.measured, "met": row.met}
            for row in rows(measured)
        ],
        "measurement": asdict(measured),
    }
    (folder / "report.json").write_text(json.dumps(document, indent=1) + "\n")
    _plot_throughput(measured, folder / "throughput.png")
    _plot_latency(measured, folder / "latency.png")
    page = folder / "report.md"
    page.write_text(render_page(measured, machine))
    return page


def render_page(measured: Measurement, machine: dict[str, Any]) -> str:
    """The Markdown page."""
    parts = [
        "# Benchmark",
        _introduction(measured, machine),
        "## Targets",
        table(("", "target", "measured, median [quartiles]", "met"), _target_cells(measured)),
        "## Throughput and latency",
        table(
            (
                *("", "images/s", "without the callers", "of D", "of E", "p50 ms", "p95 ms", "p99 ms"),
                *("callers' cores", "others' CPU %"),
            ),
            _scenario_cells(measured),
        ),
        "*Without the callers* is images/s x cores / (cores - callers' cores): what the service would do "
        "with the cores that the generator of load takes. By it, shares of D and E and targets are judged. "
        "*Others* are processes that are not the benchmark's; their CPU is a share of all cores.",
        "![images/s](throughput.png)\n\n![latency](latency.png)",
        "## CPU time per image",
        table(("CPU ms per image", *(name for name in _cpu_scenarios(measured))), _cpu_cells(measured)),
        "*Parent* is all that the process that listens does. The stages in a worker are measured on the same "
        "files in a process of their own; *frames and the rest* is what a worker took beyond them.",
        "## Memory and start",
        table(("process", "PSS MB", "private MB", "resident MB"), _memory_cells(measured)),
        f"Seconds from start to ready: {', '.join(f'{each:.2f}' for each in measured.ready_s)}.",
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """A Markdown table: words to the left, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _introduction(measured: Measurement, machine: dict[str, Any]) -> str:
    engine = spread([each.engine.images_per_s for each in measured.rounds])
    decoding = spread([each.decoding.images_per_s for each in measured.rounds])
    engine_time = spread([1000 * engine_time_s(measured.cores, each) for each in measured.rounds])
    others = spread(
        [
            100 * ceiling.others_cores / measured.cores
            for each in measured.rounds
            for ceiling in (each.engine, each.decoding)
        ]
    )
    words = ", ".join(f"{key}: {value}" for key, value in machine.items())
    return (
        f"{words}. Medians over {len(measured.rounds)} rounds, [quartiles] beside them.\n\n"
        f"- *E*, the engine alone: {engine:.1f} images/s; engine time (cores / E): {engine_time:.2f} ms\n"
        f"- *D*, decoding and the engine, without HTTP: {decoding:.1f} images/s\n"
        f"- others took {others:.1f} % of the cores meanwhile; with more than a few, ratios say little"
    )


def _target_cells(measured: Measurement) -> list[tuple[str, ...]]:
    return [(row.name, row.target, row.measured, SIGNS[row.met]) for row in rows(measured)]


def _scenario_cells(measured: Measurement) -> list[tuple[str, ...]]:
    cells = []
    cores = measured.cores
    for name in measured.rounds[0].runs:
        runs = _runs(measured, name)
        latencies_ms = [1000 * latency for run in runs for latency in run.latencies_s]
        pairs = list(zip(runs, measured.rounds, strict=True))
        cells.append(
            (
                name,
                f"{spread([run.images_per_s for run in runs]):.1f}",
                f"{spread([run.rate(cores) for run in runs]):.1f}",
                f"{median(run.rate(cores) / each.decoding.images_per_s for run, each in pairs):.3f}",
                f"{median(run.rate(cores) / each.engine.images_per_s for run, each in pairs):.3f}",
                *(f"{percentile(latencies_ms, percent):.1f}" for percent in (50, 95, 99)),
                f"{median(run.callers_cores for run in runs):.2f}",
                f"{median(100 * run.others_cores / measured.cores for run in runs):.1f}",
            )
        )
    return cells


def _runs(measured: Measurement, name: str) -> list[Run]:
    return [each.runs[name] for each in measured.rounds]


def _cpu_scenarios(measured: Measurement) -> dict[str, list[Run]]:
    names = (ONE_AT_A_TIME.name, EIGHT.name, FIFTIES.name)
    return {name: _runs(measured, name) for name in names}


def _cpu_cells(measured: Measurement) -> list[tuple[str, ...]]:
    columns = list(_cpu_scenarios(measured).values())
    stages = measured.stages_cpu_ms
    parents = [median(1000 * run.cpu.parent / run.images for run in runs) for runs in columns]
    workers = [median(1000 * run.cpu.workers / run.images for run in runs) for runs in columns]
    callers = [median(1000 * run.callers_cpu_s / run.images for run in runs) for runs in columns]
    decoding = median(each.decoding.cpu_ms for each in measured.rounds)
    lines = {
        "parent": parents,
        "workers": workers,
        **{f"· {stage}": [cpu_ms] * len(columns) for stage, cpu_ms in stages.items()},
        "· frames and the rest": [worker - sum(stages.values()) for worker in workers],
        "callers (not the server)": callers,
        "*E*": [median(each.engine.cpu_ms for each in measured.rounds)] * len(columns),
        "*D*": [decoding] * len(columns),
        "*D* / (parent + workers + callers)": [
            decoding / sum(each) for each in zip(parents, workers, callers, strict=True)
        ],
    }
    return [(name, *(f"{value:.3f}" for value in values)) for name, values in lines.items()]


def _memory_cells(measured: Measurement) -> list[tuple[str, ...]]:
    cells = [
        (each.command, *(f"{value / MB:.1f}" for value in (each.held.pss, each.held.private, each.held.rss)))
        for each in measured.memory
    ]
    total = sum(each.held.pss for each in measured.memory) / MB
    private = sum(each.held.private for each in measured.memory) / MB
    return [*cells, ("**all**", f"**{total:.1f}**", f"{private:.1f}", "")]


def _plot_throughput(measured: Measurement, path: Path) -> None:
    from matplotlib.figure import Figure

    names = list(measured.rounds[0].runs)
    spreads = [spread([run.images_per_s for run in _runs(measured, name)]) for name in names]
    middles = [each.median for each in spreads]
    errors = [[each.median - each.low for each in spreads], [each.high - each.median for each in spreads]]
    figure = Figure(figsize=PLOT_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    axes.barh(names, middles, xerr=errors, color="#36c", ecolor="#222")
    for label, values, colour in (
        ("E", [each.engine.images_per_s for each in measured.rounds], "#d33"),
        ("D", [each.decoding.images_per_s for each in measured.rounds], "#14866d"),
    ):
        axes.axvline(median(values), color=colour, label=f"{label}: {median(values):.0f}")
    axes.invert_yaxis()
    axes.set_xlabel("images/s: median of the rounds, and quartiles")
    axes.legend(loc="lower right")
    figure.savefig(path)


def _plot_latency(measured: Measurement, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=PLOT_SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    for name in measured.rounds[0].runs:
        if not name.startswith("baseline"):
            ordered = sorted(1000 * each for run in _runs(measured, name) for each in run.latencies_s)
            shares = [(index + 1) / len(ordered) for index in range(len(ordered))]
            axes.step(ordered, shares, where="post", label=name, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("latency of a request, ms")
    axes.set_ylabel("share of requests")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")
    figure.savefig(path)
