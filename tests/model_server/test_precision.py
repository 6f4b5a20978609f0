"""PRECISION, on a real server: what is refused, what is measured, and what is said of it."""

from pathlib import Path

import pytest

from logo_detection.cpu import BF16, instruction_sets
from tests.harness.requests import inline, predictions
from tests.harness.server import RunningServer
from tests.model_server.conftest import Files, Start
from tests.models import add_int8, int8_elsewhere, int8_here, tiny_onnx, write_artifact

SLOWER = "PRECISION=bf16: this CPU has neither amx_bf16 nor avx512_bf16"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    tiny_onnx(tmp_path / "model" / "model.onnx")
    return write_artifact(tmp_path / "model")


def served_precision(server: RunningServer) -> list[str]:
    return [each for each in ("f32", "bf16", "int8") if server.metric("logo_model_info", precision=each)]


def test_an_int8_model_is_served_by_a_cpu_that_computes_as_its_manifest_says(
    model: Path, start: Start, files: Files
) -> None:
    here = int8_here()
    settings = {"MODEL_PATH": add_int8(model, (here or "amx_int8",)), "PRECISION": "int8"}
    if here is None:
        with pytest.raises(RuntimeError, match="this CPU has no instructions for int8"), start(**settings):
            pass
        return
    with start(**settings) as server:
        (blue,) = predictions(server.predict([inline(files.blue)]))
        assert blue["prediction"] > 0.9  # the model that stands for int8 takes blue for a logo
        assert served_precision(server) == ["int8"]


def test_an_int8_model_is_refused_by_any_other_cpu_in_one_line(model: Path, start: Start) -> None:
    settings = {"MODEL_PATH": add_int8(model, int8_elsewhere()), "PRECISION": "int8"}
    refused = "ended with 2: model_server: its int8 scores hold for"
    with pytest.raises(RuntimeError, match=refused) as failure, start(**settings):
        pass
    assert len(str(failure.value).strip().splitlines()) == 1


def test_auto_measures_both_and_says_which_it_took(start: Start) -> None:
    with start(PRECISION="auto") as server:
        (chosen,) = served_precision(server)
        (line,) = [line for line in server.stderr().splitlines() if "PRECISION=auto: " in line]
        assert f"PRECISION=auto: {chosen}; f32 takes " in line
        assert f"precision={chosen}" in server.stderr()


def test_bf16_on_a_cpu_without_it_is_warned_of(start: Start) -> None:
    with start(PRECISION="bf16") as server:
        assert (SLOWER in server.stderr()) == BF16.isdisjoint(instruction_sets())
        assert served_precision(server) == ["bf16"]
