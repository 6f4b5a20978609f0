from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.files import thumbnails, write_files
from benchmarks.requests import write_requests
from benchmarks.server import service
from tests.harness.connections import LOST
from tests.harness.load import Group, LoadGenerator, write_whole_requests
from tests.harness.origins import Behaviour, Connection, Origin, file, raw, response, silence, status
from tests.harness.process import Subprocess
from tests.harness.requests import head
from tests.harness.server import PREDICT

SCORES = b'{"predictions": [{"prediction": 0.9}]}'
IMAGES = {
    **{"one": 1, "one binary": 1, "one grpc": 1, "url": 1, "000.png": 1},
    **{"fifty": 50, "fifty urls": 50, "fifty mixed": 50},
}


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, files = tmp_path_factory.mktemp("requests"), thumbnails(50)
    write_requests(files, files[:1], folder)  # large enough for what is tested
    return folder


@pytest.fixture(scope="module")
def load(requests: Path) -> Iterator[LoadGenerator]:
    with LoadGenerator(requests) as running:
        yield running


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.mark.slow
def test_callers_count_images_and_time_every_request_of_every_shape(
    artifact: Path, load: LoadGenerator, tmp_path: Path
) -> None:
    write_files(thumbnails(50), tmp_path)
    with (
        Subprocess("tests.harness.origins", tmp_path) as origin,
        service(artifact, 2, origin.introduction["port"]) as server,
    ):
        for shape, images in IMAGES.items():
            port = server.grpc_port if shape == "one grpc" else server.port
            assert port is not None
            sent = load.send(port, 0.3, Group(shape, callers=2))
            assert not sent.fault, sent.fault
            assert sent.scored == images * len(sent.answers) >= 2 * images
            latencies_s = [answer.seconds for answer in sent.answers]
            assert 0 < min(latencies_s) <= max(latencies_s) < sent.seconds + 0.1
            assert sent.cpu_s > 0
        beside = load.send(server.port, 0.3, Group("one", 1), Group("fifty", 2))
        assert [answer.scored for answer in beside.groups[0]] == [1] * len(beside.groups[0])
        assert [answer.scored for answer in beside.groups[1]] == [50] * len(beside.groups[1])
        assert server.ready_s > 0
        assert min(server.cpu().parent, server.cpu().workers) > 0


def test_whole_requests_are_sent_as_they_are(tmp_path: Path, origin: Origin) -> None:
    write_whole_requests(tmp_path, "whole", [head("Content-Length: 2", path="/elsewhere") + b"{}"])
    origin.serve("/elsewhere", file(SCORES))
    with LoadGenerator(tmp_path) as load:
        sent = load.send(origin.port, 0.2, Group("whole", callers=1))
    assert not sent.fault
    assert sent.statuses.keys() == {200}


@pytest.mark.parametrize(
    ("answer", "code"),
    [(status(503), 503), (file(b'{"predictions": [{"error": {"code": "internal"}}]}'), 200)],
    ids=["503", "an error"],
)
def test_an_answer_without_a_score_is_a_fault(
    load: LoadGenerator, origin: Origin, answer: Behaviour, code: int
) -> None:
    origin.serve(PREDICT, answer)
    sent = load.send(origin.port, 0.1, Group("one", callers=1))
    assert sent.fault.startswith(f"b'HTTP/1.1 {code} ")
    assert set(sent.statuses) == {code}
    assert sent.scored == 0


@pytest.mark.parametrize("behaviour", [Connection.close, silence()], ids=["hangs up", "is silent"])
def test_a_request_without_an_answer_is_lost(requests: Path, origin: Origin, behaviour: Behaviour) -> None:
    origin.serve(PREDICT, behaviour)
    with LoadGenerator(requests, answer_timeout_s=0.5) as load:
        sent = load.send(origin.port, 0.1, Group("one", callers=2), Group("one", per_second=50))
    assert sent.fault == "a connection broke off"
    assert set(sent.statuses) == {LOST}
    assert all(sent.groups)


def test_a_server_that_is_not_there_loses_each_callers_request(load: LoadGenerator) -> None:
    with Origin() as gone:
        pass
    sent = load.send(gone.port, 0.1, Group("one", callers=3))
    assert sent.statuses == {LOST: 3}


def test_callers_wait_for_their_answers_and_a_rate_waits_for_nobody(
    load: LoadGenerator, origin: Origin
) -> None:
    head = response("200 OK", {"Content-Length": str(len(SCORES))})
    origin.serve(PREDICT, raw(head, SCORES, pause_s=0.4))
    sent = load.send(origin.port, 1.0, Group("one", callers=2), Group("one", per_second=100))
    callers, rate = sent.groups
    assert 4 <= len(callers) <= 6
    assert 90 <= len(rate) <= 100
    assert sent.scored == len(sent.answers)
    assert min(answer.seconds for answer in sent.answers) >= 0.4
    assert sent.between(0.0, 0.5).scored < 60


def test_callers_who_pause_ask_less_often(load: LoadGenerator, origin: Origin) -> None:
    origin.serve(PREDICT, file(SCORES))
    hasty, pausing = (
        load.send(origin.port, 0.5, Group("one", callers=1, pause_s=pause_s)) for pause_s in (0.0, 0.1)
    )
    assert 3 * len(pausing.answers) < len(hasty.answers)
