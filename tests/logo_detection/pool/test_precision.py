from dataclasses import replace
from pathlib import Path

import pytest

from logo_detection.errors import WorkerStartError
from logo_detection.pool.precision import faster, measure, measure_apart
from tests.models import tiny_source


@pytest.mark.parametrize(
    ("f32_ms", "bf16_ms", "chosen"),
    [(10.0, 6.0, "bf16"), (10.0, 9.4, "bf16"), (10.0, 9.7, "f32"), (10.0, 16.0, "f32")],
)
def test_bf16_is_taken_where_it_gains_more_than_noise(f32_ms: float, bf16_ms: float, chosen: str) -> None:
    assert faster({"f32": f32_ms, "bf16": bf16_ms}) == chosen


def test_both_precisions_are_measured_in_a_process_of_their_own(tmp_path: Path) -> None:
    measured_ms = measure_apart(tiny_source(tmp_path))
    assert list(measured_ms) == ["f32", "bf16"]
    assert all(0 < each < 1000 for each in measured_ms.values())


def test_however_short_the_time_each_is_measured_once(tmp_path: Path) -> None:
    assert all(each > 0 for each in measure(tiny_source(tmp_path), seconds=0).values())


def test_a_model_that_cannot_be_measured_is_told_in_one_line(tmp_path: Path) -> None:
    missing = replace(tiny_source(tmp_path), path=str(tmp_path / "none.onnx"))
    with pytest.raises(
        WorkerStartError, match=r"^PRECISION=auto: the engine could not be measured; name f32"
    ):
        measure_apart(missing)
