"""The CPU: which instruction sets it has, of those that decide how fast, and how, a network is computed."""

from pathlib import Path
from typing import Literal

CPU_INFO = Path("/proc/cpuinfo")
BF16 = frozenset({"amx_bf16", "avx512_bf16"})
"""Those that multiply in bf16. Without one the engine emulates it, which is slower than f32."""
Int8InstructionSet = Literal["amx_int8", "avx512_vnni", "avx_vnni"]
INT8: tuple[Int8InstructionSet, ...] = ("amx_int8", "avx512_vnni", "avx_vnni")
"""Those that add the products of bytes without overflow, the one that the engine takes first at the front."""


def instruction_sets(cpu_info: Path = CPU_INFO) -> frozenset[str]:
    """All that this CPU has, by their names in /proc/cpuinfo; none where there is no such file."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def int8_instruction_set(available: frozenset[str]) -> Int8InstructionSet | None:
    """The one of INT8 by which the engine computes in int8 on such a CPU; None: it has none."""
    return next((each for each in INT8 if each in available), None)
