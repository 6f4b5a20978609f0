"""bf16: what the engine gains by half the bits where the CPU computes in them, and what the scores lose."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.engine import ceilings, measure_ceiling
from benchmarks.targets import Bfloat16
from tests.harness.process import Subprocess

CPU_INFO = Path("/proc/cpuinfo")
CPU_FLAGS = {"avx512_bf16", "amx_bf16"}
TURNS = 3
TURN_S = 2.0


def cpu_has_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Whether OpenVINO would compute in bf16 when asked to, and not in f32 all the same."""
    lines = cpu_info.read_text().splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not CPU_FLAGS.isdisjoint(flags.split())


def measure_bfloat16(f32: Sequence[Subprocess], artifact: Path, files: Path, pace: float) -> Bfloat16:
    """By turns with f32, on as many cores."""
    with ExitStack() as stack:
        bf16 = [stack.enter_context(ceilings(artifact, files, "bf16")) for _ in f32]
        speed = [_turn(bf16, pace) / _turn(f32, pace) for _ in range(TURNS)]
        wide, narrow = (each[0].ask({"do": "golden"}) for each in (f32, bf16))
    shift = max(
        abs(one - other) for name in wide for one, other in zip(wide[name], narrow[name], strict=True)
    )
    return Bfloat16(speed, shift)


def _turn(engines: Sequence[Subprocess], pace: float) -> float:
    return measure_ceiling(engines, "engine", TURN_S * pace).images_per_s
