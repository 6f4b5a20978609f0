"""The batch benchmark: a job is measured whole, beside decoding and engine on as many cores."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.batch import Bench, Job, Run, ceiling_processes, render
from benchmarks.files import thumbnails, write_files
from tests.harness.process import HarnessError


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    write_files(thumbnails(20), folder)
    return folder


def test_a_job_is_measured_whole(artifact: Path, files: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        bench = Bench(files, artifact, ceiling_processes(stack, artifact, files, 1), ceiling_s=0.2)
        run = bench.run(Job("local", 1), tmp_path / "output")
    assert run.images == 20
    assert 0 < run.start_s < run.seconds
    assert 0 < run.scoring_s < run.seconds - run.start_s
    assert 0 < run.of_ceiling < run.scoring_of_ceiling
    assert run.busy_ms > run.ceiling_ms > 0


def test_a_file_without_a_score_makes_the_figures_worthless(
    artifact: Path, files: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        bench = Bench(files, artifact, ceiling_processes(stack, artifact, files, 1), ceiling_s=0.2)
        (files / "broken.png").write_bytes(b"no image")
        with pytest.raises(HarnessError, match="21 rows of 21 files, not all of them scored"):
            bench.run(Job("local", 1), tmp_path / "output")


def test_the_page_has_medians_and_what_the_backlog_costs() -> None:
    runs = [
        Run(1001, seconds, start_s=2.0, scoring_s=10.0, busy_ms=21.0, ceiling=110.0, ceiling_ms=18.0)
        for seconds in (10.01, 20.02, 40.04)
    ]
    page = render({Job("local", 2): runs}, {"cpu": "a fast one"})
    assert "cpu: a fast one. Medians of 3 rounds." in page
    # 1,001 images in 20.02 s are 50 a second; 100 million at 100 a second and two cores are 556 hours.
    assert "| local, 2 cores | 50.0 | 0.455 | 0.93 | 0.909 | 2.0 | 21.0 | 18.0 | 556 |" in page
