"""V2 with serialized tensors is as fast as V1: eight callers, each of whom waits for one image at a time."""

import json
import logging
from pathlib import Path
from statistics import median

import pytest

from benchmarks.files import thumbnails
from tests.harness.load import Group, LoadGenerator, Sent, write_bodies, write_whole_requests
from tests.harness.requests import inline, whole_request
from tests.harness.server import running_server
from tests.harness.v2 import INFER, binary_request

CALLERS = 8
ROUNDS, ROUND_S, WARM_UP_S = 9, 4.0, 2.0
LEAST_OF_V1 = 0.97

log = logging.getLogger(__name__)


@pytest.mark.soak
def test_v2_answers_as_many_as_v1(tmp_path: Path) -> None:
    requests = tmp_path / "requests"
    files = [file.data for file in thumbnails(50)]
    write_bodies(requests, "v1", [json.dumps({"instances": [inline(file)]}).encode() for file in files])
    write_whole_requests(
        requests, "v2", [whole_request(*binary_request([file]), path=INFER) for file in files]
    )
    with running_server(None, own_session=False) as server, LoadGenerator(requests) as load:

        def per_second(shape: str, seconds: float) -> float:
            sent: Sent = load.send(server.port, seconds, Group(shape, CALLERS))
            assert not sent.fault, sent.fault
            return sent.statuses[200] / sent.seconds

        for shape in ("v1", "v2"):
            per_second(shape, WARM_UP_S)
        ratios = []
        for number in range(ROUNDS):
            order = ("v1", "v2") if number % 2 else ("v2", "v1")
            found = {shape: per_second(shape, ROUND_S) for shape in order}
            ratios.append(found["v2"] / found["v1"])
            log.info("V1 %.1f, V2 %.1f a second: %.3f", found["v1"], found["v2"], ratios[-1])
    assert median(ratios) >= LEAST_OF_V1, ratios
