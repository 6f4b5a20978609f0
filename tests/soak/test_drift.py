"""Ten thousand requests of every kind leave a server as they found it.

What is compared is the server at rest: after a warm-up of the same traffic, and after 10,000 requests. A
worker that has scored its number of images is recycled meanwhile, and the new one would hide what the old one
kept; so the server's own process and the worker that lived all along are held to the limit each for itself,
beside the whole. Then workers are killed, one after the other, and what is left must be what was there.
"""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.harness.footprint import Footprint, at_rest, footprint, tree_footprint, worker_ids, zombies
from tests.harness.origins import Origin
from tests.harness.process import until
from tests.harness.server import RunningServer, running_server
from tests.soak import report
from tests.soak.traffic import BODY_MAX_SIZE, HOST, Traffic

REQUESTS, WARM_UP, ROUNDS = 10_000, 2_000, 10
AT_ONCE = 8
WORKERS = 2
KILLS = 20
RESTART_TIMEOUT_S = 60.0
TIME_BUDGETS = {"REQUEST_TIMEOUT_S": 120, "DECODE_TIMEOUT_S": 30}  # a busy machine costs time, and no score
MAX_DRIFT_PERCENT = 2.0
LAST = 3  # states of the server's process that a leak raises all; what it keeps for a moment raises one
MIB = 2**20


@dataclass(frozen=True, slots=True)
class State:
    """A server at rest, its callers gone: all its processes, its own alone, and each worker by its id."""

    tree: Footprint
    server: Footprint
    workers: dict[int, Footprint]

    @classmethod
    def of(cls, pid: int) -> "State":
        """Measured once descriptors, threads and processes come and go no more."""
        tree = at_rest(partial(tree_footprint, pid))
        workers = {worker: at_rest(partial(footprint, worker)) for worker in worker_ids(pid)}
        return cls(tree, at_rest(partial(footprint, pid)), workers)

    def row(self, requests: int) -> dict[str, Any]:
        """For the report."""
        return {
            "requests": requests,
            "all, anonymous (MiB)": round(self.tree.anonymous / MIB, 1),
            "all, RSS (MiB)": round(self.tree.rss / MIB, 1),
            "all, PSS (MiB)": round(self.tree.pss / MIB, 1),
            "server, anonymous (MiB)": round(self.server.anonymous / MIB, 1),
            "workers, anonymous (MiB)": {
                pid: round(worker.anonymous / MIB, 1) for pid, worker in self.workers.items()
            },
            "descriptors": self.tree.descriptors,
            "threads": self.tree.threads,
            "processes": self.tree.processes,
        }


@pytest.mark.soak
def test_ten_thousand_requests_leave_the_server_as_they_found_it(tmp_path: Path) -> None:
    with Origin() as origin:
        settings: dict[str, Any] = {
            "WORKERS": WORKERS,
            "ALLOWED_HOSTS": HOST,
            "ORIGIN_OVERRIDES": f"{HOST}={origin.url}",
            "BODY_MAX_SIZE": BODY_MAX_SIZE,
            **TIME_BUDGETS,
            "LOG_FORMAT": "json",
        }
        with running_server(tmp_path / "stderr", **settings) as server:
            soak(server, Traffic(server, origin))


def soak(server: RunningServer, traffic: Traffic) -> None:
    pid, fates = server.process.pid, Counter[str]()
    traffic.learn_scores()
    traffic.send_all(range(REQUESTS, REQUESTS + WARM_UP), AT_ONCE)
    warm = State.of(pid)
    began, states = time.monotonic(), []
    for first in range(0, REQUESTS, REQUESTS // ROUNDS):
        fates += traffic.send_all(range(first, first + REQUESTS // ROUNDS), AT_ONCE)
        states.append(State.of(pid))
    seconds, end = time.monotonic() - began, states[-1]
    lived = warm.workers.keys() & end.workers.keys()
    lose_workers(server)
    left = State.of(pid)
    rows = [state.row(index * REQUESTS // ROUNDS) for index, state in enumerate([warm, *states])]
    growth = {
        "all": percent(warm.tree, end.tree),
        "server": min(percent(warm.server, state.server) for state in states[-LAST:]),
        **{f"worker {worker}": percent(warm.workers[worker], end.workers[worker]) for worker in lived},
        "server, after the kills": percent(warm.server, left.server),
    }
    report.write(
        "drift",
        {
            "requests": sum(fates.values()),
            "images": round(server.metric("logo_items_total")),
            "seconds": round(seconds),
            "fates": dict(fates.most_common()),
            "after warm-up": rows[0],
            "on the way": rows[1:],
            "growth of anonymous memory (%)": growth,
            "workers killed": KILLS,
            "after the kills": left.row(REQUESTS),
        },
        [*rows, left.row(REQUESTS)],
    )
    assert lived, "every worker was replaced"
    assert max(growth.values()) < MAX_DRIFT_PERCENT, growth
    assert counts(end) == counts(warm)
    assert counts(left) == counts(warm)
    assert server.metric("logo_worker_restarts_total") == KILLS
    assert not zombies(pid)
    assert "Traceback" not in server.stderr()


def lose_workers(server: RunningServer) -> None:
    """Kill a worker, wait until it has a successor, and so on."""
    for killed in range(1, KILLS + 1):
        os.kill(worker_ids(server.process.pid)[0], signal.SIGKILL)
        until(partial(replaced, server, killed), RESTART_TIMEOUT_S)


def replaced(server: RunningServer, killed: int) -> bool:
    """Whether every worker that was killed has a successor."""
    restarts, ready = server.metric("logo_worker_restarts_total"), server.metric("logo_workers_ready")
    return restarts >= killed and ready >= WORKERS


def percent(before: Footprint, after: Footprint) -> float:
    return round(100 * (after.anonymous / before.anonymous - 1), 2)


def counts(state: State) -> tuple[float, float, float]:
    return state.tree.descriptors, state.tree.threads, state.tree.processes
