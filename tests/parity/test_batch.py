"""The same files through the server, the local engine and Spark give the same scores."""

import base64
from pathlib import Path

import pytest

from batch.score import main
from tests.batch.jobs import read_rows
from tests.harness.server import running_server
from tests.parity.test_parity import ARTIFACT, GOLDEN, ROUNDING, TOLERANCE, Expected, assert_same, predicted


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """What the server says of the golden images and the samples."""
    files = [path for path in sorted(GOLDEN.iterdir()) if path.suffix != ".json"]
    body = [
        {"filename": path.name, "image": base64.b64encode(path.read_bytes()).decode(), "target": "logo"}
        for path in files
    ]
    with running_server(tmp_path_factory.mktemp("server") / "stderr", WORKERS=1) as server:
        return predicted(server.predict(body).json()["predictions"])


def batch_scores(engine: str, output: Path, names: Expected) -> Expected:
    files = [str(GOLDEN / name) for name in names]
    model = ("--model", str(ARTIFACT), "--workers", "1")
    assert main(["--engine", engine, *model, "--output", str(output), *files]) == 0
    return {Path(name).name: dict(row["scores"]) for name, row in read_rows(output).items()}


def test_the_local_engine_scores_as_the_server_does(served: Expected, tmp_path: Path) -> None:
    assert len(served) >= 6
    assert_same(batch_scores("local", tmp_path / "out", served), served, TOLERANCE + ROUNDING)


@pytest.mark.slow
def test_spark_scores_as_the_server_and_the_local_engine_do(served: Expected, tmp_path: Path) -> None:
    on_spark = batch_scores("spark", tmp_path / "spark", served)
    assert_same(on_spark, served, TOLERANCE + ROUNDING)
    assert_same(on_spark, batch_scores("local", tmp_path / "local", served), TOLERANCE)
