from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.precisions import can_compute_in
from benchmarks.targets import Narrow, percentile, rows, spread
from logo_detection.cpu import BF16, instruction_sets
from tests.benchmarks.measurements import measurement, round_of, run
from tests.models import add_int8, int8_elsewhere, int8_here, tiny_onnx, write_artifact


def test_throughput_is_held_against_the_engine_of_its_own_round() -> None:
    met = {row.name: row for row in rows(measurement([round_of(), round_of(20.0, 18.0, 17.8), round_of()]))}
    row = met["8 concurrent single-image requests"]
    assert row.met
    assert row.measured == "0.999 [0.999–0.999] D"  # 178 / 180, on the 1.98 cores that the callers left


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
    assert found["single image, idle, p50"] == "1.2 [1.2–1.2] engine times"
    assert found["12 MP PNG, over the engine's time, p50"] == "1 [1–1] × the best decoder"


def test_without_a_baseline_nothing_is_held_against_it() -> None:
    whole = round_of()
    for name in [name for name in whole.runs if name.startswith("baseline")]:
        del whole.runs[name]
    assert not [row for row in rows(measurement([whole])) if "baseline" in row.name]


def test_the_cores_that_callers_take_are_not_held_against_the_service() -> None:
    one = replace(run(100.0, 0.01), callers_cpu_s=0.5)  # in a second
    assert one.callers_cores == 0.5
    assert one.rate(cores=2) == pytest.approx(100 * 2 / 1.5)


def test_large_files_are_held_against_the_best_decoder_of_the_same_file() -> None:
    quick = replace(round_of(), decoders_ms={"large.jpg": 30.0, "progressive.jpg": 20.0, "large.png": 30.0})
    found = {row.name: row.met for row in rows(measurement([quick]))}
    assert found["12 MP JPEG, over the engine's time, p50"] is True
    assert found["12 MP progressive JPEG, over the engine's time, p50"] is False


def test_a_precision_that_was_not_measured_is_neither_met_nor_missed() -> None:
    found = {row.name: row.met for row in rows(measurement([round_of()]))}
    assert (found["bf16, engine"], found["int8, engine"]) == (None, None)
    measured = replace(measurement([round_of()]), int8=Narrow([1.4, 1.6, 1.7], 0.3))
    assert {row.name: row.met for row in rows(measured)}["int8, engine"] is True


def test_a_precision_is_measured_where_cpu_and_artifact_have_it(tmp_path: Path) -> None:
    tiny_onnx(tmp_path / "model.onnx")
    artifact = write_artifact(tmp_path)
    assert can_compute_in("bf16", artifact) != BF16.isdisjoint(instruction_sets())
    assert not can_compute_in("int8", artifact)
    assert not can_compute_in("int8", add_int8(artifact, int8_elsewhere()))
    assert can_compute_in("int8", add_int8(artifact, (int8_here() or "amx_int8",))) == (
        int8_here() is not None
    )


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile(list(map(float, range(1, 101))), 95) == 95.0
    assert percentile([7.0], 99) == 7.0


def test_the_spread_is_of_the_quartiles() -> None:
    assert f"{spread([1.0, 2.0, 3.0, 4.0, 5.0]):.1f}" == "3.0 [2.0–4.0]"
