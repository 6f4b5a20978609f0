"""The load test: UploadWizard's users, and those who send fifty, as locust plays them.

    locust --locustfile benchmarks/locustfile.py --headless --host http://127.0.0.1:8080 \
        --users 10 --spawn-rate 10 --run-time 30s --csv runs/load/10 UploadWizard

`python -m benchmarks.load` starts a server, runs this at 1, 10 and 20 users, keeps the tables, and holds the
throughput against the engine's. An answer that is late, not a 200, or without a score counts as a failure.
"""

import random

from locust import FastHttpUser, constant, task

from benchmarks.files import File, thumbnails
from benchmarks.requests import FIFTY, item
from tests.harness.server import PREDICT

ANSWER_TIMEOUT_S = 15.0  # UploadWizard gives up then
HEADERS = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Wikimedia Commons Upload Wizard"}
FILES = thumbnails()


class Caller(FastHttpUser):  # type: ignore[misc]
    """Sends the next request when it has its answer."""

    abstract = True
    wait_time = constant(0)
    network_timeout = ANSWER_TIMEOUT_S
    connection_timeout = ANSWER_TIMEOUT_S

    def send(self, name: str, files: list[File]) -> None:
        body = {"instances": [item(file) for file in files]}
        with self.client.post(
            PREDICT, name=name, json=body, headers=HEADERS, catch_response=True
        ) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif any("prediction" not in each for each in response.json()["predictions"]):
                response.failure("a file has no score")


class UploadWizard(Caller):
    """One thumbnail a request."""

    @task  # type: ignore[untyped-decorator]
    def upload(self) -> None:
        self.send("one", [random.choice(FILES)])


class Batch(Caller):
    """Fifty a request."""

    @task  # type: ignore[untyped-decorator]
    def score(self) -> None:
        self.send("fifty", random.sample(FILES, FIFTY))
