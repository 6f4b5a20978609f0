"""Mutants of every format, by the thousand, through a real server: a score or a code, and nothing else."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from logo_detection.decode.header import Format
from tests import images
from tests.harness.footprint import at_rest, tree_footprint, worker_ids, zombies
from tests.harness.process import ROOT, until
from tests.harness.requests import inline, predictions
from tests.harness.server import PREDICT, READY, READY_TIMEOUT_S, RunningServer, is_ok, running_server
from tests.mutations import Mutant, mutant
from tests.soak import report

WORKERS = 2
BATCH = 24
DECODE_TIMEOUT_S = 3.0
REQUEST_TIMEOUT_S = (
    120  # for each file of a batch to meet its own fate, even if some take a worker's time limit
)
SHIPPED = ROOT / "model_artifacts" / "logo-detection"
CODES = {"image_corrupt", "image_unsupported", "image_too_many_pixels", "image_timeout"}


@pytest.fixture(params=["small", pytest.param("shipped", marks=pytest.mark.soak)])
def fuzzed(
    request: pytest.FixtureRequest, artifact: Path, tmp_path: Path
) -> Iterator[tuple[RunningServer, httpx.Client]]:
    """A server of its own, and a caller."""
    settings: dict[str, Any] = {
        "MODEL_PATH": artifact if request.param == "small" else SHIPPED,
        "WORKERS": WORKERS,
        "DECODE_TIMEOUT_S": DECODE_TIMEOUT_S,
        "REQUEST_TIMEOUT_S": REQUEST_TIMEOUT_S,
    }
    with (
        running_server(tmp_path / "stderr", **settings) as server,
        httpx.Client(timeout=REQUEST_TIMEOUT_S) as client,
    ):
        yield server, client


@pytest.mark.parametrize(
    ("fuzzed", "files"),
    [
        pytest.param("small", 72, marks=pytest.mark.brief),
        pytest.param("small", 500, marks=pytest.mark.slow),
        pytest.param("shipped", 10_000, marks=pytest.mark.soak),
    ],
    indirect=["fuzzed"],
)
def test_every_mutant_is_scored_or_has_a_code(fuzzed: tuple[RunningServer, httpx.Client], files: int) -> None:
    server, client = fuzzed
    sound = images.one_colour("red")
    expected = ask(server, client, [sound])[0]["prediction"]
    before = at_rest(lambda: tree_footprint(server.process.pid))
    began, fates, lost = time.monotonic(), Counter[str](), list[str]()
    for first in range(0, files, BATCH):
        mutants = [mutant(seed) for seed in range(first, min(first + BATCH, files))]
        *answers, last = ask(server, client, [*(one.data for one in mutants), sound])
        assert last.get("prediction") == expected, f"a neighbour of mutants {first} to {first + BATCH - 1}"
        for one, answer in zip(mutants, answers, strict=True):
            fate = fate_of(one, answer)
            fates[fate] += 1
            if fate == "image_timeout":
                lost.append(one.name)
    seconds = time.monotonic() - began
    until(lambda: is_ok(server.port, READY), READY_TIMEOUT_S)
    until(lambda: is_settled(server), READY_TIMEOUT_S)
    restarts = server.metric("logo_worker_restarts_total")
    after = at_rest(lambda: tree_footprint(server.process.pid))
    assert restarts == len(lost)
    assert len(worker_ids(server.process.pid)) == WORKERS
    assert not zombies(server.process.pid)
    assert (after.processes, after.threads) == (before.processes, before.threads)
    log = server.stderr()
    assert "could not be scored" not in log
    assert "Traceback" not in log
    if files >= 10_000:
        report.write(
            "fuzz",
            {
                "files": files,
                "seconds": round(seconds),
                "fates": dict(fates.most_common()),
                "workers lost": restarts,
                "over mutants": lost,
                "as the log says": [line for line in log.splitlines() if "a worker was lost" in line],
            },
            [{"outcome": fate, "files": number} for fate, number in fates.most_common()],
        )


def ask(server: RunningServer, client: httpx.Client, files: list[bytes]) -> list[dict[str, Any]]:
    """Their answers, in one request that must be a good one."""
    instances = [inline(data, str(index)) for index, data in enumerate(files)]
    response = client.post(server.url + PREDICT, json={"instances": instances, "debug": True})
    assert response.status_code == 200, response.text
    answered = predictions(response)
    assert [one["filename"] for one in answered] == [one["filename"] for one in instances]
    return answered


def fate_of(one: Mutant, answer: dict[str, Any]) -> str:
    """`scored` or a code; a failure names the mutant, which its seed makes again."""
    if "error" in answer:
        code: str = answer["error"]["code"]
        assert code in CODES, f"{one.name}: {answer}"
        return code
    assert 0 <= answer["prediction"] <= 1, one.name
    assert answer["format"] in set(Format), one.name
    assert answer["latency"]["decode (s)"] < DECODE_TIMEOUT_S, one.name
    return "scored"


def is_settled(server: RunningServer) -> bool:
    """Whether all workers are there, and none is at work."""
    return server.metric("logo_workers_ready") == WORKERS and server.metric("logo_workers_busy") == 0
