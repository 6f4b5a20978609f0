"""docs/measurements.md is what the results give, and a result is what a command's report says."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest

from benchmarks import batch, decoding, load, measurements
from benchmarks.capacity import capacity
from benchmarks.experiments import (
    CORRECTED,
    EXPERIMENTS,
    IMAGES_PER_S,
    P50_MS,
    THROUGHPUT,
    Experiment,
    read_image,
    read_soak,
)
from benchmarks.measurements import ExperimentError, record, render
from benchmarks.report import write_report
from benchmarks.results import Machine, Result, Table, read_results, this_machine, write_result
from tests.benchmarks.measurements import measurement, round_of
from tests.harness.process import ROOT
from tests.soak import report

MACHINE = Machine("a CPU", 2, ["avx2"])


def result(*tables: Table) -> Result:
    return Result("make bench", "2026-01-02", MACHINE, ["A note."], list(tables))


def experiment(command: str, like: str = "service") -> Experiment:
    return replace(EXPERIMENTS[like], command=command, report=Path("report.json"))


def read(name: str, document: bytes) -> Table:
    (table,) = EXPERIMENTS[name].read(document).tables
    return table


def test_the_committed_page_is_what_the_committed_results_give() -> None:
    assert measurements.PAGE.read_text() == render(read_results()), "run: make measurements"


def test_every_result_is_of_an_experiment_that_runs_its_command() -> None:
    for name, kept in read_results().items():
        assert kept.command.split(" ARGS=")[0] in EXPERIMENTS[name].command, name
        assert kept.machine.cores, name
        for table in kept.tables:
            assert {len(row) for row in table.rows} == {len(table.columns)}, (name, table.title)


def test_a_services_report_becomes_targets_and_throughput(tmp_path: Path) -> None:
    write_report(measurement([round_of(), round_of(images_per_s=150.0)]), {}, tmp_path)
    kept = record(experiment("true"), tmp_path, run_command=False)
    targets = {str(row[0]): row[1:] for row in kept.table("Targets").rows}
    assert targets["warm start to ready"] == ["s", "≤ 2", 2.2, 2.1, 2.35, "no"]
    assert kept.table(THROUGHPUT).number("engine alone (E)", IMAGES_PER_S) == 200
    assert kept.table(THROUGHPUT).number("8 singles", IMAGES_PER_S) == 164  # the median of 178 and 150
    assert kept.table(THROUGHPUT).number("8 singles", CORRECTED) == 165.7  # on the 1.98 cores that are left
    assert kept.table(THROUGHPUT).number("12 MP JPEG", P50_MS) == 40
    assert kept.notes == ["Medians of 2 rounds, quartiles in brackets. Other processes took 0% of the cores."]
    assert (kept.command, kept.machine) == ("true", this_machine())


def test_a_busy_machine_is_told() -> None:
    busy = [replace(each, engine=replace(each.engine, others_cores=1.0)) for each in [round_of()] * 3]
    busy = [replace(each, decoding=replace(each.decoding, others_cores=1.0)) for each in busy]
    document = json.dumps({"measurement": asdict(measurement(busy))}).encode()
    (note,) = EXPERIMENTS["service"].read(document).notes
    assert note.endswith("Other processes took 50% of the cores. The machine was not quiet.")


def test_a_batch_report_becomes_a_row_per_job() -> None:
    runs = [batch.Run(1001, seconds, 2.0, 10.0, 21.0, 110.0, 18.0) for seconds in (10.01, 20.02, 40.04)]
    table = read("batch", orjson.dumps({"local, 2 cores": runs}))
    assert table.rows == [["local, 2 cores", 50.0, 0.45, 0.91, 2.0, 21.0, 18.0]]


def test_a_load_report_becomes_a_row_per_load() -> None:
    outcomes = [load.Outcome(load.LOADS[1], 60.04, 0.654, 101.2, 180.0)]
    table = read("load", json.dumps([asdict(each) for each in outcomes]).encode())
    assert table.rows == [["10 × one", 60.0, 0.65, 0.4, 101, 180]]


def test_a_soak_report_becomes_the_table_that_it_showed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "DIRECTORY", tmp_path)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    report.write("made-up", {"seconds": 3}, [{"requests": 5, "workers (MiB)": {"7": 1.5, "8": 2.5}}])
    (table,) = read_soak((tmp_path / "made-up.json").read_bytes()).tables
    assert (table.columns, table.rows) == (["requests", "workers (MiB)"], [[5, "1.5, 2.5"]])


def test_the_images_summary_becomes_a_table() -> None:
    summary = {"target": "keras", "size_mb": 9, "start_s": [2.0], "start_median_s": 2.0, "memory_mb": 7}
    (table,) = read_image(json.dumps(summary).encode()).tables
    assert table.columns == ["", "keras"]
    assert [row[1] for row in table.rows] == [9, 2.0, 7]


def test_decodings_report_becomes_a_row_per_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SIZES", {"12 MP": (90, 60)})
    decoding.main(["--output", str(tmp_path / "report.json")])
    table = read("decoding", (tmp_path / "report.json").read_bytes())
    assert [row[0] for row in table.rows] == [
        *(f"12 MP, {kind}" for kind in decoding.ENCODINGS),
        "12 MP, jpeg, without a draft",
    ]
    assert all(table.number(str(row[0]), "ms") > 0 for row in table.rows)


def test_a_command_is_run_and_its_report_read(tmp_path: Path) -> None:
    write_report(measurement([round_of()]), {}, tmp_path / "made")
    command = f"{sys.executable} -c \"import shutil; shutil.copy('made/report.json', '.')\""
    assert record(experiment(command), tmp_path, run_command=True).table("Targets").rows


@pytest.mark.parametrize(
    ("command", "message"),
    [("false", "false: exit status 1"), ("true", "report.json: not written by true")],
)
def test_a_command_that_fails_or_writes_nothing_gives_no_result(
    command: str, message: str, tmp_path: Path
) -> None:
    write_report(measurement([round_of()]), {}, tmp_path)
    former = (tmp_path / "report.json").stat()
    with pytest.raises(ExperimentError, match=message):
        record(experiment(command), tmp_path, run_command=True)
    assert (tmp_path / "report.json").stat().st_mtime_ns == former.st_mtime_ns


def test_a_result_is_kept_as_it_is(tmp_path: Path) -> None:
    kept = result(Table("Targets", ["a", "b"], [["x", 1], ["y", 1.5], ["z", None]]))
    write_result("service", kept, tmp_path)
    assert read_results(tmp_path) == {"service": kept}


def test_a_section_has_command_day_machine_and_figures() -> None:
    page = render(
        {"batch": result(Table("Whole jobs", ["job", "files"], [["local", 5000], ["spark", None]]))}
    )
    assert "\n    make bench\n\n2026-01-02, a CPU, 2 cores, avx2. Whole jobs" in page
    assert "\nA note.\n" in page
    assert "| local | 5,000 |\n| spark | – |" in page
    assert "- `make load`" in page.split("## Not measured yet")[1]
    assert "make bench-batch" not in page


def test_capacity_follows_from_the_services_throughput() -> None:
    rows = [["8 singles", 50.0, 100], ["12 MP JPEG", 9.0, 100]]
    service = result(Table(THROUGHPUT, ["scenario", IMAGES_PER_S, P50_MS], rows))  # type: ignore[arg-type]
    assert capacity(service).rows == [
        ["files a second and core", 25.0, 10.0],
        # 11.57 files a second at the peak, of 50 and of 20.
        ["share of a pod of 2 cores that a peak of uploads takes", "23%", "58%"],
        ["core-hours for 100 million files", 1110, 2780],
        # 30.2 and 12.1 million files a week and pod.
        ["pods of 2 cores that do these in a week", 4, 9],
    ]


def test_a_figure_that_is_missing_is_an_error() -> None:
    table = Table("Targets", ["a", "b"], [["x", None]])
    with pytest.raises(ValueError, match="Targets, x, b: None is not a number"):
        table.number("x", "b")
    with pytest.raises(ValueError):  # noqa: PT011
        table.number("y", "b")


def test_a_machine_is_its_cpu_cores_and_features(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("model name\t: A CPU: fast\nflags\t\t: sse avx2 avx512f\n\nmodel name\t: B\n")
    machine = this_machine(cpu_info)
    assert (machine.cpu, machine.features) == ("A CPU: fast", ["avx2", "avx512f"])
    assert machine.cores >= 1


def test_readmes_speed_is_on_the_page() -> None:
    speed = (ROOT / "README.md").read_text().split("\n## Speed\n")[1].split("\n## ")[0]
    rows = [line for line in speed.splitlines() if line.startswith("| ")][1:]
    assert rows
    assert set(rows) <= set(measurements.PAGE.read_text().splitlines())
