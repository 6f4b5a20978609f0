from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.companions import BenchmarkError, Companion
from benchmarks.files import thumbnails, write_files
from benchmarks.requests import PREDICT
from benchmarks.server import service
from tests.origins import Origin, file, status


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = tmp_path_factory.mktemp("thumbnails")
    write_files(thumbnails(50), small)
    return small


@pytest.fixture(scope="module")
def callers(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companion]:
    large = tmp_path_factory.mktemp("large")
    write_files(thumbnails(1), large)  # large enough for what is tested
    with Companion("benchmarks.callers", folder, large) as companion:
        yield companion


def call(port: int, shape: str, callers: int = 1, beside: int = 0) -> dict[str, Any]:
    groups = [{"shape": shape, "callers": callers, "pause_s": 0.0}]
    if beside:
        groups.append({"shape": "fifty", "callers": beside, "pause_s": 0.0})
    return {"do": "call", "port": port, "seconds": 0.3, "groups": groups}


@pytest.mark.slow
def test_callers_count_images_and_time_every_request_of_every_shape(
    artifact: Path, folder: Path, callers: Companion
) -> None:
    with (
        Companion("benchmarks.origin", folder) as origin,
        service(artifact, 2, origin.introduction["port"]) as server,
    ):
        for shape, images in {
            "one": 1,
            "url": 1,
            "large": 1,
            "fifty": 50,
            "fifty urls": 50,
            "fifty mixed": 50,
        }.items():
            answer = callers.ask(call(server.port, shape, callers=2))
            (group,) = answer["groups"]
            assert group["images"] == images * len(group["latencies_s"]) >= 2 * images
            assert 0 < min(group["latencies_s"]) <= max(group["latencies_s"]) < answer["seconds"] + 0.1
            assert answer["cpu_s"] > 0
        first, second = callers.ask(call(server.port, "one", beside=2))["groups"]
        assert first["images"] == len(first["latencies_s"])
        assert second["images"] == 50 * len(second["latencies_s"])
        assert server.ready_s > 0
        assert min(server.cpu().parent, server.cpu().workers) > 0


@pytest.mark.parametrize(
    "answer",
    [status(503), file(b'{"predictions": [{"error": {"code": "internal"}}]}')],
    ids=["503", "an error"],
)
def test_an_answer_without_a_score_makes_the_figures_worthless(callers: Companion, answer: Any) -> None:
    with Origin() as server:
        server.serve(PREDICT, answer)
        with pytest.raises(BenchmarkError, match="not what it should be"):
            callers.ask(call(server.port, "one"))


def test_a_server_that_hangs_up_makes_the_figures_worthless(callers: Companion) -> None:
    with Origin() as server:
        server.serve(PREDICT, lambda connection: connection.close())
        with pytest.raises(BenchmarkError, match="broke off"):
            callers.ask(call(server.port, "one"))


def test_a_companion_that_ends_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="ended"), Companion("benchmarks.engine", tmp_path):
        pass
