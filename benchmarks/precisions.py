"""Precisions: what the engine gains by fewer bits than f32 has, and what the golden scores lose."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.engine import ceilings, measure_ceiling
from benchmarks.targets import Narrow
from logo_detection.artifact import load_artifact
from logo_detection.classifier import Precision, check_cpu
from logo_detection.cpu import BF16, instruction_sets
from logo_detection.errors import ArtifactError
from tests.harness.process import Subprocess

TURNS = 3
TURN_S = 2.0


def can_compute_in(precision: Precision, artifact: Path) -> bool:
    """Whether the CPU has instructions for it, and the artifact a model."""
    if precision == "bf16":
        return not BF16.isdisjoint(instruction_sets())
    try:
        check_cpu(load_artifact(artifact).model_source("openvino", precision))
    except ArtifactError:
        return False
    return True


def measure_precision(
    precision: Precision, f32: Sequence[Subprocess], artifact: Path, files: Path, pace: float
) -> Narrow | None:
    """By turns with f32, on as many cores. None where it cannot be computed here."""
    if not can_compute_in(precision, artifact):
        return None
    with ExitStack() as stack:
        narrow = [stack.enter_context(ceilings(artifact, files, precision)) for _ in f32]
        speed = [_turn(narrow, pace) / _turn(f32, pace) for _ in range(TURNS)]
        wide, small = (each[0].ask({"do": "golden"}) for each in (f32, narrow))
    shift = max(abs(one - other) for name in wide for one, other in zip(wide[name], small[name], strict=True))
    return Narrow(speed, shift)


def _turn(engines: Sequence[Subprocess], pace: float) -> float:
    return measure_ceiling(engines, "engine", TURN_S * pace).images_per_s
