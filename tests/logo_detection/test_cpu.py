from pathlib import Path

import pytest

from logo_detection.cpu import INT8, instruction_sets, int8_instruction_set


def test_instruction_sets_are_the_first_processors_flags(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor: 0\nflags\t\t: fpu avx2 avx512_vnni\n\nprocessor: 1\nflags\t\t: fpu\n")
    assert instruction_sets(cpu_info) == {"fpu", "avx2", "avx512_vnni"}


def test_a_system_without_cpuinfo_has_none_that_are_known(tmp_path: Path) -> None:
    assert instruction_sets(tmp_path / "cpuinfo") == frozenset()


@pytest.mark.parametrize(
    ("available", "taken"),
    [(INT8, "amx_int8"), (("avx_vnni", "avx512_vnni", "avx2"), "avx512_vnni"), (("avx2", "avx512f"), None)],
)
def test_int8_is_computed_by_the_first_that_there_is(available: tuple[str, ...], taken: str | None) -> None:
    assert int8_instruction_set(frozenset(available)) == taken
