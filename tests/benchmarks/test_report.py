import json
from pathlib import Path

from PIL import Image

from benchmarks.report import write_report
from tests.benchmarks.measurements import measurement, round_of


def test_a_report_is_json_a_page_and_plots(tmp_path: Path) -> None:
    measured = measurement([round_of(), round_of()])
    page = write_report(measured, {"cpu": "a CPU", "cores": 2}, tmp_path).read_text()
    document = json.loads((tmp_path / "report.json").read_text())
    assert [row["name"] in page for row in document["targets"]] == [True] * len(document["targets"])
    assert document["measurement"]["rounds"][1]["engine"]["images_per_s"] == 200.0
    assert "| 8 concurrent single-image requests | ≥ 0.9 D | 0.999 [0.999–0.999] D | yes |" in page
    for plot in ("throughput.png", "latency.png"):
        with Image.open(tmp_path / plot) as image:
            assert image.width > 500
        assert f"]({plot})" in page
