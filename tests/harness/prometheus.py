"""A real Prometheus, which is Debian's, on a free port: it asks servers of this machine for their metrics."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.harness.process import clean_environment, free_port, until
from tests.harness.server import is_ok
from tests.harness.tools import required

SCRAPE_S = 1
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0
QUERY_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that answers."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression has now: `metric` has the labels, `value` the time and the number.

        Raises:
            httpx.HTTPStatusError: Prometheus refuses the expression.
        """
        asked = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=QUERY_TIMEOUT_S)
        asked.raise_for_status()
        found: list[dict[str, Any]] = asked.json()["data"]["result"]
        return found


@contextmanager
def running_prometheus(directory: Path, ports: Sequence[int], job: str) -> Iterator[Prometheus]:
    """Scrape the servers on these ports every second, until the block ends; its files lie in a folder."""
    targets = [f"127.0.0.1:{port}" for port in ports]
    scraped = {"job_name": job, "static_configs": [{"targets": targets, "labels": {"namespace": "commons"}}]}
    config = {"global": {"scrape_interval": f"{SCRAPE_S}s"}, "scrape_configs": [scraped]}
    (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    port = free_port()
    command = [
        *(str(required("promtool").with_name("prometheus")), f"--config.file={directory / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address=127.0.0.1:{port}"),
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, env=clean_environment({}), stdout=log, stderr=log)
        try:
            until(lambda: is_ok(port, "/-/ready"), START_TIMEOUT_S)
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)
