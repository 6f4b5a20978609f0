from pathlib import Path

import pytest

from logo_detection.cores import available_cores


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", None), ("50000 100000", 1), ("100000 100000", 1)]
)
def test_the_cgroups_quota_bounds_the_workers(tmp_path: Path, quota: str, cores: int | None) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota + "\n")
    everything = available_cores(tmp_path / "missing")
    assert available_cores(file) == (cores or everything)
