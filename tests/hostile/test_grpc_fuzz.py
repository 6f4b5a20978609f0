"""Messages of gRPC of every kind of damage, by the thousand, at a real server: none of them is its fault.

No answer and no line of the log has bytes of an image or of metadata, and the server is left as it was.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from tests.harness.footprint import at_rest, footprint, tree_footprint, zombies
from tests.harness.grpc import MODEL_INFER, GrpcServer, infer_request, read_outputs, running_grpc_server
from tests.hostile.grpc_mutations import SECRETS, Mutant, mutant
from tests.hostile.v2_mutations import leaks
from tests.images import one_colour

WORKERS = 2
WARM_UP = 200
GROWTH_MAX_BYTES = 12 * 2**20
EXPECTED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED"}

log = logging.getLogger(__name__)


@pytest.fixture
def server(artifact: Path, tmp_path: Path) -> Iterator[GrpcServer]:
    with running_grpc_server(tmp_path / "stderr", MODEL_PATH=artifact, WORKERS=WORKERS) as running:
        yield running


@pytest.mark.parametrize(
    "messages",
    [
        300,
        pytest.param(1500, marks=pytest.mark.slow),
        pytest.param(10_000, marks=pytest.mark.soak),
    ],
)
def test_every_mutant_is_answered_as_documented(server: GrpcServer, messages: int) -> None:
    process = server.http.process
    expected = score(server)
    for seed in range(-WARM_UP, 0):
        send(server, mutant(seed))
    before = at_rest(lambda: tree_footprint(process.pid))
    own_before = footprint(process.pid).anonymous
    codes = Counter(send(server, mutant(seed)) for seed in range(messages))
    after = at_rest(lambda: tree_footprint(process.pid))
    own_growth = footprint(process.pid).anonymous - own_before
    assert score(server) == expected
    log.info("%d: %s; %.0f bytes more", messages, dict(codes), own_growth)
    assert codes.keys() == EXPECTED
    assert min(codes["OK"], codes["INVALID_ARGUMENT"]) > messages / 5
    assert own_growth < GROWTH_MAX_BYTES
    assert after.anonymous - before.anonymous < (1 + WORKERS) * GROWTH_MAX_BYTES
    assert (after.processes, after.threads) == (before.processes, before.threads)
    assert server.http.metric("logo_worker_restarts_total") == 0
    assert server.http.metric("logo_held_bytes") == 0
    assert not zombies(process.pid)
    written = server.http.stderr()
    assert leaks(written) == []
    assert "Traceback" not in written
    assert "unexpected error" not in written
    assert "could not be scored" not in written


def send(server: GrpcServer, one: Mutant) -> str:
    """The code by which a mutant is answered."""
    code, told, outputs = "OK", "", {}
    try:
        answer = server.call(one.method, one.message, metadata=SECRETS)
        told = answer.decode("latin-1")
        if one.method == MODEL_INFER:
            outputs = read_outputs(pb.ModelInferResponse.FromString(answer))
    except grpc.RpcError as error:
        code, told = error.code().name, f"{error.details()} {error.trailing_metadata()}"
    assert leaks(told) == [], one.seed
    assert code in EXPECTED, f"{one.seed}: {code} {told}"
    assert "internal" not in outputs.get("error_code", []), one.seed
    return code


def score(server: GrpcServer) -> float:
    (prediction,) = read_outputs(server.infer(infer_request([one_colour("red")])))["prediction"]
    return float(prediction)
