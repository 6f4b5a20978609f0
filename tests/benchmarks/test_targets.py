from pathlib import Path

from benchmarks.bfloat16 import cpu_has_bfloat16
from benchmarks.targets import percentile, rows, spread
from tests.benchmarks.measurements import measurement, round_of


def test_throughput_is_held_against_the_engine_of_its_own_round() -> None:
    met = {row.name: row for row in rows(measurement([round_of(), round_of(20.0, 18.0, 17.8), round_of()]))}
    row = met["8 concurrent single-image requests"]
    assert row.met
    assert row.measured == "0.99 [0.99–0.99] D"


def test_one_disturbed_round_of_three_decides_nothing() -> None:
    found = rows(measurement([round_of(), round_of(images_per_s=40.0), round_of()]))
    assert next(row for row in found if row.name.startswith("50 per request, one")).met


def test_a_slow_service_misses_its_targets() -> None:
    found = {row.name: row.met for row in rows(measurement([round_of(images_per_s=100.0)]))}
    assert found["8 concurrent single-image requests"] is False
    assert found["50 per request, three callers"] is False
    assert found["D itself"] is True


def test_latency_is_counted_in_engine_times() -> None:
    found = {row.name: row.measured for row in rows(measurement([round_of()]))}
    assert found["single image, idle, p50"] == "1.20 [1.20–1.20] engine times"
    assert found["12 MP JPEG inline, over the engine's time, p50"] == "30.0 [30.0–30.0] ms"


def test_without_a_baseline_nothing_is_held_against_it() -> None:
    whole = round_of()
    for name in [name for name in whole.runs if name.startswith("baseline")]:
        del whole.runs[name]
    assert not [row for row in rows(measurement([whole])) if "baseline" in row.name]


def test_bf16_is_neither_met_nor_missed_on_a_cpu_that_has_none(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor: 0\nflags\t\t: fpu avx2\n")
    assert not cpu_has_bfloat16(cpu_info)
    assert rows(measurement([round_of()]))[-1].met is None
    cpu_info.write_text("processor: 0\nflags\t\t: fpu avx2 amx_bf16\n")
    assert cpu_has_bfloat16(cpu_info)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile(list(map(float, range(1, 101))), 95) == 95.0
    assert percentile([7.0], 99) == 7.0


def test_the_spread_is_of_the_quartiles() -> None:
    assert f"{spread([1.0, 2.0, 3.0, 4.0, 5.0]):.1f}" == "3.0 [2.0–4.0]"
