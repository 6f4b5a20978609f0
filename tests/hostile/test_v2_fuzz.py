"""V2 requests of every kind of damage, by the thousand, at a real server: 200, 400 or 422, and nothing else.

No answer and no line of the log has bytes of an image or a header, and the server is left as it was.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.documented import document_of
from tests.harness.footprint import at_rest, footprint, tree_footprint, zombies
from tests.harness.server import RunningServer, running_server
from tests.harness.v2 import INFER, binary_request, outputs
from tests.hostile.v2_mutations import Mutant, leaks, mutant
from tests.images import one_colour

INFER_PATH = "/v2/models/{model}/infer"
WORKERS = 2
WARM_UP = 100
GROWTH_MAX_BYTES = 8 * 2**20

log = logging.getLogger(__name__)


@pytest.fixture
def server(artifact: Path, tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path / "stderr", MODEL_PATH=artifact, WORKERS=WORKERS) as running:
        yield running


@pytest.mark.parametrize(
    "requests",
    [
        300,
        pytest.param(1500, marks=pytest.mark.slow),
        pytest.param(10_000, marks=pytest.mark.soak),
    ],
)
def test_every_mutant_is_answered_as_documented(server: RunningServer, requests: int) -> None:
    statuses = Counter[int]()
    with httpx.Client(base_url=server.url, timeout=30) as client:
        expected = score(client)
        for seed in range(-WARM_UP, 0):
            send(server, client, mutant(seed))
        before = at_rest(lambda: tree_footprint(server.process.pid))
        own_before = footprint(server.process.pid).anonymous
        for seed in range(requests):
            statuses[send(server, client, mutant(seed))] += 1
        after = at_rest(lambda: tree_footprint(server.process.pid))
        own_growth = footprint(server.process.pid).anonymous - own_before
        assert score(client) == expected
    tree_growth = after.anonymous - before.anonymous
    log.info("%d: %s; %.0f and %.0f bytes more", requests, dict(statuses), own_growth, tree_growth)
    assert statuses.keys() == {200, 400, 422}
    assert min(statuses.values()) > requests / 20
    assert own_growth < GROWTH_MAX_BYTES
    assert tree_growth < (1 + WORKERS) * GROWTH_MAX_BYTES
    assert (after.processes, after.threads) == (before.processes, before.threads)
    assert server.metric("logo_worker_restarts_total") == 0
    assert not zombies(server.process.pid)
    written = server.stderr()
    assert leaks(written) == []
    assert "Traceback" not in written
    assert "could not be scored" not in written


def send(server: RunningServer, client: httpx.Client, one: Mutant) -> int:
    """The status of a mutant's answer, which is held against the server's own document."""
    response = client.post(INFER, content=one.body, headers=one.headers)
    told = response.content.decode("latin-1") + repr(response.headers)
    assert leaks(told) == [], one.seed
    assert response.status_code in (200, 400, 422), f"{one.seed}: {response.text}"
    assert document_of(server).contradictions(response, INFER_PATH) == [], one.seed
    if response.status_code == 400:
        assert json.loads(response.content).keys() == {"error"}, one.seed
    else:
        found = outputs(response)
        assert "internal" not in found.get("error_code", []), one.seed
    return response.status_code


def score(client: httpx.Client) -> float:
    body, headers = binary_request([one_colour("red")])
    (prediction,) = outputs(client.post(INFER, content=body, headers=headers))["prediction"]
    return float(prediction)
